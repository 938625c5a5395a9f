// What is done to every packet, stage by stage, on a burst of 32 that stays in the first cache.
// Item: one packet.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <vector>

#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/packet/testing/builder.h"

namespace lb {
namespace {

enum class Kind { kUdp, kTcp, kTagged };

class Burst {
 public:
  explicit Burst(Kind kind) {
    for (std::uint16_t i = 0; i < kBurst; ++i) {
      const test::Ethernet ethernet{.vlan = kind == Kind::kTagged ? std::optional<std::uint16_t>(5)
                                                                  : std::nullopt};
      const auto port = static_cast<std::uint16_t>(40'000 + i);
      buffers_.push_back(std::make_unique<test::PacketBuffer>(
          kind == Kind::kTcp
              ? test::tcp_frame(ethernet, {}, {.sport = port, .payload = test::pattern(6)})
              : test::udp_frame(ethernet, {}, {.sport = port, .payload = test::pattern(18)})));
      parse(buffers_.back()->packet);
    }
  }
  template <typename Do>
  void each(benchmark::State& state, Do&& what) {
    for (auto _ : state) {
      for (auto& buffer : buffers_) what(buffer->packet);
      benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * std::int64_t{kBurst});
  }

 private:
  std::vector<std::unique_ptr<test::PacketBuffer>> buffers_;
};

template <Kind kKind>
void parse_packet(benchmark::State& state) {
  const bool known_good = state.range(0) != 0;
  Burst(kKind).each(state, [known_good](Packet& packet) {
    packet.csum_known_good = known_good;
    if (!parse_common(packet)) parse(packet);
  });
}
BENCHMARK(parse_packet<Kind::kUdp>)->ArgName("checksum_by_nic")->Arg(0)->Arg(1);
BENCHMARK(parse_packet<Kind::kTcp>)->ArgName("checksum_by_nic")->Arg(0)->Arg(1);
BENCHMARK(parse_packet<Kind::kTagged>)->ArgName("checksum_by_nic")->Arg(0)->Arg(1);

template <Kind kKind>
void rewrite(benchmark::State& state) {
  const FlowTuple to{test::ip("10.0.0.11"), test::ip("198.51.100.7"), Be16::from_host(8080),
                     Be16::from_host(40'000)};
  const Deltas delta{0x1234, 0x4321};
  Burst(kKind).each(state, [&](Packet& packet) { rewrite_nat(packet, to, delta, true); });
}
BENCHMARK(rewrite<Kind::kUdp>);
BENCHMARK(rewrite<Kind::kTcp>);

void next_hop(benchmark::State& state) {
  NextHop hop;
  hop.set_form(wire::kEthBytes, std::nullopt);
  Burst(Kind::kUdp).each(state, [&](Packet& packet) { set_next_hop(packet, hop); });
}
BENCHMARK(next_hop);

void client_hop(benchmark::State& state) {
  const ClientHop hop = ClientHop::make(test::kMacA.data(), 0, 1);
  Burst(Kind::kUdp).each(state, [&](Packet& packet) {
    set_client_hop(packet, hop, test::kMacB.data());
  });
}
BENCHMARK(client_hop);

}  // namespace
}  // namespace lb

BENCHMARK_MAIN();
