// The status of the director, its VIPs, its services and their real servers, for `lbcli`.
#pragma once

#include <string>
#include <vector>

#include "controlplane/network/interfaces.h"
#include "controlplane/service/inventory.h"

namespace lb::api::control {
class Status;
}

namespace lb::controlplane {

class Panic;

// `started`: this process, and since when servers that are not followed yet are down.
void report(const Inventory& inventory, Time started, const Panic& panic, Time now,
            api::control::Status& status);

void report(const std::vector<Interfaces::VipStatus>& vips, api::control::Status& status);

// "8 of 10 real servers up"
std::string summary(const Inventory& inventory);

}  // namespace lb::controlplane
