#include "config/check_keys.h"

#include <algorithm>
#include <array>

namespace lb::config {
namespace {

template <typename... Types>
constexpr CheckTypes set_of(Types... types) {
  return ((CheckTypes{1} << static_cast<unsigned>(types)) | ... | 0);
}

using enum CheckType;

constexpr CheckTypes kHttpTypes = set_of(kHttp, kHttps);
constexpr CheckTypes kOptionalTls = set_of(kSendExpect, kSmtp, kFtp, kRedis, kLdap);
constexpr CheckTypes kTlsTypes = kOptionalTls | set_of(kHttps, kImaps, kPop3s);
constexpr CheckTypes kTcpTypes =
    kHttpTypes | kTlsTypes | set_of(kTcp, kImap, kPop3, kMysql, kPgsql);
constexpr CheckTypes kPortTypes = kTcpTypes | set_of(kUdp, kDns);
constexpr CheckTypes kActiveTypes = kPortTypes | set_of(kPing, kScript);

constexpr auto kKeys = std::to_array<CheckKey>({
    {"address", kActiveTypes & ~set_of(kScript)},
    {"port", kPortTypes},
    {"source", kPortTypes},
    {"interval", kActiveTypes},
    {"timeout", kActiveTypes},
    {"connect_timeout", kTcpTypes},
    {"rise", kActiveTypes},
    {"fall", kActiveTypes},
    {"retry", kActiveTypes},
    {"retry_delay", kActiveTypes},
    {"passive", kActiveTypes},
    {"method", kHttpTypes},
    {"path", kHttpTypes},
    {"host", kHttpTypes},
    {"headers", kHttpTypes},
    {"expect_status", kHttpTypes},
    {"expect_body", kHttpTypes},
    {"expect_body_sha256", kHttpTypes},
    {"send", set_of(kSendExpect, kUdp)},
    {"expect", set_of(kSendExpect, kUdp)},
    {"tls", kOptionalTls},
    {"tls_verify", kTlsTypes},
    {"tls_server_name", kTlsTypes},
    {"tls_ca_file", kTlsTypes},
    {"username", set_of(kRedis, kMysql, kPgsql)},
    {"password_file", set_of(kRedis)},
    {"database", set_of(kPgsql)},
    {"query", set_of(kDns)},
    {"query_type", set_of(kDns)},
    {"expect_address", set_of(kDns)},
    {"command", set_of(kScript)},
    {"user", set_of(kScript)},
    {"script_style", set_of(kScript)},
    {"dynamic_weight", set_of(kScript)},
});

}  // namespace

std::span<const CheckKey> check_keys() {
  return kKeys;
}

bool has_key(CheckType type, std::string_view key) {
  const auto found = std::find_if(kKeys.begin(), kKeys.end(),
                                  [&](const CheckKey& each) { return each.name == key; });
  return found != kKeys.end() && (found->types & set_of(type)) != 0;
}

bool always_tls(CheckType type) {
  return (kTlsTypes & ~kOptionalTls & set_of(type)) != 0;
}

bool speaks_tls(const Check& check) {
  return always_tls(check.type) || (check.tls && has_key(check.type, "tls"));
}

bool connects_by_tcp(CheckType type) {
  return (kTcpTypes & set_of(type)) != 0;
}

}  // namespace lb::config
