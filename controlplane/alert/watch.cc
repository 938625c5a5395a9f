#include "controlplane/alert/watch.h"

#include <algorithm>
#include <utility>

namespace lb::controlplane::alert {

void Watch::set_services(const std::vector<config::Service>& services) {
  std::map<std::string, Service> before = std::exchange(services_, {});
  for (const config::Service& each : services) {
    Service& service = services_[each.name];
    const Service& old = before[each.name];
    service.up = old.up;
    for (const config::RealServer& server : each.real_servers) {
      const std::string key = server.address.to_string();
      const auto known = old.servers.find(key);
      service.servers[key] = known == old.servers.end() ? std::nullopt : known->second;
    }
  }
}

std::optional<bool> Watch::judge(const Service& service) {
  const auto is = [](bool up) { return [up](const auto& each) { return each.second == up; }; };
  if (std::ranges::any_of(service.servers, is(true))) return true;
  if (std::ranges::all_of(service.servers, is(false))) return false;
  return service.up;  // not known yet
}

void Watch::know(const std::string& name, const std::string& server, bool up) {
  Service& service = services_[name];
  service.servers[server] = up;
  service.up = judge(service);
}

Watch::Change Watch::see(const std::string& name, const std::string& server, bool up) {
  Service& service = services_[name];
  Change change;
  change.server = std::exchange(service.servers[server], up) != up;
  const std::optional<bool> now = judge(service);
  if (std::exchange(service.up, now) != now) change.service = now;
  change.all = service.servers.size();
  change.up = static_cast<std::size_t>(
      std::ranges::count_if(service.servers, [](const auto& each) { return each.second == true; }));
  return change;
}

}  // namespace lb::controlplane::alert
