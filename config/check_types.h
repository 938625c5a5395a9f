// Sets of types of checks.
#pragma once

#include <cstdint>

#include "config/check.h"

namespace lb::config {

class CheckTypes {
 public:
  template <typename... Types>
  constexpr explicit CheckTypes(Types... types) : bits_((bit(types) | ... | 0)) {}

  constexpr bool contains(CheckType type) const { return (bits_ & bit(type)) != 0; }
  constexpr CheckTypes operator|(CheckTypes o) const { return from_bits(bits_ | o.bits_); }

 private:
  static constexpr std::uint32_t bit(CheckType type) {
    return std::uint32_t{1} << static_cast<unsigned>(type);
  }
  static constexpr CheckTypes from_bits(std::uint32_t bits) {
    CheckTypes types;
    types.bits_ = bits;
    return types;
  }

  std::uint32_t bits_;
};

inline constexpr CheckTypes kHttpChecks(CheckType::kHttp, CheckType::kHttps);
// These speak TLS if `tls` says so, kTlsChecks always.
inline constexpr CheckTypes kOptionalTlsChecks(CheckType::kSendExpect, CheckType::kSmtp,
                                               CheckType::kFtp, CheckType::kRedis,
                                               CheckType::kLdap);
inline constexpr CheckTypes kTlsChecks(CheckType::kHttps, CheckType::kImaps, CheckType::kPop3s);
// These connect to a TCP port of the real server, which script checks and the like do not.
inline constexpr CheckTypes kTcpChecks =
    kHttpChecks | kOptionalTlsChecks | kTlsChecks |
    CheckTypes(CheckType::kTcp, CheckType::kImap, CheckType::kPop3, CheckType::kMysql,
               CheckType::kPgsql);

constexpr bool speaks_tls(const Check& check) {
  return kTlsChecks.contains(check.type) || (check.tls && kOptionalTlsChecks.contains(check.type));
}

}  // namespace lb::config
