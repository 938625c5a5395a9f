#include <fmt/format.h>

#include <iostream>
#include <thread>

#include "config/load.h"
#include "config/run_dir.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/access.h"
#include "controlplane/cli/change.h"
#include "controlplane/cli/check.h"
#include "controlplane/cli/cli.h"
#include "controlplane/cli/conns.h"
#include "controlplane/cli/options.h"
#include "controlplane/cli/outcome.h"
#include "controlplane/cli/persistence.h"
#include "controlplane/cli/rates.h"
#include "controlplane/cli/show.h"
#include "dataplane/api/client.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::cli {
namespace {

using ControlClient = api::Client<api::control::Request, api::control::Response>;

constexpr const char* kUsualConfig = "/etc/ballast/ballast.toml";  // as of the daemons' units

class Session {
 public:
  Session(const Options& options, std::ostream& out, std::ostream& err)
      : options_(options), out_(out), err_(err) {}

  int run() {
    const Outcome<void> outcome = run_command();
    out_.flush();
    if (!outcome) {
      if (!outcome.error().message.empty()) say(outcome.error().message);
      return is_permission_denied(outcome.error().message) ? kFailed : outcome.error().status;
    }
    if (!out_) {
      say("the output could not be written");
      return kFailed;
    }
    return kOk;
  }

 private:
  Outcome<void> run_command();
  Outcome<void> check();
  Outcome<void> show(std::string (*text)(const api::Stats&),
                     std::string (*json)(const api::Stats&));
  Outcome<void> with_dataplane(Outcome<void> (*command)(DataplaneClient&, const Options&,
                                                        std::ostream&));
  Outcome<void> show_with_health(
      std::string (*text)(const api::Stats&, const api::control::Status*),
      std::string (*json)(const api::Stats&, const api::control::Status*), bool missed);
  Outcome<void> set();
  Outcome<void> show_conns();
  Outcome<void> show_rates(std::string (*text)(const Rates&), std::string (*json)(const Rates&));
  Outcome<void> show_ha();
  Outcome<void> show_checks();
  Outcome<void> show_sync();
  Outcome<void> ha(api::control::HaCommand::Kind kind);
  Outcome<void> alert(bool test);
  Outcome<void> change();
  Outcome<void> version();

  void say(const std::string& line) { err_ << "lbcli: " << line << '\n'; }

  config::RunDir run_dir() const;
  template <typename Client>
  Outcome<Client> connect(const std::string& name, const std::string& daemon);
  Outcome<DataplaneClient> dataplane() {
    return connect<DataplaneClient>("dataplane", "lb-dataplane");
  }
  Outcome<ControlClient> controlplane() {
    return connect<ControlClient>("controlplane", "lb-controlplane");
  }
  Outcome<api::Stats> stats(DataplaneClient& client);
  Outcome<api::control::Status> status(ControlClient& client);

  const Options& options_;
  std::ostream& out_;
  std::ostream& err_;
};

// A file with mistakes, or without one, is no hindrance: it is the daemons that are asked.
config::RunDir Session::run_dir() const {
  if (!options_.run_dir.empty()) return {options_.run_dir, "--run-dir"};
  if (!options_.config_file.empty()) return config::run_dir_of(options_.config_file);
  return config::run_dir_of(kUsualConfig);
}

template <typename Client>
Outcome<Client> Session::connect(const std::string& name, const std::string& daemon) {
  const config::RunDir folder = run_dir();
  const std::string path = folder.path + '/' + name + ".sock";
  const api::ClientOptions client_options{.program = "lbcli", .daemon = daemon};
  auto client = Client::connect(path, client_options);
  if (client) return std::move(*client);
  // Somebody listens, so it is what he said, as another release.
  if (api::FrameSocket::connect(path, daemon, client_options.timeout)) {
    return stop(kFailed, client.error().message);
  }
  if (denied(path)) {
    // Members of the read_group; what is refused there is said by the daemon.
    const std::string reading = folder.path + '/' + name + "-read.sock";
    if (denied(reading) || !exists(reading)) {
      return stop(kFailed, access_refused(folder.path, path, reading));
    }
    auto reader = Client::connect(reading, client_options);
    if (reader) return std::move(*reader);
    return stop(kDaemonDown, reader.error().message);
  }
  return stop(
      kDaemonDown,
      fmt::format("{} does not run: nobody answers at {} (the folder is {}); start it (systemctl "
                  "start {}), or name its folder with --run-dir or --config",
                  daemon, path, folder.source, daemon));
}

Outcome<api::Stats> Session::stats(DataplaneClient& client) {
  api::Request request;
  request.mutable_stats();
  auto response = client.call(std::move(request));
  if (!response) return stop(kDaemonDown, response.error().message);
  return std::move(*response->mutable_stats());
}

Outcome<void> Session::show(std::string (*text)(const api::Stats&),
                            std::string (*json)(const api::Stats&)) {
  auto client = dataplane();
  if (!client) return tl::make_unexpected(client.error());
  const auto answer = stats(*client);
  if (!answer) return tl::make_unexpected(answer.error());
  out_ << (options_.json ? json(*answer) : text(*answer));
  return {};
}

Outcome<api::control::Status> Session::status(ControlClient& client) {
  api::control::Request request;
  request.mutable_status();
  auto response = client.call(std::move(request));
  if (!response) return stop(kDaemonDown, response.error().message);
  return std::move(*response->mutable_status());
}

Outcome<void> Session::show_checks() {
  auto client = controlplane();
  if (!client) return tl::make_unexpected(client.error());
  api::control::Request request;
  request.mutable_status()->set_with_checks(true);
  const auto answer = client->call(std::move(request));
  if (!answer) return stop(kFailed, answer.error().message);
  out_ << (options_.json ? checks_json(answer->status()) : checks_text(answer->status()));
  return {};
}

Outcome<void> Session::show_ha() {
  auto client = controlplane();
  if (!client) return tl::make_unexpected(client.error());
  const auto answer = status(*client);
  if (!answer) return tl::make_unexpected(answer.error());
  if (!answer->has_ha()) return stop(kFailed, "no [[ha.instance]] is configured");
  out_ << (options_.json ? ha_json(*answer) : ha_text(*answer));
  return {};
}

Outcome<void> Session::show_sync() {
  auto client = controlplane();
  if (!client) return tl::make_unexpected(client.error());
  const auto answer = status(*client);
  if (!answer) return tl::make_unexpected(answer.error());
  if (!answer->has_sync()) return stop(kFailed, "no [ha.sync] is configured");
  out_ << (options_.json ? sync_json(*answer) : sync_text(*answer));
  return {};
}

// A switchover takes a moment: its outcome is waited for.
Outcome<void> Session::ha(api::control::HaCommand::Kind kind) {
  auto client = controlplane();
  if (!client) return tl::make_unexpected(client.error());
  api::control::Request request;
  request.mutable_ha()->set_kind(kind);
  request.mutable_ha()->set_group(options_.group);
  const auto begun = client->call(std::move(request));
  if (!begun) return stop(kFailed, begun.error().message);
  if (kind != api::control::HaCommand::SWITCHOVER) {
    out_ << begun->ha().text() << '\n';
    return {};
  }
  for (;;) {
    const auto now = status(*client);
    if (!now) return tl::make_unexpected(now.error());
    const api::control::Handover& handover = now->ha().handover();
    if (handover.failed()) return stop(kFailed, "no switchover: " + handover_text(handover));
    if (handover.done()) {
      out_ << handover.group() << ": " << handover_text(handover) << '\n';
      return {};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Outcome<void> Session::alert(bool test) {
  auto client = controlplane();
  if (!client) return tl::make_unexpected(client.error());
  api::control::Request request;
  request.mutable_alert()->set_test(test);
  const auto answer = client->call(std::move(request));
  if (!answer) return stop(kFailed, answer.error().message);
  const api::control::AlertStatus& status = answer->alert();
  if (!test && !status.has_mail() && !status.has_script()) {
    return stop(kFailed, "neither [alert.mail] nor a script in [alert] is configured");
  }
  if (test) {
    out_ << alert_test_text(status);
  } else {
    out_ << (options_.json ? alert_json(status) : alert_text(status));
  }
  return {};
}

Outcome<void> Session::with_dataplane(Outcome<void> (*command)(DataplaneClient&, const Options&,
                                                               std::ostream&)) {
  auto client = dataplane();
  if (!client) return tl::make_unexpected(client.error());
  return command(*client, options_, out_);
}

Outcome<void> Session::set() {
  auto command = set_request(options_.set);
  if (!command) return stop(kUsage, command.error().message);
  auto client = controlplane();
  if (!client) return tl::make_unexpected(client.error());
  api::control::Request request;
  *request.mutable_set() = std::move(*command);
  const auto done = client->call(std::move(request));
  if (!done) return stop(kFailed, done.error().message);
  out_ << done->set().text() << '\n';
  return {};
}

// `missed`: without the control plane's word the view is poor, and that is said.
Outcome<void> Session::show_with_health(
    std::string (*text)(const api::Stats&, const api::control::Status*),
    std::string (*json)(const api::Stats&, const api::control::Status*), bool missed) {
  auto client = dataplane();
  if (!client) return tl::make_unexpected(client.error());
  const auto answer = stats(*client);
  if (!answer) return tl::make_unexpected(answer.error());

  api::control::Response response;
  const api::control::Status* health = nullptr;
  auto control = controlplane();
  if (control) {
    api::control::Request request;
    request.mutable_status();
    if (auto status = control->call(std::move(request))) {
      response = std::move(*status);
      health = &response.status();
    } else if (missed) {
      say(status.error().message + "; the health is unknown");
    }
  } else if (missed) {
    say(control.error().message + "; the health is unknown");
  }
  out_ << (options_.json ? json(*answer, health) : text(*answer, health));
  return {};
}

// Row by row: what is in memory at one time is one message of the daemon's.
Outcome<void> Session::show_conns() {
  auto client = dataplane();
  if (!client) return tl::make_unexpected(client.error());
  bool begun = false;
  bool any = false;
  std::string rows;
  const auto streamed =
      client->stream(conns_request(options_.conns), [&](const api::Response& response) {
        rows.clear();
        if (!begun) rows = options_.json ? "[" : conn_heading();
        begun = true;
        for (const api::Conn& conn : response.conns().conns()) {
          if (options_.json) {
            rows += any ? ",\n" : "\n";
            append_conn_json(conn, rows);
          } else {
            append_conn_text(conn, rows);
          }
          any = true;
        }
        out_ << rows;
        return static_cast<bool>(out_);
      });
  // Before the first row the data plane refuses filters; after that it can only have gone away.
  if (!streamed) return stop(begun ? kDaemonDown : kUsage, streamed.error().message);
  if (options_.json) out_ << (any ? "\n]\n" : "]\n");
  return {};
}

Outcome<void> Session::show_rates(std::string (*text)(const Rates&),
                                  std::string (*json)(const Rates&)) {
  auto client = dataplane();
  if (!client) return tl::make_unexpected(client.error());
  auto before = stats(*client);
  if (!before) return tl::make_unexpected(before.error());
  for (std::uint64_t shown = 0; options_.count == 0 || shown < options_.count;) {
    std::this_thread::sleep_for(options_.interval);
    auto now = stats(*client);
    if (!now) return tl::make_unexpected(now.error());
    if (const auto rates = rates_between(*before, *now)) {
      if (shown > 0 && !options_.json) out_ << '\n';
      out_ << (options_.json ? json(*rates) : text(*rates)) << std::flush;
      if (!out_) return {};
      ++shown;
    }
    before = std::move(now);
  }
  return {};
}

Outcome<void> Session::version() {
  DaemonRelease dataplane_release{"lb-dataplane", {}, {}};
  DaemonRelease control_release{"lb-controlplane", {}, {}};
  if (auto client = dataplane()) {
    dataplane_release.release = client->release();
  } else {
    dataplane_release.error = client.error().message;
  }
  if (auto client = controlplane()) {
    control_release.release = client->release();
  } else {
    control_release.error = client.error().message;
  }
  const std::vector<DaemonRelease> daemons = {dataplane_release, control_release};
  out_ << (options_.json ? version_json(daemons) : version_text(daemons));
  return {};
}

Outcome<void> Session::check() {
  const config::Loaded loaded = config::load_file(options_.check_file, config::Machine::here());
  if (options_.json) out_ << check_json(loaded);
  if (loaded.mistakes.empty()) {
    if (!options_.json) out_ << check_text(loaded);
    return {};
  }
  if (!options_.json) err_ << config::format_mistakes(loaded.file_name, loaded.mistakes);
  return stop(kUsage, "");
}

Outcome<void> Session::change() {
  auto client = controlplane();
  if (!client) return tl::make_unexpected(client.error());
  Ended ended = run_change(*client, options_, out_, err_);
  if (ended.status == kOk) return {};
  return stop(ended.status, std::move(ended.message));
}

Outcome<void> Session::run_command() {
  switch (options_.command) {
    case Command::kShowService:
      return show_with_health(service_text, service_json, false);
    case Command::kShowConn:
      return show_conns();
    case Command::kShowPersistence:
      return with_dataplane(show_persistence);
    case Command::kFlushConn:
      return with_dataplane(flush_conns);
    case Command::kFlushPersistence:
      return with_dataplane(flush_persistence);
    case Command::kShowRs:
      return show_with_health(rs_text, rs_json, true);
    case Command::kShowCheck:
      return show_checks();
    case Command::kShowPort:
      return show(port_text, port_json);
    case Command::kShowLcore:
      return options_.rate ? show_rates(lcore_rates_text, lcore_rates_json)
                           : show(lcore_text, lcore_json);
    case Command::kShowStats:
      return options_.rate ? show_rates(rates_text, rates_json) : show(stats_text, stats_json);
    case Command::kShowDrops:
      return show(drops_text, drops_json);
    case Command::kShowHa:
      return show_ha();
    case Command::kShowSync:
      return show_sync();
    case Command::kSet:
      return set();
    case Command::kHaSwitchover:
      return ha(api::control::HaCommand::SWITCHOVER);
    case Command::kHaResign:
      return ha(api::control::HaCommand::RESIGN);
    case Command::kHaFreeze:
      return ha(api::control::HaCommand::FREEZE);
    case Command::kHaThaw:
      return ha(api::control::HaCommand::THAW);
    case Command::kShowAlert:
      return alert(false);
    case Command::kAlertTest:
      return alert(true);
    case Command::kShowChanges:
    case Command::kReload:
    case Command::kDiff:
    case Command::kCommit:
    case Command::kConfirm:
    case Command::kRollback:
      return change();
    case Command::kCheck:
      return check();
    case Command::kVersion:
      return version();
  }
  return stop(kUsage, "unknown command");
}

}  // namespace

int run(int argc, char** argv, std::ostream& out, std::ostream& err) {
  try {
    const auto parsed = parse_options(argc, argv);
    if (const Stop* const stopped = std::get_if<Stop>(&parsed)) {
      (stopped->status == kOk ? out : err) << stopped->text;
      return stopped->status;
    }
    return Session(std::get<Options>(parsed), out, err).run();
  } catch (const std::exception& error) {
    err << "lbcli: " << error.what() << '\n';
    return kFailed;
  }
}

int run(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return run(argc, argv, std::cout, std::cerr);
}

}  // namespace lb::cli
