// How a real server is checked. A part of the model (config/model.h).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/base/address.h"
#include "config/base/enum_names.h"

namespace lb::config {

enum class CheckType : std::uint8_t {
  kNone,
  kTcp,
  kHttp,
  kHttps,
  kPing,
  kSendExpect,
  kSmtp,
  kFtp,
  kImap,
  kImaps,
  kPop3,
  kPop3s,
  kRedis,
  kLdap,
  kMysql,
  kPgsql,
  kUdp,
  kDns,
  kScript,
  kAgent,  // beside another one: [service.agent]; not a type to write
};
constexpr auto enum_names(CheckType) {
  return std::to_array<EnumName<CheckType>>({
      {"tcp", CheckType::kTcp},
      {"http", CheckType::kHttp},
      {"https", CheckType::kHttps},
      {"ping", CheckType::kPing},
      {"send_expect", CheckType::kSendExpect},
      {"smtp", CheckType::kSmtp},
      {"ftp", CheckType::kFtp},
      {"imap", CheckType::kImap},
      {"imaps", CheckType::kImaps},
      {"pop3", CheckType::kPop3},
      {"pop3s", CheckType::kPop3s},
      {"redis", CheckType::kRedis},
      {"ldap", CheckType::kLdap},
      {"mysql", CheckType::kMysql},
      {"pgsql", CheckType::kPgsql},
      {"udp", CheckType::kUdp},
      {"dns", CheckType::kDns},
      {"script", CheckType::kScript},
      {"none", CheckType::kNone},
  });
}

enum class ScriptStyle : std::uint8_t { kPlain, kNagios };
constexpr auto enum_names(ScriptStyle) {
  return std::to_array<EnumName<ScriptStyle>>({
      {"plain", ScriptStyle::kPlain},
      {"nagios", ScriptStyle::kNagios},
  });
}

enum class DnsType : std::uint8_t { kA, kAaaa, kMx, kNs, kPtr, kSoa, kSrv, kTxt };
constexpr auto enum_names(DnsType) {
  return std::to_array<EnumName<DnsType>>({
      {"A", DnsType::kA},
      {"AAAA", DnsType::kAaaa},
      {"MX", DnsType::kMx},
      {"NS", DnsType::kNs},
      {"PTR", DnsType::kPtr},
      {"SOA", DnsType::kSoa},
      {"SRV", DnsType::kSrv},
      {"TXT", DnsType::kTxt},
  });
}

// Codes of HTTP that are good: ranges with both ends, sorted, without overlap.
using StatusSet = std::vector<std::pair<std::uint16_t, std::uint16_t>>;

struct Check {
  using Milliseconds = std::chrono::milliseconds;

  CheckType type = CheckType::kTcp;
  std::optional<Address> address;     // default: the real server's
  std::optional<std::uint16_t> port;  // default: the real server's
  std::optional<Address> source;      // default: as the kernel chooses
  Milliseconds interval{2000};
  Milliseconds timeout{1000};
  Milliseconds connect_timeout{0};  // 0: none of its own
  std::uint32_t rise = 2;
  std::uint32_t fall = 3;
  std::uint32_t retry = 0;  // attempts beyond the first before a bad result counts
  Milliseconds retry_delay{0};
  bool passive = true;  // clients' handshakes that fail bring the next check forward
  // http and https
  std::string method = "GET";
  std::string path = "/";
  std::string host;                  // Host header; empty: the VIP's address:port
  std::vector<std::string> headers;  // "Name: value"
  StatusSet expect_status = {{200, 200}};
  std::string expect_body;         // regular expression; empty: any
  std::string expect_body_sha256;  // 64 hexadecimal digits; empty: any
  bool strict_http = false;        // no leniency with the form of the answer
  // send_expect and udp
  std::string send;    // with \x, \r, \n escapes, see unescape()
  std::string expect;  // regular expression
  // Where TLS is spoken
  bool tls = false;  // of types that do not imply it
  bool tls_verify = true;
  std::string tls_server_name;  // SNI and the name that the certificate must have; empty: `host`
  std::string tls_ca_file;      // PEM; empty: the system's store
  // redis, mysql and pgsql
  std::string username;
  std::string password_file;
  std::string database;
  // dns
  std::string query;
  DnsType query_type = DnsType::kA;
  std::optional<Address> expect_address;
  // script
  std::vector<std::string> command;  // program and arguments, no shell
  std::string user;                  // empty: kScriptUser
  ScriptStyle script_style = ScriptStyle::kPlain;
  bool dynamic_weight = false;  // exit statuses from 2 on are the weight plus 2
  bool operator==(const Check&) const = default;
};

// A program on the real server that reports its weight and state, in HAProxy's format.
struct AgentCheck {
  std::uint16_t port = 0;
  std::string send;
  std::chrono::milliseconds interval{2000};
  std::chrono::milliseconds timeout{1000};
  bool operator==(const AgentCheck&) const = default;
};

}  // namespace lb::config
