#include <fmt/format.h>

#include <iostream>
#include <thread>

#include "config/load.h"
#include "controlplane/cli/change.h"
#include "controlplane/cli/check.h"
#include "controlplane/cli/cli.h"
#include "controlplane/cli/conns.h"
#include "controlplane/cli/daemons.h"
#include "controlplane/cli/import.h"
#include "controlplane/cli/input.h"
#include "controlplane/cli/options.h"
#include "controlplane/cli/outcome.h"
#include "controlplane/cli/persistence.h"
#include "controlplane/cli/safe_output.h"
#include "controlplane/cli/show.h"
#include "controlplane/host/host.h"
#include "controlplane/view/alerts.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/ha.h"

namespace lb::cli {
namespace {

class Session {
 public:
  Session(const Options& options, std::ostream& out, std::ostream& err)
      : options_(options), out_(out), err_(err) {}

  int run() {
    const Result<void> outcome = run_command();
    out_.flush();
    if (!outcome) {
      if (!outcome.error().message.empty()) say(outcome.error().message);
      return status_of(outcome.error().kind);
    }
    if (!out_) {
      say("cannot write the output");
      return kFailed;
    }
    return kOk;
  }

 private:
  Result<void> run_command();
  Result<void> check();
  Result<void> with_dataplane(Result<void> (*command)(DataplaneClient&, const Options&,
                                                      std::ostream&));
  Result<void> set();
  Result<void> ha(api::control::HaCommand::Kind kind);
  Result<void> alert_test();
  Result<void> version();

  void print_result(const std::string& text) {
    out_ << (options_.json ? result_json(text) : text + '\n');
  }
  void say(const std::string& line) { err_ << "lbcli: " << line << '\n'; }

  const Options& options_;
  const Daemons daemons_{options_};
  std::ostream& out_;
  std::ostream& err_;
};

// A switchover takes a moment: waits for its result.
Result<void> Session::ha(api::control::HaCommand::Kind kind) {
  auto client = daemons_.controlplane();
  if (!client) return tl::make_unexpected(client.error());
  api::control::Request request;
  request.mutable_ha()->set_kind(kind);
  request.mutable_ha()->set_group(options_.group);
  const auto begun = client->call(std::move(request));
  if (!begun) return tl::make_unexpected(begun.error());
  if (kind != api::control::HaCommand::SWITCHOVER) {
    print_result(begun->ha().text());
    return {};
  }
  for (;;) {
    const auto now = ask_status(*client);
    if (!now) return tl::make_unexpected(now.error());
    const view::Handover handover = view::handover_of(now->ha().handover());
    if (handover.failed) return fail("no switchover: " + view::as_text(handover));
    if (handover.done) {
      print_result(handover.group + ": " + view::as_text(handover));
      return {};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Result<void> Session::alert_test() {
  auto client = daemons_.controlplane();
  if (!client) return tl::make_unexpected(client.error());
  api::control::Request request;
  request.mutable_alert()->set_test(true);
  const auto answer = client->call(std::move(request));
  if (!answer) return tl::make_unexpected(answer.error());
  print_result(view::alert_test_text(view::alerts_of(answer->alert())));
  return {};
}

Result<void> Session::with_dataplane(Result<void> (*command)(DataplaneClient&, const Options&,
                                                             std::ostream&)) {
  auto client = daemons_.dataplane();
  if (!client) return tl::make_unexpected(client.error());
  return command(*client, options_, out_);
}

Result<void> Session::set() {
  auto command = set_request(options_.set);
  if (!command) return wrong_request(command.error().message);
  auto client = daemons_.controlplane();
  if (!client) return tl::make_unexpected(client.error());
  api::control::Request request;
  *request.mutable_set() = std::move(*command);
  const auto done = client->call(std::move(request));
  if (!done) return tl::make_unexpected(done.error());
  print_result(done->set().text());
  return {};
}

Result<void> Session::version() {
  DaemonRelease dataplane_release{"lb-dataplane", {}, {}};
  DaemonRelease control_release{"lb-controlplane", {}, {}};
  if (auto client = daemons_.dataplane()) {
    dataplane_release.release = client->release();
  } else {
    dataplane_release.error = client.error().message;
  }
  if (auto client = daemons_.controlplane()) {
    control_release.release = client->release();
  } else {
    control_release.error = client.error().message;
  }
  const std::vector<DaemonRelease> daemons = {dataplane_release, control_release};
  out_ << (options_.json ? version_json(daemons) : version_text(daemons));
  return {};
}

Result<void> Session::check() {
  const config::Loaded loaded =
      load_input(options_.check_file,
                 options_.no_host ? config::Machine::any() : controlplane::host::machine());
  if (options_.json) out_ << check_json(loaded);
  if (loaded.mistakes.empty()) {
    if (!options_.json) out_ << check_text(loaded);
    return {};
  }
  if (!options_.json) err_ << config::format_mistakes(loaded.file_name, loaded.mistakes);
  return already_printed(ErrorKind::kWrongRequest);
}

Result<void> Session::run_command() {
  switch (options_.command) {
    case Command::kShowConn:
      return with_dataplane(show_conns);
    case Command::kShowPersistence:
      return with_dataplane(show_persistence);
    case Command::kFlushConn:
      return with_dataplane(flush_conns);
    case Command::kFlushPersistence:
      return with_dataplane(flush_persistence);
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
    case Command::kHaRetry:
      return ha(api::control::HaCommand::RETRY);
    case Command::kHaConfirm:
      return ha(api::control::HaCommand::CONFIRM);
    case Command::kAlertTest:
      return alert_test();
    case Command::kShowChanges:
    case Command::kReload:
    case Command::kDiff:
    case Command::kCommit:
    case Command::kConfirm:
    case Command::kRollback:
      return run_change(daemons_, options_, out_, err_);
    case Command::kCheck:
      return check();
    case Command::kImport:
      return run_import(options_, out_, err_);
    case Command::kVersion:
      return version();
    default:
      return show(options_, daemons_, out_, err_);
  }
}

}  // namespace

int run(int argc, char** argv, std::ostream& raw_out, std::ostream& raw_err) {
  SafeOutput out(raw_out);
  SafeOutput err(raw_err);
  try {
    const auto parsed = parse_options(argc, argv);
    if (const Stop* const stopped = std::get_if<Stop>(&parsed)) {
      (stopped->status == kOk ? out : err) << stopped->text << std::flush;
      if (!out) err << "lbcli: cannot write the output\n";
      return out ? stopped->status : kFailed;
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
