// The parts of a service.
#pragma once

#include "config/import/haproxy.h"

namespace lb::importer::haproxy {

struct Balanced {
  const Proxy& backend;
  const Bound& bound;
  const std::vector<Server>& servers;
};
// haproxy_real.cc: real servers, the sorry server, checks and the agent.
void write_servers(Context& context, const Configuration& configuration, Table& service,
                   const Balanced& balanced);

// haproxy_stick.cc: stick tables and cookies.
void persistence(Context& context, const Configuration& configuration, Table& service,
                 const Proxy& backend);
// Into the configuration: the tables by their names, and how many services use each.
void find_tables(Configuration& configuration);

// haproxy_access.cc: rules that accept and reject by the client's address.
// `room`: for so many addresses in all services.
void access(Context& context, Table& service, const Balanced& balanced, const Proxy& from,
            std::size_t& room);

}  // namespace lb::importer::haproxy
