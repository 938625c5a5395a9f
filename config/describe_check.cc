// [service.check], [service.real_server.check] and [service.agent]
#include <fmt/format.h>

#include <algorithm>

#include "config/check_types.h"
#include "config/describe.h"
#include "config/forms.h"

namespace lb::config {
namespace {

using std::chrono::hours;
using enum Presence;
using enum CheckType;

constexpr CheckTypes kPortChecks = kTcpChecks | CheckTypes(kUdp, kDns);
constexpr CheckTypes kAddressChecks = kPortChecks | CheckTypes(kPing);
constexpr CheckTypes kActiveChecks = kAddressChecks | CheckTypes(kScript);
constexpr std::size_t kMostTypes = 8;  // that a message lists

// "type \"http\" or \"https\""
std::string types_text(CheckTypes types) {
  std::vector<std::string_view> names;
  for (const auto& [name, type] : kEnumNames<CheckType>) {
    if (types.contains(type)) names.push_back(name);
  }
  if (names.size() > kMostTypes) return "another type";
  std::string out = "type ";
  for (const std::string_view name : names) {
    const bool first = name == names.front();
    out += fmt::format("{}\"{}\"", first ? "" : name == names.back() ? " or " : ", ", name);
  }
  return out;
}

class CheckDescription {
 public:
  CheckDescription(Visitor& visitor, Check& check) : v_(visitor), check_(check) {}

  void run() {
    v_.choice("type", check_.type);
    target();
    timing();
    of(kHttpChecks, [this] { http(); });
    of(kOptionalTlsChecks, [this] { v_.boolean("tls", check_.tls, kDefaulted); });
    of(kOptionalTlsChecks | kTlsChecks, [this] { tls(); });
    protocols();
  }

 private:
  // Keys that mean nothing to a check of this type are mistakes, not ignored: an operator who
  // writes `path` into a TCP check expects that it is used.
  template <typename Keys>
  void of(CheckTypes types, Keys keys) {
    v_.only_if(
        "type", types.contains(check_.type),
        [&] {
          return fmt::format("for a check of type \"{}\"; remove it, or use {}",
                             name_of(check_.type), types_text(types));
        },
        keys);
  }

  void target() {
    of(kAddressChecks,
       [this] { v_.value("address", check_.address, kAddressForm, "\"10.0.0.11\""); });
    of(kPortChecks, [this] {
      v_.number("port", check_.port, 1, 65'535);
      v_.value("source", check_.source, kAddressForm, "\"10.0.0.11\"");
    });
  }

  void timing() {
    of(kActiveChecks, [this] {
      v_.duration("interval", check_.interval, Milliseconds(100), hours(1));
      v_.duration("timeout", check_.timeout, Milliseconds(10), hours(1));
    });
    of(kTcpChecks, [this] {
      v_.duration("connect_timeout", check_.connect_timeout, Milliseconds(0), hours(1), kIfSet);
    });
    of(kActiveChecks, [this] {
      v_.number("rise", check_.rise, 1, 1000);
      v_.number("fall", check_.fall, 1, 1000);
      v_.number("retry", check_.retry, 0, 100, kIfSet);
      v_.duration("retry_delay", check_.retry_delay, Milliseconds(0), hours(1), kIfSet);
      v_.printed_if(!check_.passive).boolean("passive", check_.passive, kDefaulted);
    });
  }

  void http() {
    v_.text("method", check_.method, kDefaulted);
    v_.text("path", check_.path, kDefaulted);
    v_.text("host", check_.host, kIfSet);
    v_.secret().texts("headers", check_.headers, "[\"X-Probe: ballast\"]", kIfSet);
    v_.statuses("expect_status", check_.expect_status, kDefaulted);
    v_.value("expect_body", check_.expect_body, kPatternForm, "'^OK'", kIfSet);
    v_.text("expect_body_sha256", check_.expect_body_sha256, kIfSet);
    v_.printed_if(check_.strict_http).boolean("strict_http", check_.strict_http, kDefaulted);
  }

  void tls() {
    v_.only_if(
        "tls", speaks_tls(check_), [] { return "without tls; add tls = true"; },
        [this] {
          v_.boolean("tls_verify", check_.tls_verify, kDefaulted);
          v_.text("tls_server_name", check_.tls_server_name, kIfSet);
          v_.text("tls_ca_file", check_.tls_ca_file, kIfSet);
        });
  }

  void protocols() {
    of(CheckTypes(kSendExpect, kUdp), [this] {
      v_.secret().value("send", check_.send, kBytesForm, "'PING\\r\\n'",
                        check_.type == kUdp ? kRequired : kIfSet);
      v_.value("expect", check_.expect, kPatternForm, "'^OK'",
               check_.type == kSendExpect ? kRequired : kIfSet);
    });
    of(CheckTypes(kRedis, kMysql, kPgsql),
       [this] { v_.text("username", check_.username, kIfSet); });
    of(CheckTypes(kRedis), [this] {
      v_.value("password_file", check_.password_file, kAbsolutePathForm,
               "\"/etc/ballast/redis.pw\"", kIfSet);
    });
    of(CheckTypes(kPgsql), [this] { v_.text("database", check_.database, kIfSet); });
    of(CheckTypes(kScript), [this] {
      v_.texts("command", check_.command, "[\"/etc/ballast/check.sh\"]", kRequired);
      v_.text("user", check_.user, kIfSet);
      v_.choice("script_style", check_.script_style);
      v_.boolean("dynamic_weight", check_.dynamic_weight, kDefaulted);
    });
    of(CheckTypes(kDns), [this] {
      v_.text("query", check_.query, kRequired);
      v_.choice("query_type", check_.query_type);
      v_.value("expect_address", check_.expect_address, kAddressForm, "\"10.0.0.11\"");
    });
  }

  Visitor& v_;
  Check& check_;
};

}  // namespace

void describe(Visitor& v, Check& check) {
  CheckDescription(v, check).run();
}

void describe(Visitor& v, AgentCheck& agent) {
  v.number("port", agent.port, 1, 65'535, kRequired);
  v.secret().value("send", agent.send, kBytesForm, "'state\\n'", kIfSet);
  v.duration("interval", agent.interval, Milliseconds(100), hours(1));
  v.duration("timeout", agent.timeout, Milliseconds(10), hours(1));
}

}  // namespace lb::config
