// Field tables of alerts.
#pragma once

#include "controlplane/view/alerts.h"
#include "controlplane/view/field.h"

namespace lb::view {

constexpr auto fields(const AlertScript*) {
  return std::tuple(
      field("program", &AlertScript::program, "The program."),
      field("queue", &AlertScript::queue, "Events in its queue."),
      field("good", &AlertScript::good, "Runs that succeeded.", {.counter = true}),
      field("bad", &AlertScript::bad, "Runs that failed.", {.counter = true}),
      field("last_error", &AlertScript::last_error, "Why the last one failed; empty: none has."));
}

constexpr auto fields(const AlertMail*) {
  return std::tuple(
      field("server", &AlertMail::server, "The mail server."),
      field("to", &AlertMail::to, "Who gets mail."),
      field("events", &AlertMail::events, "Events that are not yet mailed."),
      field("queue", &AlertMail::queue, "Mails in the queue."),
      field("sent", &AlertMail::sent, "Mails that were sent.", {.counter = true}),
      field("tries_failed", &AlertMail::tries_failed, "Attempts that failed.", {.counter = true}),
      field("refused", &AlertMail::refused, "Mails that the server refused permanently.",
            {.counter = true}),
      field("dropped", &AlertMail::dropped, "Mails dropped from a full queue.", {.counter = true}),
      field("last_sent_unix_ms", &AlertMail::last_sent_unix_ms,
            "When the last one was sent, since 1970 in UTC; 0: never.", {.unit = "ms"}),
      field("last_error_unix_ms", &AlertMail::last_error_unix_ms,
            "When an attempt failed last; 0: never.", {.unit = "ms"}),
      field("last_error", &AlertMail::last_error, "Why it failed."),
      field("disk_error", &AlertMail::disk_error,
            "Why the queue is in memory only; empty: it is on disk."));
}

constexpr auto fields(const Alerts*) {
  return std::tuple(
      field("events", &Alerts::events, "Since the control plane started.", {.counter = true}),
      field("script", &Alerts::script, "The script; left out: none is configured.",
            {.without = Without::kLeftOut}),
      field("mail", &Alerts::mail, "Mail; left out: none is configured.",
            {.without = Without::kLeftOut}));
}

}  // namespace lb::view
