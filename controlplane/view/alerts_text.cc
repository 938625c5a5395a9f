// `show alert`, `alert test`.
#include <fmt/format.h>

#include "config/base/printable.h"
#include "controlplane/view/alerts.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/format.h"

namespace lb::view {
namespace {

std::string when(std::uint64_t unix_ms) {
  return unix_ms == 0 ? "never" : time_text(unix_ms);
}

std::string mail_text(const AlertMail& mail) {
  std::string text = fmt::format("Mail by {} to {}\n", mail.server, joined(mail.to, ", "));
  text += fmt::format("  waiting: {} mail{}, {} event{} to be mailed\n", mail.queue,
                      mail.queue == 1 ? "" : "s", mail.events, mail.events == 1 ? "" : "s");
  text += fmt::format("  sent {}, failed attempts {}, refused {}, dropped {}\n", mail.sent,
                      mail.tries_failed, mail.refused, mail.dropped);
  text += fmt::format("  last sent: {}\n", when(mail.last_sent_unix_ms));
  if (mail.last_error_unix_ms != 0) {
    text += fmt::format("  last error: {}: {}\n", when(mail.last_error_unix_ms),
                        printable(mail.last_error));
  }
  if (!mail.disk_error.empty()) {
    text += fmt::format("  in memory only, not on disk: {}\n", printable(mail.disk_error));
  }
  return text;
}

}  // namespace

std::string as_text(const Alerts& answer) {
  std::string text = fmt::format("Events since the start: {}\n", answer.events);
  if (answer.script) {
    text +=
        fmt::format("Script {}\n  waiting: {}\n  runs: {} good, {} bad\n", answer.script->program,
                    answer.script->queue, answer.script->good, answer.script->bad);
    if (!answer.script->last_error.empty()) {
      text += fmt::format("  last error: {}\n", printable(answer.script->last_error));
    }
  }
  return answer.mail ? text + mail_text(*answer.mail) : text;
}

std::string alert_test_text(const Alerts& alerts) {
  std::string text;
  if (alerts.script) {
    text += fmt::format("a test event goes to the script {}\n", alerts.script->program);
  }
  if (alerts.mail) {
    text += fmt::format("a mail to {} goes to {}\n", joined(alerts.mail->to, ", "),
                        alerts.mail->server);
  }
  return text + "lbcli show alert shows the result";
}

}  // namespace lb::view
