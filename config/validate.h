// What must hold across keys and tables. Pure: no file, no machine but the given one.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace lb::config {

std::vector<Problem> validate(const Config& config, const Machine& machine);

// Its parts.
void validate_director(const Director& director, const Machine& machine,
                       std::vector<Problem>& problems);
void validate_dataplane(const Dataplane& dataplane, const Machine& machine,
                        std::vector<Problem>& problems);
void validate_families(const Config& config, std::vector<Problem>& problems);
// What it says of an address; lists in files of their own are refused as they are read.
std::string ipv6_refusal(const Address& address);
void validate_network(const Config& config, std::vector<Problem>& problems);
void validate_addresses(const Config& config, std::vector<Problem>& problems);
void validate_services(const Config& config, std::vector<Problem>& problems);
void validate_groups(const Config& config, std::vector<Problem>& problems);
void validate_one_packet(const Config& config, std::vector<Problem>& problems);
// Not for services with one_packet.
bool goes_by_connections(Scheduler scheduler);
void validate_syn_proxy(const Config& config, std::vector<Problem>& problems);
void validate_ha(const Config& config, std::vector<Problem>& problems);
void validate_alert(const Alert& alert, std::vector<Problem>& problems);

}  // namespace lb::config
