#include "controlplane/view/alerts.h"

#include "controlplane/api/controlplane.pb.h"

namespace lb::view {

Alerts alerts_of(const api::control::AlertStatus& status) {
  Alerts out{.events = status.events(), .script = {}, .mail = {}};
  if (status.has_script()) {
    const api::control::AlertScript& script = status.script();
    out.script = AlertScript{.program = script.program(),
                             .queue = script.queue(),
                             .good = script.good(),
                             .bad = script.bad(),
                             .last_error = script.last_error()};
  }
  if (status.has_mail()) {
    const api::control::AlertMail& mail = status.mail();
    out.mail = AlertMail{.server = mail.server(),
                         .to = {mail.to().begin(), mail.to().end()},
                         .events = mail.events(),
                         .queue = mail.queue(),
                         .sent = mail.sent(),
                         .tries_failed = mail.tries_failed(),
                         .refused = mail.refused(),
                         .dropped = mail.dropped(),
                         .last_sent_unix_ms = mail.last_sent_unix_ms(),
                         .last_error_unix_ms = mail.last_error_unix_ms(),
                         .last_error = mail.last_error(),
                         .disk_error = mail.disk_error()};
  }
  return out;
}

}  // namespace lb::view
