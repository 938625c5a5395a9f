#include "controlplane/servers/operations.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <utility>
#include <vector>

#include "config/base/log.h"
#include "controlplane/alert/alerts.h"
#include "controlplane/os/file_writer.h"
#include "controlplane/servers/overrides_file.h"
#include "controlplane/servers/set_command.h"

namespace lb::controlplane {

Operations::Operations(boost::asio::io_context& io, FileWriter& writer, Inventory& inventory,
                       Alerts& alerts)
    : io_(io),
      writer_(writer),
      inventory_(inventory),
      alerts_(alerts),
      path_(inventory.config()->director.state_dir + "/changes.json") {}

void Operations::load() {
  const auto loaded = load_changes(path_, inventory_, Now{});
  if (!loaded) {
    log::error("{}; only the configuration file is in force", loaded.error().message);
    return;
  }
  for (const Service& service : inventory_.services()) {
    if (!changed_by_operators(service)) continue;
    log::info(
        "{}: changes of operators from before the restart are in force; see lbcli show changes",
        service.config->name);
  }
}

Result<std::string> Operations::set(const api::control::SetCommand& command) {
  const auto place = find_place(command, inventory_);
  if (!place) return tl::make_unexpected(place.error());
  auto text = change(command, *place, std::chrono::steady_clock::now());
  if (text) log::info("operator: {}", *text);
  return text;
}

void Operations::save(std::function<void(const Result<void>&)> done) {
  writer_.write(path_, changes_file(inventory_, Now{}), std::move(done));
}

void Operations::configure(const std::string* restored) {
  undo_unsaved(inventory_);
  if (restored != nullptr) {
    if (auto read = read_changes(*restored, inventory_, Now{}); !read) {
      log::error("changes of operators are lost: {}", read.error().message);
    }
  }
  save([](const Result<void>& saved) {
    if (saved) return;
    log::error("{}; a restart will restore the undone changes of operators", saved.error().message);
  });
}

namespace {

// Whether the quorum's program is due: `changed`, or this director has become master, for which the present
// state is new.
bool is_program_due(const Service& service, bool changed, bool is_standby) {
  if (!service.decision.quorum) return false;
  if (service.config->quorum_on == config::QuorumOn::kAll) return changed;
  return !is_standby && (changed || service.was_standby);
}

}  // namespace

std::optional<Time> Operations::decide(const std::set<Address>* standby) {
  const auto now = std::chrono::steady_clock::now();
  std::optional<Time> next;
  std::vector<Service*> quorums;
  std::vector<const Service*> due_programs;
  for (Service& service : inventory_.services()) {
    controlplane::decide(service, now);
    const auto due = service.decision.next;
    if (due && (!next || *due < *next)) next = due;
    const bool changed = service.decision.quorum_changed;
    if (changed) quorums.push_back(&service);
    // All its VIPs move together.
    const bool is_standby = standby == nullptr || standby->contains(service.key.vip.address);
    if (is_program_due(service, changed, is_standby)) due_programs.push_back(&service);
    // A master without a known quorum is still to run it.
    if (is_standby || service.decision.quorum) service.was_standby = is_standby;
    for (const RealServer& server : service.servers) {
      if (!server.decision.ends_now) continue;
      log::info("{}: real server {}: drain deadline reached; its remaining connections end",
                service.config->name, server.config->address.to_string());
    }
  }
  for (Service* const service : quorums) report_quorum(*service);
  for (const Service* const service : due_programs) run_program(*service);
  return next;
}

void Operations::report_quorum(Service& service) {
  const config::Service& config = *service.config;
  const std::uint64_t weight_up = service.decision.weight_up;
  const bool has = service.decision.quorum.value_or(false);
  const std::string sorry = !config.sorry_page.empty() ? "sorry page"
                            : config.sorry_server
                                ? "sorry server " + config.sorry_server->address.to_string()
                                : "";
  if (has) {
    log::info("{}: quorum {} reached, weights up: {}{}", config.name, config.quorum, weight_up,
              sorry.empty() ? "" : "; " + sorry + " not in use");
  } else {
    log::warning("{}: quorum {} lost, weights up: {}{}", config.name, config.quorum, weight_up,
                 sorry.empty() ? "" : "; " + sorry + " in use");
  }
  // A quorum of one server is the service's own up and down, which is reported already.
  const bool plain = config.quorum == 1 && config.quorum_hysteresis == 0 && sorry.empty();
  if (!plain) {
    alerts_.quorum(service, has,
                   fmt::format("weights up: {} of {}{}", weight_up, config.quorum,
                               sorry.empty() ? ""
                               : has         ? "; " + sorry + " not in use"
                                             : "; " + sorry + " in use"));
  }
}

void Operations::run_program(const Service& service) {
  const config::Service& config = *service.config;
  const bool has = *service.decision.quorum;
  const std::vector<std::string>& program = has ? config.quorum_up : config.quorum_down;
  if (program.empty()) return;
  const auto queue = programs_.try_emplace(service.id, io_).first;
  const std::string word = has ? "up" : "down";
  Command command{
      program,
      {"BALLAST_DIRECTOR=" + inventory_.config()->director.name, "BALLAST_SERVICE=" + config.name,
       "BALLAST_QUORUM=" + word, "BALLAST_WEIGHT_UP=" + std::to_string(service.decision.weight_up)},
      config::script_user(config.quorum_user)};
  queue->second.run(std::move(command), "quorum_" + word + " program of " + config.name);
}

}  // namespace lb::controlplane
