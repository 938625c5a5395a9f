// `show alert`: what waits to be told, and what went wrong.
#include <fmt/format.h>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/format.h"
#include "controlplane/cli/json.h"
#include "controlplane/cli/show.h"

namespace lb::cli {
namespace {

namespace control = lb::api::control;

std::string when(std::uint64_t unix_ms) {
  return unix_ms == 0 ? "never" : time_text(unix_ms);
}

std::string recipients(const control::AlertMail& mail) {
  std::string out;
  for (const std::string& to : mail.to()) out += (out.empty() ? "" : ", ") + to;
  return out;
}

std::string mail_text(const control::AlertMail& mail) {
  std::string text = fmt::format("Mail by {} to {}\n", mail.server(), recipients(mail));
  text += fmt::format("  waiting: {} mail{}, {} event{} to be mailed\n", mail.queue(),
                      mail.queue() == 1 ? "" : "s", mail.events(), mail.events() == 1 ? "" : "s");
  text += fmt::format("  sent {}, tries that failed {}, refused {}, dropped {}\n", mail.sent(),
                      mail.tries_failed(), mail.refused(), mail.dropped());
  text += fmt::format("  last sent: {}\n", when(mail.last_sent_unix_ms()));
  if (mail.last_error_unix_ms() != 0) {
    text +=
        fmt::format("  last error: {}: {}\n", when(mail.last_error_unix_ms()), mail.last_error());
  }
  if (!mail.disk_error().empty()) {
    text += fmt::format("  in memory only, not on disk: {}\n", mail.disk_error());
  }
  return text;
}

}  // namespace

std::string alert_text(const control::AlertStatus& status) {
  std::string text = fmt::format("Events since the start: {}\n", status.events());
  if (status.has_script()) {
    const control::AlertScript& script = status.script();
    text += fmt::format("Script {}\n  waiting: {}\n  runs: {} good, {} bad\n", script.program(),
                        script.queue(), script.good(), script.bad());
    if (!script.last_error().empty()) {
      text += fmt::format("  last error: {}\n", script.last_error());
    }
  }
  return status.has_mail() ? text + mail_text(status.mail()) : text;
}

std::string alert_json(const control::AlertStatus& status) {
  Json out = {{"events", status.events()}};
  if (status.has_script()) {
    const control::AlertScript& script = status.script();
    out["script"] = {{"program", script.program()},
                     {"queue", script.queue()},
                     {"good", script.good()},
                     {"bad", script.bad()},
                     {"last_error", script.last_error()}};
  }
  if (status.has_mail()) {
    const control::AlertMail& mail = status.mail();
    Json to = Json::array();
    for (const std::string& each : mail.to()) to.push_back(each);
    out["mail"] = {{"server", mail.server()},
                   {"to", std::move(to)},
                   {"events", mail.events()},
                   {"queue", mail.queue()},
                   {"sent", mail.sent()},
                   {"tries_failed", mail.tries_failed()},
                   {"refused", mail.refused()},
                   {"dropped", mail.dropped()},
                   {"last_sent_unix_ms", mail.last_sent_unix_ms()},
                   {"last_error_unix_ms", mail.last_error_unix_ms()},
                   {"last_error", mail.last_error()},
                   {"disk_error", mail.disk_error()}};
  }
  return print(out);
}

std::string alert_test_text(const control::AlertStatus& status) {
  std::string text;
  if (status.has_script()) {
    text += fmt::format("the script {} is told of a test event\n", status.script().program());
  }
  if (status.has_mail()) {
    text +=
        fmt::format("a mail to {} goes to {}\n", recipients(status.mail()), status.mail().server());
  }
  return text + "lbcli show alert tells what becomes of it\n";
}

}  // namespace lb::cli
