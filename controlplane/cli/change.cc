#include "controlplane/cli/change.h"

#include <fmt/format.h>

#include <chrono>
#include <ostream>
#include <thread>

#include "config/base/printable.h"
#include "config/duration.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/cli.h"
#include "controlplane/cli/input.h"
#include "controlplane/view/json_value.h"

namespace lb::cli {
namespace {

using api::control::ConfigCommand;
using api::control::ConfigReply;
using view::Json;

ConfigCommand::Kind kind_of(Command command) {
  switch (command) {
    case Command::kReload:
      return ConfigCommand::RELOAD;
    case Command::kDiff:
      return ConfigCommand::DIFF;
    case Command::kCommit:
      return ConfigCommand::COMMIT;
    case Command::kConfirm:
      return ConfigCommand::CONFIRM;
    case Command::kRollback:
      return ConfigCommand::ROLLBACK;
    default:
      return ConfigCommand::CHANGES;
  }
}

std::string print_json(const ConfigReply& reply, bool applied) {
  return view::print(
      {{"changes", reply.changes()},
       {"mistakes", reply.mistakes()},
       {"error", reply.error().empty() ? Json(nullptr) : Json(reply.error())},
       {"applied", applied},
       {"file", reply.file()},
       {"confirm_due_ms",
        reply.confirm_due_ms() == 0 ? Json(nullptr) : Json(reply.confirm_due_ms())}});
}

std::string waits(const ConfigReply& reply) {
  return fmt::format(
      "the commit of {} is rolled back in {} seconds unless confirmed: lbcli confirm\n",
      reply.committed(), (reply.confirm_due_ms() + 999) / 1000);
}

// The last line: the result.
std::string conclusion(Command command, const ConfigReply& reply) {
  const int count = reply.changes_size();
  const std::string changes = fmt::format("{} change{}", count, count == 1 ? "" : "s");
  std::string out;
  if (command == Command::kDiff) {
    if (count == 0) out = "no changes\n";
    if (!reply.note().empty()) out = reply.note().substr(reply.note().find(": ") + 2) + '\n';
  } else if (command == Command::kShowChanges) {
    if (count == 0) out = fmt::format("the running configuration is that of {}\n", reply.file());
  } else if (command == Command::kConfirm) {
    out = fmt::format("confirmed; {} is the configuration now\n", reply.file());
  } else {
    out = fmt::format("{} applied\n", changes);
  }
  return reply.confirm_due_ms() == 0 ? out : out + waits(reply);
}

// Until the data plane has applied or refused it.
Result<void> wait_for_end(ControlClient& client, ConfigReply& reply) {
  while (reply.applying()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    api::control::Request request;
    request.mutable_config()->set_kind(ConfigCommand::STATUS);
    const auto now = client.call(std::move(request));
    if (!now) return tl::make_unexpected(now.error());
    const ConfigReply& state = now->config();
    reply.set_applying(state.applying());
    reply.set_error(state.error());
    reply.set_confirm_due_ms(state.confirm_due_ms());
    reply.set_committed(state.committed());
  }
  return {};
}

}  // namespace

Result<void> run_change(const Daemons& daemons, const Options& options, std::ostream& out,
                        std::ostream& err) {
  api::control::Request request;
  ConfigCommand& command = *request.mutable_config();
  command.set_kind(kind_of(options.command));
  if (options.command == Command::kDiff || options.command == Command::kCommit) {
    auto text = read_input(options.change_file);
    if (!text) return wrong_request(options.change_file + ": " + text.error().message);
    command.set_file(options.change_file);
    command.set_text(std::move(*text));
    command.set_confirm_ms(static_cast<std::uint64_t>(options.confirm.count()));
  }
  auto client = daemons.controlplane();
  if (!client) return tl::make_unexpected(client.error());
  auto answer = client->call(std::move(request));
  if (!answer) return tl::make_unexpected(answer.error());
  ConfigReply& reply = *answer->mutable_config();
  if (auto waited = wait_for_end(*client, reply); !waited) return waited;
  const bool good = reply.mistakes().empty() && reply.error().empty();
  const ErrorKind kind = reply.mistakes().empty() ? ErrorKind::kFailed : ErrorKind::kWrongRequest;
  if (options.json) {
    const bool changes =
        options.command != Command::kDiff && options.command != Command::kShowChanges;
    out << print_json(reply, good && changes);
    if (!good) return already_printed(kind);
    return {};
  }
  for (const std::string& mistake : reply.mistakes()) err << printable(mistake) << '\n';
  if (!reply.mistakes().empty()) return already_printed(kind);
  if (!reply.error().empty()) return fail(reply.error(), kind);
  for (const std::string& change : reply.changes()) out << printable(change) << '\n';
  out << conclusion(options.command, reply);
  return {};
}

}  // namespace lb::cli
