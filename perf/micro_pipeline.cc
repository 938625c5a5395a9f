// The whole pipeline, without DPDK: bursts of 32 packets of 1,024 established connections in random
// order, checksums checked in software. Item: one packet. Part of micro_packet.
//
// The pipeline rewrites packets in place, so each burst is copied in anew; `reload` tells what that
// costs alone, and it is in all the others.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "tests/golden/scene.h"

namespace lb {
namespace {

using golden::Scene;
using test::Bytes;

constexpr unsigned kFlows = 1'024;
constexpr std::uint16_t kFirstPort = 1'024;
constexpr std::uint16_t kHeadroom = 128;

enum class Way { kNatToServer, kNatToClient, kDr };

class Traffic {
 public:
  Traffic(Way way, std::uint8_t proto)
      : scene_(way == Way::kDr ? Mode::kDr : Mode::kNat, proto, {.max_connections = 2 * kFlows}),
        port_(way == Way::kNatToClient ? golden::kLan : golden::kWan) {
    for (unsigned n = 0; n < kFlows; ++n) {
      const auto port = static_cast<std::uint16_t>(kFirstPort + n);
      scene_.send(golden::kWan, golden::client_frame(proto, port, test::kSyn));
      if (way != Way::kDr) {
        scene_.send(golden::kLan, golden::server_frame(proto, port, test::kSyn | test::kAck, n));
      }
      const Bytes data = golden::client_frame(proto, port, test::kAck);
      scene_.send(golden::kWan, data);
      frames_.push_back(way == Way::kNatToClient ? golden::server_frame(proto, port, test::kAck, n)
                                                 : data);
    }
    std::shuffle(frames_.begin(), frames_.end(), std::mt19937(1));
  }

  void reload() {
    for (unsigned i = 0; i < kBurst; ++i) {
      const Bytes& frame = frames_[at_ + i];
      std::memcpy(&buffers_[i][kHeadroom], frame.data(), frame.size());
      burst_[i] = Packet{};
      burst_[i].data = &buffers_[i][kHeadroom];
      burst_[i].len = static_cast<std::uint16_t>(frame.size());
      burst_[i].headroom = kHeadroom;
      burst_[i].ingress = static_cast<std::uint8_t>(port_);
    }
    at_ = (at_ + kBurst) % kFlows;
  }
  void process() { scene_.process(burst_); }
  bool all_forwarded() const {
    return std::all_of(burst_.begin(), burst_.end(),
                       [](const Packet& packet) { return packet.verdict == Verdict::kForward; });
  }

 private:
  Scene scene_;
  const unsigned port_;
  std::vector<Bytes> frames_;
  std::size_t at_ = 0;
  std::array<Packet, kBurst> burst_;
  alignas(kCacheLine) std::array<std::array<std::uint8_t, 256>, kBurst> buffers_{};
};

void reload(benchmark::State& state) {
  Traffic traffic(Way::kDr, kProtoUdp);
  for (auto _ : state) {
    traffic.reload();
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t{kBurst});
}
BENCHMARK(reload);

template <Way kWay>
void pipeline(benchmark::State& state) {
  Traffic traffic(kWay, state.range(0) != 0 ? kProtoTcp : kProtoUdp);
  bool good = true;
  for (auto _ : state) {
    traffic.reload();
    traffic.process();
    good &= traffic.all_forwarded();
  }
  if (!good) state.SkipWithError("a packet was not forwarded");
  state.SetItemsProcessed(state.iterations() * std::int64_t{kBurst});
}
BENCHMARK(pipeline<Way::kNatToServer>)->ArgName("tcp")->Arg(0)->Arg(1);
BENCHMARK(pipeline<Way::kNatToClient>)->ArgName("tcp")->Arg(0)->Arg(1);
BENCHMARK(pipeline<Way::kDr>)->ArgName("tcp")->Arg(0)->Arg(1);

// SYNs of spoofed sources at a service with a SYN proxy, each answered with a cookie. Item: one SYN.
void syn_cookies(benchmark::State& state) {
  Scene scene(Mode::kNat, kProtoTcp, {.max_connections = 1'000'000});
  scene.spec.services[0].syn_proxy = SynProxyMode::kAlways;
  scene.apply();
  const Bytes syn = test::tcp_frame(
      golden::from_router(), golden::client_to_vip(),
      {.sport = 1'000, .dport = 80, .flags = test::kSyn, .options = {2,  4, 5, 0xb4, 4, 2, 8,
                                                                     10, 0, 0, 0,    1, 0, 0,
                                                                     0,  0, 1, 3,    3, 7}});
  alignas(kCacheLine) std::array<std::array<std::uint8_t, 256>, kBurst> buffers{};
  std::array<Packet, kBurst> burst;
  std::minstd_rand random(1);
  bool good = true;
  for (auto _ : state) {
    for (unsigned i = 0; i < kBurst; ++i) {
      std::uint8_t* const frame = &buffers[i][kHeadroom];
      std::memcpy(frame, syn.data(), syn.size());
      std::uint8_t* const ip = frame + wire::kEthBytes;
      const std::uint32_t source = 0x0a00'0000 | static_cast<std::uint32_t>(random()) >> 8;
      wire::store(ip + wire::kIpSource, Be32::from_host(source));
      wire::store(ip + wire::kIpBytes + wire::kTcpSequence, static_cast<std::uint32_t>(random()));
      burst[i] = Packet{};
      burst[i].data = frame;
      burst[i].len = static_cast<std::uint16_t>(syn.size());
      burst[i].headroom = kHeadroom;
      burst[i].csum_known_good = true;
    }
    scene.process(burst);
    good &= std::all_of(burst.begin(), burst.end(),
                        [](const Packet& packet) { return packet.verdict == Verdict::kAnswer; });
  }
  if (!good) state.SkipWithError("a SYN was not answered");
  state.SetItemsProcessed(state.iterations() * std::int64_t{kBurst});
}
BENCHMARK(syn_cookies);

}  // namespace
}  // namespace lb
