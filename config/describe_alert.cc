// [alert] with [alert.mail].
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/describe.h"
#include "config/forms.h"

namespace lb::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using enum Presence;

constexpr std::uint32_t kMaxQueue = 100'000;

Result<HostPort> parse_host_port(const std::string& text) {
  const bool is_bare_ipv6 = std::ranges::count(text, ':') > 1 &&
                            text.find_first_not_of("0123456789abcdefABCDEF:.") == text.npos;
  if (text.starts_with('[') || is_bare_ipv6) {
    return Endpoint::parse(text).map([](const Endpoint& endpoint) {
      return HostPort{endpoint.address.to_string(), endpoint.port};
    });
  }
  const auto colon = text.rfind(':');
  const std::string digits = colon == std::string::npos ? "" : text.substr(colon + 1);
  HostPort out;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (colon == 0 || error != std::errc() || end != digits.data() + digits.size() || out.port == 0) {
    return fail(fmt::format("\"{}\" is not a host and port; write \"smtp.example.com:587\"", text));
  }
  out.host = text.substr(0, colon);
  return out;
}

const Form<HostPort> kHostPortForm = {"host and port", parse_host_port,
                                      [](const HostPort& server) { return server.to_string(); }};

void describe(Visitor& v, AlertMail& mail) {
  v.value("server", mail.server, kHostPortForm, "\"smtp.example.com:587\"", kRequired);
  v.choice("tls", mail.tls);
  v.only_if(
      "tls", mail.tls != MailTls::kNone,
      [] { return "with tls = \"none\"; remove it, or use \"starttls\" or \"tls\""; },
      [&] {
        v.boolean("tls_verify", mail.tls_verify, kDefaulted);
        v.value("tls_ca_file", mail.tls_ca_file, kAbsolutePathForm, "\"/etc/ballast/mail-ca.pem\"",
                kIfSet);
      });
  v.text("user", mail.user, kIfSet);
  v.value("password_file", mail.password_file, kAbsolutePathForm, "\"/etc/ballast/mail-password\"",
          kIfSet);
  v.text("from", mail.from, kRequired);
  v.texts("to", mail.to, "[\"ops@example.com\"]", kRequired);
  v.duration("timeout", mail.timeout, seconds(1), minutes(10));
  v.duration("group_delay", mail.group_delay, Milliseconds(0), hours(1));
  v.duration("retry_interval", mail.retry_interval, seconds(1), hours(1));
  v.number("max_queue", mail.max_queue, 1, kMaxQueue);
}

}  // namespace

void describe(Visitor& v, Alert& alert) {
  v.texts("script", alert.script, "[\"/etc/ballast/alert.sh\"]", kDefaulted);
  v.text("script_user", alert.script_user, kIfSet);
  v.duration("script_timeout", alert.script_timeout, Milliseconds(100), hours(1));
  v.table("mail", alert.mail, AlertMail{},
          [](Visitor& table, AlertMail& mail) { describe(table, mail); });
}

}  // namespace lb::config
