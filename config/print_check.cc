// [service.check] in canonical form.
#include "config/check_keys.h"
#include "config/pattern.h"
#include "config/printer.h"

namespace lb::config {
namespace {

// So that unescape() gives the bytes back, whatever they are.
std::string escape(const std::string& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto value = static_cast<unsigned char>(c);
    if (c == '\\') {
      out += "\\\\";
    } else if (value >= 0x20 && value < 0x7f) {
      out += c;
    } else {
      out += {'\\', 'x', kDigits[value >> 4], kDigits[value & 15]};
    }
  }
  return out;
}

void print_http(Printer& out, const Check& check) {
  out.text("method", check.method);
  out.text("path", check.path);
  if (!check.host.empty()) out.text("host", check.host);
  if (!check.headers.empty()) out.texts("headers", check.headers);
  const StatusSet& statuses = check.expect_status;
  if (statuses.size() == 1 && statuses[0].first == statuses[0].second) {
    out.number("expect_status", statuses[0].first);
  } else {
    out.text("expect_status", print_statuses(statuses));
  }
  if (!check.expect_body.empty()) out.text("expect_body", check.expect_body);
  if (!check.expect_body_sha256.empty()) out.text("expect_body_sha256", check.expect_body_sha256);
}

void print_tls(Printer& out, const Check& check) {
  if (has_key(check.type, "tls")) out.boolean("tls", check.tls);
  if (!speaks_tls(check)) return;
  out.boolean("tls_verify", check.tls_verify);
  if (!check.tls_server_name.empty()) out.text("tls_server_name", check.tls_server_name);
  if (!check.tls_ca_file.empty()) out.text("tls_ca_file", check.tls_ca_file);
}

void print_common(Printer& out, const Check& check) {
  if (check.address) out.text("address", check.address->to_string());
  if (check.port) out.number("port", *check.port);
  if (check.source) out.text("source", check.source->to_string());
  out.duration("interval", check.interval);
  out.duration("timeout", check.timeout);
  if (check.connect_timeout.count() != 0) out.duration("connect_timeout", check.connect_timeout);
  out.number("rise", check.rise);
  out.number("fall", check.fall);
  if (check.retry != 0) out.number("retry", check.retry);
  if (check.retry_delay.count() != 0) out.duration("retry_delay", check.retry_delay);
  if (!check.passive) out.boolean("passive", false);
}

}  // namespace

void print_check(Printer& out, std::string_view header, const Check& check) {
  out.table(header);
  out.text("type", name_of(check.type));
  if (check.type == CheckType::kNone) return;
  print_common(out, check);
  if (has_key(check.type, "method")) print_http(out, check);
  print_tls(out, check);
  if (!check.send.empty()) out.text("send", escape(check.send));
  if (!check.expect.empty()) out.text("expect", check.expect);
  if (!check.username.empty()) out.text("username", check.username);
  if (!check.password_file.empty()) out.text("password_file", check.password_file);
  if (!check.database.empty()) out.text("database", check.database);
  if (check.type == CheckType::kScript) {
    out.texts("command", check.command);
    if (!check.user.empty()) out.text("user", check.user);
    out.text("script_style", name_of(check.script_style));
    out.boolean("dynamic_weight", check.dynamic_weight);
  }
  if (check.type != CheckType::kDns) return;
  out.text("query", check.query);
  out.text("query_type", name_of(check.query_type));
  if (check.expect_address) out.text("expect_address", check.expect_address->to_string());
}

void print_agent(Printer& out, const AgentCheck& agent) {
  out.table("[service.agent]");
  out.number("port", agent.port);
  if (!agent.send.empty()) out.text("send", escape(agent.send));
  out.duration("interval", agent.interval);
  out.duration("timeout", agent.timeout);
}

}  // namespace lb::config
