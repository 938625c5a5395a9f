#include "controlplane/service/overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace lb::controlplane {
namespace {

void prune_server(ServerOverride& change, const config::RealServer& server) {
  if (change.weight == server.weight) change.weight.reset();
  if (change.duty != Duty::kDrain) change.deadline.reset();
}

// Of one server, no matter what became of the others.
void forget_undone(ServerOverride& saved, const ServerOverride& in_force) {
  if (!in_force.weight) saved.weight.reset();
  if (in_force.duty != Duty::kReady) return;
  saved.duty = Duty::kReady;
  saved.deadline.reset();
}

void prune_service(ServiceOverride& change, const config::Service& service) {
  if (change.scheduler == service.scheduler) change.scheduler.reset();
  for (auto it = change.servers.begin(); it != change.servers.end();) {
    const auto server = std::ranges::find(service.real_servers, it->first,
                                          [](const config::RealServer& rs) { return rs.address; });
    const bool known = server != service.real_servers.end();
    if (known) prune_server(it->second, *server);
    it = known && it->second != ServerOverride{} ? std::next(it) : change.servers.erase(it);
  }
}

}  // namespace

void prune(Overrides& overrides, const std::vector<config::Service>& services) {
  for (auto it = overrides.begin(); it != overrides.end();) {
    const auto service = std::ranges::find(services, it->first, &config::Service::name);
    const bool known = service != services.end();
    if (known) prune_service(it->second, *service);
    it = known && it->second != ServiceOverride{} ? std::next(it) : overrides.erase(it);
  }
}

void forget_undone(Changes& changes) {
  for (auto& [name, saved] : changes.saved) {
    const ServiceOverride& in_force = changes.in_force[name];
    if (!in_force.scheduler) saved.scheduler.reset();
    for (auto& [address, server] : saved.servers) {
      const auto it = in_force.servers.find(address);
      forget_undone(server, it == in_force.servers.end() ? ServerOverride{} : it->second);
    }
    std::erase_if(saved.servers,
                  [](const auto& entry) { return entry.second == ServerOverride{}; });
  }
  const auto nothing = [](const auto& entry) { return entry.second == ServiceOverride{}; };
  std::erase_if(changes.saved, nothing);
  std::erase_if(changes.in_force, nothing);
}

std::vector<std::string> describe(const Changes& changes,
                                  const std::vector<config::Service>& services,
                                  std::chrono::steady_clock::time_point now) {
  static const ServiceOverride kNone;
  static const ServerOverride kSame;
  std::vector<std::string> lines;
  for (const config::Service& service : services) {
    const auto found = changes.in_force.find(service.name);
    if (found == changes.in_force.end()) continue;
    const auto kept = changes.saved.find(service.name);
    const ServiceOverride& saved = kept == changes.saved.end() ? kNone : kept->second;
    const auto add = [&](const std::string& text, bool is_saved) {
      lines.push_back(fmt::format("service {}: {}, by lbcli set{}", service.name, text,
                                  is_saved ? " --save" : ""));
    };
    if (const auto scheduler = found->second.scheduler) {
      add(fmt::format("scheduler {} -> {}", name_of(service.scheduler), name_of(*scheduler)),
          saved.scheduler == scheduler);
    }
    for (const config::RealServer& server : service.real_servers) {
      const auto it = found->second.servers.find(server.address);
      if (it == found->second.servers.end()) continue;
      const ServerOverride& change = it->second;
      const auto same = saved.servers.find(server.address);
      const ServerOverride& own = same == saved.servers.end() ? kSame : same->second;
      const std::string name = "real server " + server.address.to_string();
      if (change.weight) {
        add(fmt::format("{}: weight {} -> {}", name, server.weight, *change.weight),
            own.weight == change.weight);
      }
      if (change.duty == Duty::kReady) continue;
      const auto left = change.deadline
                            ? std::chrono::ceil<std::chrono::seconds>(*change.deadline - now)
                            : std::chrono::seconds(0);
      add(name + (change.duty == Duty::kMaint ? ": maint" : ": drain") +
              (left.count() > 0 ? fmt::format(", {} s left", left.count()) : ""),
          own.duty == change.duty && own.deadline == change.deadline);
    }
  }
  return lines;
}

}  // namespace lb::controlplane
