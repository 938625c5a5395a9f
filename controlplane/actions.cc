#include "controlplane/actions.h"

#include "config/duration.h"

namespace lb::controlplane {
namespace {

using api::control::ConfigCommand;
using api::control::HaCommand;
using api::control::Request;
using api::control::SetCommand;

std::string command_text(const HaCommand& command) {
  std::string text = "ha ";
  switch (command.kind()) {
    case HaCommand::SWITCHOVER:
      text += "switchover";
      break;
    case HaCommand::RESIGN:
      text += "resign";
      break;
    case HaCommand::FREEZE:
      text += "freeze";
      break;
    case HaCommand::THAW:
      text += "thaw";
      break;
    case HaCommand::RETRY:
      text += "retry";
      break;
    case HaCommand::CONFIRM:
      text += "confirm";
      break;
    default:
      text += '?';
  }
  return command.group().empty() ? text : text + " --group " + command.group();
}

std::string command_text(const SetCommand& command) {
  if (command.release_held()) return "set health believe";
  std::string text = command.real_server().empty()
                         ? "set service " + command.service()
                         : "set rs " + command.service() + ' ' + command.real_server();
  if (command.has_weight()) text += " weight " + std::to_string(command.weight());
  if (command.admin_state() == SetCommand::READY) text += " ready";
  if (command.admin_state() == SetCommand::MAINT) text += " maint";
  if (command.admin_state() == SetCommand::DRAIN) text += " drain";
  if (!command.scheduler().empty()) text += " scheduler " + command.scheduler();
  if (const auto deadline = static_cast<std::int64_t>(command.deadline_ms()); deadline != 0) {
    text += " --deadline " + config::to_text(config::Milliseconds(deadline));
  }
  return command.save() ? text + " --save" : text;
}

}  // namespace

std::string command_text(const ConfigCommand& command) {
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
      return api::Action{command_text(request.ha())};
    case Request::kSet:
      return api::Action{command_text(request.set())};
    case Request::kAlert:
      if (!request.alert().test()) return std::nullopt;
      return api::Action{"alert test"};
    case Request::kConfig: {
      const ConfigCommand& command = request.config();
      if (command.kind() == ConfigCommand::STATUS || command.kind() == ConfigCommand::CHANGES) {
        return std::nullopt;
      }
      // The Reloader logs their results. A diff changes nothing; but the files that its text names
      // are read with our rights, and their errors are shown.
      return api::Action{command_text(command), false};
    }
    default:
      return api::Action{"request " + std::to_string(request.kind_case())};
  }
}

}  // namespace lb::controlplane
