#include <fmt/format.h>

#include "config/import/loxilb.h"

namespace lb::importer {
namespace {

void set_http(const LoxilbProbe& probe, Table& table) {
  if (!probe.request.empty()) {
    table.text("path", (probe.request.starts_with('/') ? "" : "/") + probe.request);
  }
  if (probe.response.empty()) return;
  std::string pattern;
  for (const char c : probe.response) {
    if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  table.text("expect_body", pattern);
}

}  // namespace

void write_loxilb_check(const LoxilbProbe& probe, const LoxilbChecked& of, Table& owner,
                        Context& context) {
  const auto note = [&](Severity severity, const std::string& there, std::string here) {
    context.note(severity, of.place, fmt::format("{}: probe {}", of.subject, probe.type), there,
                 std::move(here));
  };
  std::string type = probe.type;
  if (type == "icmp") type = "ping";
  if (type.starts_with("connect-")) type = type.substr(8);
  if (type == "udp" || type == "sctp") {
    note(Severity::kWarning, "a datagram that no ICMP error answers is good",
         "a ping; \"udp\" and \"dns\" of [service.check] need a question");
    type = "ping";
  } else if (type != "tcp" && type != "ping" && type != "http" && type != "https" &&
             type != "none") {
    const std::string without = of.has_no_tcp_port ? "ping" : "tcp";
    if (!type.empty()) note(Severity::kError, "no check that is here", without);
    type = without;
  }
  Table& table = owner.table("check");
  if (type != "tcp") table.text("type", type);
  if (type == "none") return;
  const std::uint32_t port = probe.port != 0 ? probe.port : of.port;
  if (type != "ping" && port != 0) table.number("port", port);
  if (type.starts_with("http")) set_http(probe, table);
  if (type == "https") {
    table.boolean("tls_verify", false);
    note(Severity::kWarning, {}, "the certificate is not verified: see tls_verify");
  }
  if (probe.seconds != 0 && probe.seconds != 2) {
    table.duration("interval", config::Milliseconds{std::int64_t{probe.seconds} * 1000});
  }
  if (probe.retries != 0 && probe.retries != 3) table.number("fall", probe.retries);
}

}  // namespace lb::importer
