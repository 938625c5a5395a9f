#include "config/parse_check.h"

#include <fmt/format.h>

#include <bit>

#include "config/check_keys.h"
#include "config/pattern.h"

namespace lb::config {
namespace {

using std::chrono::hours;

// "\"http\" or \"https\""
std::string types_text(CheckTypes types) {
  std::vector<std::string_view> names;
  for (const auto& [name, type] : kEnumNames<CheckType>) {
    if ((types >> static_cast<unsigned>(type) & 1) != 0) names.push_back(name);
  }
  std::string out;
  for (const std::string_view name : names) {
    out += fmt::format("{}\"{}\"", out.empty() ? "" : name == names.back() ? " or " : ", ", name);
  }
  return out;
}

// Keys that mean nothing to a check of this type are mistakes, not silence: who writes `path` into
// a TCP check believes that it is asked for.
void reject_foreign_keys(TableReader& reader, CheckType type) {
  constexpr std::size_t kMostTypes = 8;
  for (const CheckKey& key : check_keys()) {
    if (has_key(type, key.name)) continue;
    const bool few = static_cast<std::size_t>(std::popcount(key.types)) <= kMostTypes;
    reader.reject(
        key.name,
        fmt::format("{} has no meaning for a check of type \"{}\"; remove it, or use {}", key.name,
                    name_of(type), few ? "type " + types_text(key.types) : "another type"));
  }
}

Result<std::string> valid_pattern(const std::string& text) {
  if (auto result = check_pattern(text); !result) {
    return fail(
        fmt::format("\"{}\" is no regular expression of RE2: {}", text, result.error().message));
  }
  return text;
}

class CheckParser {
 public:
  CheckParser(TableReader& reader, Check& check) : reader_(reader), check_(check) {}

  void run() {
    common();
    http();
    tls();
    protocols();
  }

 private:
  bool has(std::string_view key) const { return has_key(check_.type, key); }

  void text(std::string_view key, std::string& out, Need need = Need::kOptional) {
    if (has(key)) reader_.text(key, out, need);
  }

  void address(std::string_view key, std::optional<Ipv4Address>& out) {
    Ipv4Address value;
    reader_.parsed(
        key, value,
        [&](const std::string& from) {
          auto parsed = Ipv4Address::parse(from);
          if (parsed) out = *parsed;
          return parsed;
        },
        "\"10.0.0.11\"", Need::kOptional);
  }

  void pattern(std::string_view key, std::string& out, Need need = Need::kOptional) {
    if (has(key)) reader_.parsed(key, out, valid_pattern, "'^OK'", need);
  }

  void common() {
    if (has("address")) address("address", check_.address);
    if (has("source")) address("source", check_.source);
    if (has("port")) {
      std::uint16_t port = 0;
      reader_.number<std::uint16_t>("port", port, 1, 65'535);
      if (port != 0) check_.port = port;
    }
    if (has("interval")) {
      reader_.duration("interval", check_.interval, Milliseconds(100), hours(1));
      reader_.duration("timeout", check_.timeout, Milliseconds(10), hours(1));
      reader_.number("rise", check_.rise, 1u, 1000u);
      reader_.number("fall", check_.fall, 1u, 1000u);
      reader_.number("retry", check_.retry, 0u, 100u);
      reader_.duration("retry_delay", check_.retry_delay, Milliseconds(0), hours(1));
      reader_.boolean("passive", check_.passive);
    }
    if (has("connect_timeout")) {
      reader_.duration("connect_timeout", check_.connect_timeout, Milliseconds(0), hours(1));
    }
  }

  void http() {
    if (!has("method")) return;
    reader_.text("method", check_.method);
    reader_.text("path", check_.path);
    reader_.text("host", check_.host);
    reader_.texts("headers", check_.headers, "[\"X-Probe: ballast\"]");
    statuses();
    pattern("expect_body", check_.expect_body);
    reader_.text("expect_body_sha256", check_.expect_body_sha256);
  }

  // A number or a text.
  void statuses() {
    if (reader_.holds_text("expect_status")) {
      reader_.parsed("expect_status", check_.expect_status, parse_statuses, "\"200-299\"",
                     Need::kOptional);
      return;
    }
    std::uint16_t status = 0;
    reader_.number<std::uint16_t>("expect_status", status, 100, 599);
    if (status != 0) check_.expect_status = {{status, status}};
  }

  void tls() {
    if (has("tls")) reader_.boolean("tls", check_.tls);
    if (!has("tls_verify")) return;
    if (!speaks_tls(check_)) {
      for (const char* key : {"tls_verify", "tls_server_name", "tls_ca_file"}) {
        reader_.reject(key, fmt::format("{} has no meaning without tls; add tls = true", key));
      }
      return;
    }
    reader_.boolean("tls_verify", check_.tls_verify);
    reader_.text("tls_server_name", check_.tls_server_name);
    reader_.text("tls_ca_file", check_.tls_ca_file);
  }

  void protocols() {
    if (has("send")) {
      const bool udp = check_.type == CheckType::kUdp;
      reader_.parsed("send", check_.send, unescape, "'PING\\r\\n'",
                     udp ? Need::kRequired : Need::kOptional);
      pattern("expect", check_.expect, udp ? Need::kOptional : Need::kRequired);
    }
    text("username", check_.username);
    if (has("password_file")) {
      reader_.absolute_path("password_file", check_.password_file, "\"/etc/ballast/redis.pw\"");
    }
    text("database", check_.database);
    text("query", check_.query, Need::kRequired);
    if (has("query_type")) reader_.enumeration("query_type", check_.query_type);
    if (has("expect_address")) address("expect_address", check_.expect_address);
    if (has("command")) script();
  }

  void script() {
    reader_.texts("command", check_.command, "[\"/etc/ballast/check.sh\"]", Need::kRequired);
    reader_.text("user", check_.user);
    reader_.enumeration("script_style", check_.script_style);
    reader_.boolean("dynamic_weight", check_.dynamic_weight);
  }

  TableReader& reader_;
  Check& check_;
};

}  // namespace

void parse_check(ReadReport& report, const Node& node, const std::string& path, Check& check) {
  TableReader reader(report, node, path);
  reader.enumeration("type", check.type);
  reject_foreign_keys(reader, check.type);
  CheckParser(reader, check).run();
  reader.finish();
}

void parse_agent(ReadReport& report, const Node& node, const std::string& path, AgentCheck& agent) {
  TableReader reader(report, node, path);
  reader.number<std::uint16_t>("port", agent.port, 1, 65'535, Need::kRequired);
  reader.parsed("send", agent.send, unescape, "'state\\n'", Need::kOptional);
  reader.duration("interval", agent.interval, Milliseconds(100), hours(1));
  reader.duration("timeout", agent.timeout, Milliseconds(10), hours(1));
  reader.finish();
}

}  // namespace lb::config
