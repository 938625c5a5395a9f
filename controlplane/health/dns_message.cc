#include "controlplane/health/dns_message.h"

#include <algorithm>
#include <array>

namespace lb::health {
namespace {

constexpr std::size_t kDnsHeaderBytes = 12;
constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeAaaa = 28;
constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint8_t kResponseBit = 0x80;
constexpr std::uint8_t kRcodeMask = 0x0f;
constexpr std::uint8_t kPointer = 0xc0;

std::uint16_t number_of(config::DnsType type) {
  switch (type) {
    case config::DnsType::kA:
      return kTypeA;
    case config::DnsType::kNs:
      return 2;
    case config::DnsType::kSoa:
      return 6;
    case config::DnsType::kPtr:
      return 12;
    case config::DnsType::kMx:
      return 15;
    case config::DnsType::kTxt:
      return 16;
    case config::DnsType::kAaaa:
      return kTypeAaaa;
    case config::DnsType::kSrv:
      return 33;
  }
  return kTypeA;
}

void put16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}

// Reads the message from front to back; `good` is false after reading beyond the end.
struct Reader {
  std::string_view rest;
  bool good = true;

  std::uint8_t u8() {
    if (rest.empty()) return good = false, std::uint8_t{0};
    const auto value = static_cast<std::uint8_t>(rest[0]);
    rest.remove_prefix(1);
    return value;
  }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  std::string_view bytes(std::size_t count) {
    if (rest.size() < count) return good = false, std::string_view();
    const std::string_view taken = rest.substr(0, count);
    rest.remove_prefix(count);
    return taken;
  }
  // A pointer ends a name; where it leads does not matter here.
  void skip_name() {
    while (good) {
      const std::uint8_t length = u8();
      if (length == 0) return;
      if ((length & kPointer) == kPointer) {
        u8();
        return;
      }
      bytes(length);
    }
  }
};

}  // namespace

std::string make_dns_query(std::uint16_t id, std::string_view name, config::DnsType type) {
  std::string out;
  put16(out, id);
  put16(out, kRecursionDesired);
  put16(out, 1);  // questions
  out += std::string(6, '\0');
  if (name.ends_with('.')) name.remove_suffix(1);
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    out += static_cast<char>(dot);
    out += name.substr(0, dot);
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  out += '\0';
  put16(out, number_of(type));
  put16(out, kInternet);
  return out;
}

std::optional<DnsAnswer> parse_dns_answer(std::string_view message, std::uint16_t id,
                                          const std::optional<Address>& wanted) {
  if (message.size() < kDnsHeaderBytes) return std::nullopt;
  Reader in{message};
  if (in.u16() != id || (in.u8() & kResponseBit) == 0) return std::nullopt;
  DnsAnswer answer;
  answer.rcode = in.u8() & kRcodeMask;
  const std::uint16_t questions = in.u16();
  const std::uint16_t answers = in.u16();
  const std::string looked_for = wanted ? to_bytes(*wanted) : "";
  const std::uint16_t type_looked_for = wanted && wanted->is_ipv6() ? kTypeAaaa : kTypeA;
  in.u16();  // authorities
  in.u16();  // additional records
  for (std::uint16_t i = 0; i < questions && in.good; ++i) {
    in.skip_name();
    in.bytes(4);  // type and class
  }
  for (std::uint16_t i = 0; i < answers && in.good; ++i) {
    in.skip_name();
    const std::uint16_t type = in.u16();
    in.bytes(6);  // class and time to live
    const std::string_view data = in.bytes(in.u16());
    if (!in.good || !wanted || type != type_looked_for) continue;
    if (data == looked_for) answer.has_address = true;
  }
  answer.complete = in.good;
  return answer;
}

std::string rcode_text(std::uint8_t rcode) {
  constexpr std::array<const char*, 6> kNames = {"NOERROR",  "FORMERR", "SERVFAIL",
                                                 "NXDOMAIN", "NOTIMP",  "REFUSED"};
  return rcode < kNames.size() ? kNames[rcode] : "RCODE" + std::to_string(rcode);
}

}  // namespace lb::health
