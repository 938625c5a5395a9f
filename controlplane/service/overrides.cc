#include "controlplane/service/overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "controlplane/service/inventory.h"

namespace lb::controlplane {
namespace {

void drop_what_is_configured(ServerOverride& change, const config::RealServer& server) {
  if (change.weight == server.weight) change.weight.reset();
  if (change.admin_state != AdminState::kDrain) change.deadline.reset();
}

void drop_what_is_configured(ServiceOverride& change, const config::Service& service) {
  if (change.scheduler == service.scheduler) change.scheduler.reset();
}

void forget_undone(Changes<ServerOverride>& changes) {
  if (!changes.in_force.weight) changes.saved.weight.reset();
  if (changes.in_force.admin_state != AdminState::kReady) return;
  changes.saved.admin_state = AdminState::kReady;
  changes.saved.deadline.reset();
}

void forget_undone(Changes<ServiceOverride>& changes) {
  if (!changes.in_force.scheduler) changes.saved.scheduler.reset();
}

template <typename Thing>
void prune_changes(Thing& thing) {
  drop_what_is_configured(thing.changes.in_force, *thing.config);
  drop_what_is_configured(thing.changes.saved, *thing.config);
  forget_undone(thing.changes);
}

template <typename Thing>
bool back_to_saved(Thing& thing) {
  const auto before = thing.changes;
  thing.changes.in_force = thing.changes.saved;
  prune(thing);
  return thing.changes != before;
}

// "real server 10.0.0.11:80: drain, 5 s left"
void describe(const RealServer& server, std::chrono::steady_clock::time_point now,
              const std::function<void(const std::string&, bool saved)>& add) {
  const ServerOverride& change = server.changes.in_force;
  const ServerOverride& saved = server.changes.saved;
  const std::string name = "real server " + server.config->address.to_string();
  if (change.weight) {
    add(fmt::format("{}: weight {} -> {}", name, server.config->weight, *change.weight),
        saved.weight == change.weight);
  }
  if (change.admin_state == AdminState::kReady) return;
  const auto left = change.deadline
                        ? std::chrono::ceil<std::chrono::seconds>(*change.deadline - now)
                        : std::chrono::seconds(0);
  add(name + (change.admin_state == AdminState::kMaint ? ": maint" : ": drain") +
          (left.count() > 0 ? fmt::format(", {} s left", left.count()) : ""),
      saved.admin_state == change.admin_state && saved.deadline == change.deadline);
}

}  // namespace

void prune(Service& service) {
  prune_changes(service);
}

void prune(RealServer& server) {
  prune_changes(server);
}

bool changed_by_operators(const Service& service) {
  return service.changes.any() ||
         std::ranges::any_of(service.servers,
                             [](const RealServer& server) { return server.changes.any(); });
}

bool undo_unsaved(Inventory& inventory) {
  bool any = false;
  for (Service& service : inventory.services()) {
    any |= back_to_saved(service);
    for (RealServer& server : service.servers) any |= back_to_saved(server);
  }
  return any;
}

std::vector<std::string> describe(const Inventory& inventory,
                                  std::chrono::steady_clock::time_point now) {
  std::vector<std::string> lines;
  for (const Service& service : inventory.services()) {
    const auto add = [&](const std::string& text, bool is_saved) {
      lines.push_back(fmt::format("service {}: {}, by lbcli set{}", service.config->name, text,
                                  is_saved ? " --save" : ""));
    };
    if (const auto scheduler = service.changes.in_force.scheduler) {
      add(fmt::format("scheduler {} -> {}", name_of(service.config->scheduler),
                      name_of(*scheduler)),
          service.changes.saved.scheduler == scheduler);
    }
    for (const RealServer& server : service.servers) describe(server, now, add);
  }
  return lines;
}

}  // namespace lb::controlplane
