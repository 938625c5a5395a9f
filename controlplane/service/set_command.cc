#include "controlplane/service/set_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/base/nearest.h"
#include "config/validate.h"
#include "controlplane/api/controlplane.pb.h"

namespace lb::controlplane {
namespace {

using api::control::SetCommand;

Result<const config::Service*> find_service(const std::vector<config::Service>& services,
                                            const std::string& name) {
  std::vector<std::string_view> names;
  for (const config::Service& service : services) {
    if (service.name == name) return &service;
    names.push_back(service.name);
  }
  const std::string_view guess = nearest(name, names);
  return fail(guess.empty()
                  ? fmt::format("there is no service {}; lbcli show service names them", name)
                  : fmt::format("there is no service {}; did you mean {}?", name, guess));
}

// "10.0.0.11:80", or the address alone where one server has it.
Result<Ipv4Endpoint> find_server(const config::Service& service, const std::string& text) {
  const bool whole = text.find(':') != std::string::npos;
  std::vector<Ipv4Endpoint> found;
  for (const config::RealServer& server : service.real_servers) {
    if ((whole ? server.address.to_string() : server.address.address.to_string()) == text) {
      found.push_back(server.address);
    }
  }
  if (found.size() == 1) return found.front();
  return fail(found.empty()
                  ? fmt::format("service {} has no real server {}; lbcli show rs names them",
                                service.name, text)
                  : fmt::format("service {} has several real servers {}; write the port, as {}",
                                service.name, text, found.front().to_string()));
}

Result<std::string> change_scheduler(const std::string& name, const config::Service& service,
                                     ServiceOverride& own) {
  const std::optional<Scheduler> scheduler = from_name<Scheduler>(name);
  if (!scheduler) {
    std::string all;
    for (const auto& [known, value] : kEnumNames<Scheduler>) {
      all += (all.empty() ? "" : ", ") + std::string(known);
    }
    return fail(fmt::format("there is no scheduler {}; it can be {}", name, all));
  }
  if (service.one_packet && config::goes_by_connections(*scheduler)) {
    return fail(
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
      return fail(fmt::format("weight {} is out of range; write 0 to {}", command.weight(),
                              config::kMaxWeight));
    }
    own.weight = static_cast<std::uint16_t>(command.weight());
    return fmt::format("{}: weight {}", name, command.weight());
  }
  own.deadline.reset();
  switch (command.duty()) {
    case SetCommand::READY:
      own.duty = Duty::kReady;
      return name + ": ready";
    case SetCommand::MAINT:
      own.duty = Duty::kMaint;
      return name + ": in maintenance, as if its check had taken it down";
    case SetCommand::DRAIN:
      own.duty = Duty::kDrain;
      if (command.deadline_ms() == 0) return name + ": drained without a deadline";
      own.deadline = now + std::chrono::milliseconds(command.deadline_ms());
      return fmt::format("{}: drained, what remains in {} s ends", name,
                         static_cast<double>(command.deadline_ms()) / 1000);
    default:
      return fail("say what to set: weight N, maint, ready or drain");
  }
}

Result<std::string> change(const SetCommand& command, const config::Service& service,
                           ServiceOverride& own, std::chrono::steady_clock::time_point now) {
  if (command.real_server().empty()) return change_scheduler(command.scheduler(), service, own);
  const auto address = find_server(service, command.real_server());
  if (!address) return tl::make_unexpected(address.error());
  const std::string name = fmt::format("{}: real server {}", service.name, address->to_string());
  return change_server(command, name, own.servers[*address], now);
}

}  // namespace

Result<Changed> change(const SetCommand& command, const std::vector<config::Service>& services,
                       Changes changes, std::chrono::steady_clock::time_point now) {
  const auto service = find_service(services, command.service());
  if (!service) return tl::make_unexpected(service.error());
  const std::string& name = (*service)->name;
  auto text = change(command, **service, changes.in_force[name], now);
  if (!text) return tl::make_unexpected(text.error());
  if (command.save()) {
    // It cannot fail now.
    text = change(command, **service, changes.saved[name], now);
    *text += ", saved";
  }
  prune(changes.in_force, services);
  prune(changes.saved, services);
  forget_undone(changes);
  return Changed{std::move(changes), std::move(*text)};
}

}  // namespace lb::controlplane
