// The canonical form of [alert].
#include "config/printer.h"

namespace lb::config {
namespace {

void print_mail(Printer& out, const AlertMail& mail) {
  out.table("[alert.mail]");
  out.text("server", mail.server.to_string());
  out.text("tls", name_of(mail.tls));
  if (mail.tls != MailTls::kNone) {
    out.boolean("tls_verify", mail.tls_verify);
    if (!mail.tls_ca_file.empty()) out.text("tls_ca_file", mail.tls_ca_file);
  }
  if (!mail.user.empty()) {
    out.text("user", mail.user);
    out.text("password_file", mail.password_file);
  }
  out.text("from", mail.from);
  out.texts("to", mail.to);
  out.duration("timeout", mail.timeout);
  out.duration("group_delay", mail.group_delay);
  out.duration("retry_interval", mail.retry_interval);
  out.number("max_queue", mail.max_queue);
}

}  // namespace

void print_alert(Printer& out, const Alert& alert) {
  out.table("[alert]");
  out.texts("script", alert.script);
  if (!alert.script_user.empty()) out.text("script_user", alert.script_user);
  out.duration("script_timeout", alert.script_timeout);
  if (alert.mail) print_mail(out, *alert.mail);
}

}  // namespace lb::config
