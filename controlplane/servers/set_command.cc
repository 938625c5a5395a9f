#include "controlplane/servers/set_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "config/base/nearest.h"
#include "config/validate.h"
#include "controlplane/api/controlplane.pb.h"

namespace lb::controlplane {
namespace {

using api::control::SetCommand;

constexpr std::chrono::milliseconds kMostDeadline = std::chrono::hours(30 * 24);

Result<Service*> find_service(Inventory& inventory, const std::string& name) {
  if (Service* const service = inventory.find(name)) return service;
  std::vector<std::string_view> names;
  for (const Service& service : inventory.services()) names.push_back(service.config->name);
  return wrong_request(unknown_name("service", name, names, "see lbcli show service"));
}

// "10.0.0.11:80", or the address alone where one server has it.
Result<RealServer*> find_server(Service& service, const std::string& text) {
  std::vector<RealServer*> found;
  for (RealServer& server : service.servers) {
    const Endpoint address = server.config->address;
    if (address.to_string() == text || address.address.to_string() == text) {
      found.push_back(&server);
    }
  }
  if (found.size() == 1) return found.front();
  return wrong_request(
      found.empty()
          ? unknown_real_server(service.config->name, text)
          : fmt::format("service {} has several real servers {}; write the port, as {}",
                        service.config->name, text, found.front()->config->address.to_string()));
}

Result<std::string> change_scheduler(const std::string& name, const config::Service& service,
                                     ServiceOverride& own) {
  const std::optional<Scheduler> scheduler = from_name<Scheduler>(name);
  if (!scheduler) {
    std::vector<std::string_view> known;
    for (const auto& each : kEnumNames<Scheduler>) known.push_back(each.name);
    return wrong_request(unknown_name("scheduler", name, known));
  }
  if (service.one_packet && config::goes_by_connections(*scheduler)) {
    return wrong_request(
        fmt::format("{} has one_packet, and so no connections that scheduler {} could go "
                    "by; take rr, wrr, sh, dh, mh or fo",
                    service.name, name));
  }
  own.scheduler = *scheduler;
  return fmt::format("{}: scheduler {}", service.name, name);
}

Result<std::string> change_server(const SetCommand& command, const std::string& name,
                                  ServerOverride& own, std::chrono::steady_clock::time_point now) {
  if (command.has_weight()) {
    if (command.weight() > config::kMaxWeight) {
      return wrong_request(fmt::format("weight {} is out of range; write 0 to {}", command.weight(),
                                       config::kMaxWeight));
    }
    own.weight = static_cast<std::uint16_t>(command.weight());
    return fmt::format("{}: weight {}", name, command.weight());
  }
  own.deadline.reset();
  switch (command.admin_state()) {
    case SetCommand::READY:
      own.admin_state = AdminState::kReady;
      return name + ": ready";
    case SetCommand::MAINT:
      own.admin_state = AdminState::kMaint;
      return name + ": in maintenance, as if its check had taken it down";
    case SetCommand::DRAIN:
      own.admin_state = AdminState::kDrain;
      if (command.deadline_ms() == 0) return name + ": draining, its connections may last";
      if (command.deadline_ms() > static_cast<std::uint64_t>(kMostDeadline.count())) {
        return wrong_request("the deadline is out of range; write a duration from 1s to 720h");
      }
      own.deadline = now + std::chrono::milliseconds(command.deadline_ms());
      return fmt::format("{}: draining, its remaining connections end in {} s", name,
                         static_cast<double>(command.deadline_ms()) / 1000);
    default:
      return wrong_request("say what to set: weight N, maint, ready or drain");
  }
}

// On a copy, which is used on success.
template <typename Thing, typename Change>
Result<std::string> change_both(const SetCommand& command, Thing& thing, const Change& apply) {
  auto changes = thing.changes;
  auto text = apply(changes.in_force);
  if (!text) return text;
  if (command.save()) {
    // It cannot fail now.
    text = apply(changes.saved);
    *text += ", saved";
  }
  thing.changes = changes;
  prune(thing);
  return text;
}

}  // namespace

Result<Place> find_place(const SetCommand& command, Inventory& inventory) {
  const auto service = find_service(inventory, command.service());
  if (!service) return tl::make_unexpected(service.error());
  if (command.real_server().empty()) return Place{*service, nullptr};
  const auto server = find_server(**service, command.real_server());
  if (!server) return tl::make_unexpected(server.error());
  return Place{*service, *server};
}

Result<std::string> change(const SetCommand& command, const Place& place,
                           std::chrono::steady_clock::time_point now) {
  const config::Service& service = *place.service->config;
  if (place.server == nullptr) {
    return change_both(command, *place.service, [&](ServiceOverride& own) {
      return change_scheduler(command.scheduler(), service, own);
    });
  }
  const std::string name =
      fmt::format("{}: real server {}", service.name, place.server->config->address.to_string());
  return change_both(command, *place.server,
                     [&](ServerOverride& own) { return change_server(command, name, own, now); });
}

}  // namespace lb::controlplane
