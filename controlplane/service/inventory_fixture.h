// For tests: configurations that are services and nothing else, and real servers that are checked.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/service/inventory.h"

namespace lb::test {

inline Endpoint endpoint(const std::string& text) {
  return Endpoint::parse_port_optional(text).value();
}

inline config::Service service(const std::string& name, std::initializer_list<const char*> vips,
                               std::initializer_list<const char*> servers) {
  config::Service made;
  made.name = name;
  made.addresses.clear();
  for (const char* each : vips) made.addresses.push_back(EndpointRange::parse(each).value());
  for (const char* each : servers) made.real_servers.emplace_back().address = endpoint(each);
  return made;
}

inline config::ConfigPtr config_of(std::vector<config::Service> services) {
  config::Config config;
  config.services = std::move(services);
  return config::seal(std::move(config));
}

inline std::shared_ptr<const health::State> checked(bool up, const std::string& result = "result") {
  health::State state;
  state.up = state.passes = up;
  state.last_result = result;
  return std::make_shared<const health::State>(state);
}

}  // namespace lb::test
