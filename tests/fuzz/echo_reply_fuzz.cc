// Any bytes as what arrives at the socket of ping checks: no byte outside the packet is read, and a
// reply is taken for what our request to that number would have been answered with.
//
// Input: flags, the packet.
#include <algorithm>
#include <vector>

#include "controlplane/health/icmp_echo.h"
#include "tests/fuzz/input.h"

namespace {

using lb::Family;
using namespace lb::health;

constexpr std::uint8_t kFlagIpHeader = 1;  // as of a raw socket
constexpr std::uint8_t kFlagIpv6 = 2;
constexpr std::uint8_t kFlagFix = 4;  // type and checksum, so that more than these is tried
constexpr std::size_t kHeader = 4;    // type, code, checksum
constexpr std::size_t kFields = 24;   // and what our requests say; then padding

void fix(std::vector<std::uint8_t>& icmp, Family family) {
  if (icmp.size() < kHeader) return;
  icmp[0] = family == Family::kIpv4 ? 0 : 129;
  icmp[1] = icmp[2] = icmp[3] = 0;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < icmp.size(); ++i) {
    sum += i % 2 == 0 ? std::uint32_t{icmp[i]} << 8 : icmp[i];
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  icmp[2] = static_cast<std::uint8_t>(~sum >> 8);
  icmp[3] = static_cast<std::uint8_t>(~sum);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::fuzz::Input input(data, size);
  const std::uint8_t flags = input.byte();
  const Family family = (flags & kFlagIpv6) != 0 ? Family::kIpv6 : Family::kIpv4;
  const auto packet = input.rest(256);
  auto payload = packet;
  if ((flags & kFlagIpHeader) != 0) {
    payload = ipv4_payload(packet);
    if (payload.empty()) return 0;
    LB_FUZZ_CHECK(payload.data() >= packet.data() + 20);
    LB_FUZZ_CHECK(payload.data() + payload.size() == packet.data() + packet.size());
  }
  std::vector<std::uint8_t> icmp(payload.begin(), payload.end());
  if ((flags & kFlagFix) != 0) fix(icmp, family);
  const auto echo = parse_echo_reply(icmp, family);
  LB_FUZZ_CHECK((flags & kFlagFix) == 0 || icmp.size() != kEchoBytes || echo);
  if (!echo) return 0;
  const auto request = make_echo_request(*echo, family);
  LB_FUZZ_CHECK(
      std::equal(request.begin() + kHeader, request.begin() + kFields, icmp.begin() + kHeader));
  LB_FUZZ_CHECK(!parse_echo_reply(request, family));
  return 0;
}
