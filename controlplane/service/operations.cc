#include "controlplane/service/operations.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <utility>

#include "config/base/log.h"
#include "controlplane/service/overrides_file.h"
#include "controlplane/service/set_command.h"

namespace lb::controlplane {

Operations::Operations(boost::asio::io_context& io, config::ConfigPtr config)
    : io_(io),
      config_(std::move(config)),
      path_(config_->director.state_dir + "/changes.json"),
      states_(config_) {}

void Operations::load() {
  auto changes = load_changes(path_, Now{});
  if (!changes) {
    log::error("{}; all is as in the configuration file", changes.error().message);
    return;
  }
  states_.set_changes(std::move(*changes));
  for (const auto& [name, service] : states_.changes().in_force) {
    log::info("{}: changes of operators from before the restart are in force; lbcli show changes",
              name);
  }
}

Result<std::string> Operations::set(const api::control::SetCommand& command) {
  auto changed =
      change(command, config_->services, states_.changes(), std::chrono::steady_clock::now());
  if (!changed) return tl::make_unexpected(changed.error());
  if (auto kept = keep(std::move(changed->changes)); !kept) {
    return tl::make_unexpected(kept.error());
  }
  log::info("operator: {}", changed->text);
  return std::move(changed->text);
}

Result<void> Operations::keep(Changes changes) {
  if (auto kept = save_changes(path_, changes, Now{}); !kept) return kept;
  states_.set_changes(std::move(changes));
  return {};
}

void Operations::configure(config::ConfigPtr config) {
  back_to_file();
  config_ = std::move(config);
  states_.configure(config_);
}

void Operations::back_to_file() {
  const Changes& now = states_.changes();
  if (now.in_force == now.saved) return;
  const Changes kept{now.saved, now.saved};
  if (auto result = keep(kept); !result) {
    log::error("{}; a restart will bring back what operators had changed", result.error().message);
    states_.set_changes(kept);
  }
  log::info("changes of operators that were not saved are undone");
}

void Operations::decide(const ServiceStates::HealthOf& health_of, const OnQuorum& told) {
  states_.decide(
      health_of,
      {.quorum = [this, &told](const auto& service,
                               const auto& decision) { on_quorum(service, decision, told); },
       .end =
           [](const config::Service& service, const config::RealServer& server) {
             log::info("{}: real server {}: the deadline of its drain has come; what remains ends",
                       service.name, server.address.to_string());
           }},
      std::chrono::steady_clock::now());
}

void Operations::on_quorum(const config::Service& service, const ServiceDecision& decision,
                           const OnQuorum& told) {
  const bool has = decision.quorum.value_or(false);
  const std::string sorry =
      service.sorry_server ? "sorry server " + service.sorry_server->address.to_string() : "";
  if (has) {
    log::info("{}: quorum {} reached, weights up: {}{}", service.name, service.quorum,
              decision.weight_up, sorry.empty() ? "" : "; " + sorry + " not in use");
  } else {
    log::warning("{}: quorum {} lost, weights up: {}{}", service.name, service.quorum,
                 decision.weight_up, sorry.empty() ? "" : "; " + sorry + " in use");
  }
  // That of one server is the service's own coming and going, which is told already.
  const bool plain = service.quorum == 1 && service.quorum_hysteresis == 0 && sorry.empty();
  if (!plain) {
    told(service.name, has,
         fmt::format("weights up: {} of {}{}", decision.weight_up, service.quorum,
                     sorry.empty() ? ""
                     : has         ? "; " + sorry + " not in use"
                                   : "; " + sorry + " in use"));
  }
  const std::vector<std::string>& program = has ? service.quorum_up : service.quorum_down;
  if (program.empty()) return;
  const auto queue = programs_.try_emplace(service.name, io_).first;
  const std::string word = has ? "up" : "down";
  Command command{
      program,
      {"BALLAST_DIRECTOR=" + config_->director.name, "BALLAST_SERVICE=" + service.name,
       "BALLAST_QUORUM=" + word, "BALLAST_WEIGHT_UP=" + std::to_string(decision.weight_up)},
      service.quorum_user};
  queue->second.run(std::move(command), "quorum_" + word + " program of " + service.name);
}

}  // namespace lb::controlplane
