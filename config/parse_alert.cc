#include "config/parse_alert.h"

#include <charconv>

namespace lb::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint32_t kMaxQueue = 100'000;

Result<HostPort> parse_host_port(std::string_view text) {
  const auto colon = text.rfind(':');
  const std::string_view digits = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  HostPort out;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (colon == 0 || error != std::errc() || end != digits.data() + digits.size() || out.port == 0) {
    return fail(
        fmt::format("\"{}\" is no host with its port; write \"smtp.example.com:587\"", text));
  }
  out.host = text.substr(0, colon);
  return out;
}

AlertMail parse_mail(ReadReport& report, const Node& node, const std::string& path) {
  AlertMail mail;
  TableReader reader(report, node, path);
  mail.where = Origin{reader.where()};
  reader.parsed("server", mail.server, parse_host_port, "\"smtp.example.com:587\"",
                Need::kRequired);
  reader.enumeration("tls", mail.tls);
  if (mail.tls == MailTls::kNone) {
    for (const std::string_view key : {"tls_verify", "tls_ca_file"}) {
      reader.reject(key, fmt::format("{} has no meaning with tls = \"none\"; remove it, or use "
                                     "\"starttls\" or \"tls\"",
                                     key));
    }
  } else {
    reader.boolean("tls_verify", mail.tls_verify);
    reader.absolute_path("tls_ca_file", mail.tls_ca_file, "\"/etc/ballast/mail-ca.pem\"");
  }
  reader.text("user", mail.user);
  reader.absolute_path("password_file", mail.password_file, "\"/etc/ballast/mail-password\"");
  reader.text("from", mail.from, Need::kRequired);
  reader.texts("to", mail.to, "[\"ops@example.com\"]", Need::kRequired);
  reader.duration("timeout", mail.timeout, seconds(1), minutes(10));
  reader.duration("group_delay", mail.group_delay, Milliseconds(0), hours(1));
  reader.duration("retry_interval", mail.retry_interval, seconds(1), hours(1));
  reader.number("max_queue", mail.max_queue, 1u, kMaxQueue);
  reader.finish();
  return mail;
}

}  // namespace

void parse_alert(ReadReport& report, const Node& node, Alert& alert) {
  TableReader reader(report, node, "alert");
  reader.texts("script", alert.script, "[\"/etc/ballast/alert.sh\"]");
  reader.text("script_user", alert.script_user);
  reader.duration("script_timeout", alert.script_timeout, Milliseconds(100), hours(1));
  if (const Node* const mail = reader.table("mail", "alert.mail")) {
    alert.mail = parse_mail(report, *mail, reader.path_of("mail"));
  }
  reader.finish();
}

}  // namespace lb::config
