#include "controlplane/service/overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "config/match_services.h"
#include "config/validate.h"
#include "controlplane/service/inventory.h"

namespace lb::controlplane {
namespace {

void drop_what_is_configured(ServerOverride& change, const config::RealServer& server) {
  if (change.weight == server.weight) change.weight.reset();
  if (change.admin_state != AdminState::kDrain) change.deadline.reset();
}

// Without connections a scheduler cannot go by them.
bool fits(Scheduler scheduler, const config::Service& service) {
  return !service.one_packet || !config::goes_by_connections(scheduler);
}

void drop_what_is_configured(ServiceOverride& change, const config::Service& service) {
  if (!change.scheduler) return;
  if (*change.scheduler == service.scheduler || !fits(*change.scheduler, service)) {
    change.scheduler.reset();
  }
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
void back_to_saved(Thing& thing) {
  thing.changes.in_force = thing.changes.saved;
  prune(thing);
}

std::string_view text_of(AdminState state) {
  if (state == AdminState::kReady) return "ready";
  return state == AdminState::kMaint ? "maint" : "drain";
}

// What ends on a server; `next`: null when it is removed.
void add_ended(const std::string& service, const RealServer& server, const config::RealServer* next,
               std::vector<EndedChange>& out) {
  const auto& [own, saved] = server.changes;
  const std::string place = service + ": real server " + server.config->address.to_string();
  if (own.weight) {
    const std::string from = fmt::format("weight {}", *own.weight);
    if (next == nullptr) {
      out.push_back({place, from, "removed"});
    } else if (const auto to = saved.weight.value_or(next->weight); to != *own.weight) {
      out.push_back({place, from, std::to_string(to)});
    }
  }
  if (own.admin_state == AdminState::kReady) return;
  const std::string from(text_of(own.admin_state));
  if (next == nullptr) {
    out.push_back({place, from, "removed"});
  } else if (own.admin_state != saved.admin_state) {
    out.push_back({place, from, std::string(text_of(saved.admin_state))});
  } else if (own.deadline != saved.deadline) {
    out.push_back({place, from, from + " as it was saved"});
  }
}

// `next`: null when the service is removed.
void add_ended(const Service& service, const config::Service* next, std::vector<EndedChange>& out) {
  const std::string name = "service " + (next == nullptr ? service.config : next)->name;
  if (const auto own = service.changes.in_force.scheduler) {
    const std::string from = fmt::format("scheduler {}", name_of(*own));
    if (next == nullptr) {
      out.push_back({name, from, "removed"});
    } else {
      const auto saved = service.changes.saved.scheduler;
      const Scheduler to = saved && fits(*saved, *next) ? *saved : next->scheduler;
      if (to != *own) out.push_back({name, from, std::string(name_of(to))});
    }
  }
  for (const RealServer& server : service.servers) {
    if (!server.changes.any()) continue;
    const config::RealServer* same = nullptr;
    if (next != nullptr) {
      const auto found = std::ranges::find(next->real_servers, server.config->address,
                                           &config::RealServer::address);
      if (found != next->real_servers.end()) same = &*found;
    }
    add_ended(name, server, same, out);
  }
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

void undo_unsaved(Inventory& inventory) {
  for (Service& service : inventory.services()) {
    back_to_saved(service);
    for (RealServer& server : service.servers) back_to_saved(server);
  }
}

std::string EndedChange::text() const {
  return fmt::format("{}: {} -> {}, end of lbcli set", place, from, to);
}

std::string EndedChange::restored_text() const {
  return fmt::format("{}: {} again, by lbcli set", place, from);
}

std::vector<EndedChange> ended_by(const Inventory& inventory, const config::Config& next) {
  const std::vector<Service>& services = inventory.services();
  std::vector<const config::Service*> same(services.size());
  const auto matches = config::match_services(inventory.config()->services, next.services);
  for (std::size_t i = 0; i < matches.size(); ++i) {
    if (matches[i]) same[*matches[i]] = &next.services[i];
  }
  std::vector<EndedChange> out;
  for (std::size_t i = 0; i < services.size(); ++i) add_ended(services[i], same[i], out);
  return out;
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
