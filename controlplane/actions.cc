#include "controlplane/actions.h"

#include "config/duration.h"

namespace lb::controlplane {
namespace {

using api::control::ConfigCommand;
using api::control::HaCommand;
using api::control::Request;
using api::control::SetCommand;

std::string words_of(const HaCommand& command) {
  std::string words = "ha ";
  switch (command.kind()) {
    case HaCommand::SWITCHOVER:
      words += "switchover";
      break;
    case HaCommand::RESIGN:
      words += "resign";
      break;
    case HaCommand::FREEZE:
      words += "freeze";
      break;
    case HaCommand::THAW:
      words += "thaw";
      break;
    default:
      words += '?';
  }
  return command.group().empty() ? words : words + " --group " + command.group();
}

std::string words_of(const SetCommand& command) {
  if (command.believe_checks()) return "set health believe";
  std::string words = command.real_server().empty()
                          ? "set service " + command.service()
                          : "set rs " + command.service() + ' ' + command.real_server();
  if (command.has_weight()) words += " weight " + std::to_string(command.weight());
  if (command.duty() == SetCommand::READY) words += " ready";
  if (command.duty() == SetCommand::MAINT) words += " maint";
  if (command.duty() == SetCommand::DRAIN) words += " drain";
  if (!command.scheduler().empty()) words += " scheduler " + command.scheduler();
  if (const auto deadline = static_cast<std::int64_t>(command.deadline_ms()); deadline != 0) {
    words += " --deadline " + config::to_text(config::Milliseconds(deadline));
  }
  return command.save() ? words + " --save" : words;
}

}  // namespace

std::string words_of(const ConfigCommand& command) {
  switch (command.kind()) {
    case ConfigCommand::DIFF:
      return "diff " + command.file();
    case ConfigCommand::RELOAD:
      return "reload";
    case ConfigCommand::COMMIT: {
      const auto confirm = static_cast<std::int64_t>(command.confirm_ms());
      return "commit " + command.file() +
             (confirm == 0 ? "" : " --confirm " + config::to_text(config::Milliseconds(confirm)));
    }
    case ConfigCommand::CONFIRM:
      return "confirm";
    case ConfigCommand::ROLLBACK:
      return "rollback";
    default:
      return "configuration command " + std::to_string(command.kind());
  }
}

std::optional<api::Action> action_of(const Request& request) {
  switch (request.kind_case()) {
    case Request::kHello:
    case Request::kStatus:
    case Request::KIND_NOT_SET:
      return std::nullopt;
    case Request::kHa:
      return api::Action{words_of(request.ha())};
    case Request::kSet:
      return api::Action{words_of(request.set())};
    case Request::kAlert:
      if (!request.alert().test()) return std::nullopt;
      return api::Action{"alert test"};
    case Request::kConfig: {
      const ConfigCommand& command = request.config();
      if (command.kind() == ConfigCommand::STATUS || command.kind() == ConfigCommand::CHANGES) {
        return std::nullopt;
      }
      // The Reloader logs how they end. A diff changes nothing; but the files that its text names
      // are read with our rights, and what is wrong in them is shown.
      return api::Action{words_of(command), false};
    }
    default:
      return api::Action{"request " + std::to_string(request.kind_case())};
  }
}

}  // namespace lb::controlplane
