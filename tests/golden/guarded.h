// A director that looks at who sends: as the control plane describes it, with each setting of anti_spoof.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "tests/golden/scene.h"

namespace lb::golden {

inline const Be32 kDirectorWan = test::ip("192.0.2.2");
inline const Be32 kDirectorLan = test::ip("10.0.0.1");
inline const Be32 kElsewhere = test::ip("203.0.113.9");
inline constexpr test::Mac kAllRouters = {0x01, 0, 0x5e, 0, 0, 18};
inline constexpr test::Mac kBroadcastMac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// As the control plane describes them; routes as if the default one led through "wan".
class Guarded : public Scene {
 public:
  explicit Guarded(AntiSpoof anti_spoof, Mode mode = Mode::kNat, std::uint8_t proto = kProtoTcp)
      : Scene(mode, proto) {
    spec.own_addresses =
        spec.held_addresses = {Ipv4Address{kDirectorWan}, Ipv4Address{kDirectorLan}};
    spec.source_routes = {{Prefix::parse("192.0.2.0/24").value(), "wan", 0},
                          {Prefix::parse("10.0.0.0/24").value(), "lan", 0},
                          {Prefix::parse("0.0.0.0/0").value(), "wan", 0}};
    spec.port_policies = {{"wan", {7}, anti_spoof, false}, {"lan", {7}, anti_spoof, false}};
    apply();
  }
};

inline test::Ethernet into(unsigned port, std::optional<std::uint16_t> vlan = {}) {
  return {.dst = port == kWan ? kWanMac : kLanMac, .src = kRouterMac, .vlan = vlan};
}

// All that may come from a source: to the director, to a host behind it, to a group.
inline std::vector<Bytes> for_the_kernel(const test::Ethernet& ethernet, Be32 source) {
  const test::Ipv4 to_us{.src = source,
                         .dst = kDirectorWan == source ? kDirectorLan : kDirectorWan};
  test::Ethernet to_group = ethernet;
  to_group.dst = kAllRouters;
  const Bytes quoted = test::udp_packet({.src = kDirectorWan, .dst = kElsewhere}, {});
  const test::Ipv4 first{.src = source,
                         .dst = kDirectorWan == source ? kDirectorLan : kDirectorWan,
                         .more_fragments = true};
  test::Ipv4 later = first;
  later.more_fragments = false;
  later.offset = 800;
  return {test::tcp_frame(ethernet, to_us, {.dport = 22, .flags = test::kSyn}),
          test::tcp_frame(ethernet, {.src = source, .dst = kElsewhere}, {.dport = 22}),
          test::tcp_frame(ethernet, {.src = source, .dst = kVip}, {.dport = 81}),
          test::udp_frame(ethernet, to_us, {.sport = 53}),
          test::icmp_frame(ethernet, to_us, {.type = 0, .rest = 0x70001}),
          test::icmp_frame(ethernet, to_us, {.type = 3, .payload = quoted}),
          test::udp_frame(ethernet, first, {.payload = test::pattern(800)}),
          test::udp_frame(ethernet, later, {.payload = test::pattern(40)}),
          test::udp_frame(to_group, {.src = source, .dst = test::ip("224.0.0.18")}, {})};
}

inline bool is_later_fragment(const Bytes& frame) {
  const std::size_t ip = frame[12] == 0x81 ? 18 : 14;
  return frame[ip - 2] == 0x08 && frame[ip - 1] == 0x00 &&
         ((frame[ip + 6] & 0x1f) != 0 || frame[ip + 7] != 0);
}

// A first fragment that is refused decides nothing: a later one waits for an honest one.
inline void expect_all(World& world, unsigned port, const std::vector<Bytes>& frames,
                       DropReason reason) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Output out = world.send(port, frames[i]);
    if (reason != DropReason::none && is_later_fragment(frames[i])) {
      EXPECT_TRUE(out.verdict == Verdict::kHeld || out.reason == reason) << i;
      continue;
    }
    EXPECT_EQ(out.verdict, reason == DropReason::none ? Verdict::kPunt : Verdict::kDrop) << i;
    EXPECT_EQ(out.reason, reason) << i;
  }
}

}  // namespace lb::golden
