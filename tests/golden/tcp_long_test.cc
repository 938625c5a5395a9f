// Twelve hours of connections in a few seconds: none is left, and at every moment as many are there
// as should be.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "config/base/testing/randomised.h"
#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;

// Connections of all kinds, one after the other on the same few ports, each as long as it may be.
class LongRun : public Scene {
 public:
  explicit LongRun(Mode mode)
      : Scene(mode, kProtoTcp, {.max_connections = 2'000}), nat_(mode == Mode::kNat) {
    spec.timeouts = ConnTimeouts();
    apply();
  }

  // Begins a connection that ends in the given way; when the director forgets it, in ticks.
  std::uint32_t open(std::uint16_t port, std::uint32_t isn, unsigned kind) {
    const bool first = port % 2 == 0;
    const auto client = [&](int flags, std::uint32_t seq, std::uint32_t ack) {
      return send(kWan, test::tcp_frame(from_router(), client_to_vip(),
                                        {.sport = port,
                                         .dport = 80,
                                         .seq = isn + seq,
                                         .ack = isn + ack,
                                         .flags = static_cast<std::uint8_t>(flags)}));
    };
    Be32 address;
    const auto server = [&](int flags, std::uint32_t seq, std::uint32_t ack) {
      if (!nat_) return;
      send(kLan,
           test::tcp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = address, .dst = kClient},
                           {.sport = 80,
                            .dport = port,
                            .seq = isn + seq,
                            .ack = isn + ack,
                            .flags = static_cast<std::uint8_t>(flags)}));
    };
    const Output out = client(kSyn, 0, 0);
    address =
        std::equal(kServer1Mac.begin(), kServer1Mac.end(), out.frame.begin()) ? kServer1 : kServer2;
    const ConnTimeouts& times = spec.timeouts;
    if (kind == 0) return to_ticks(times.tcp_syn_sent);
    server(kSyn | kAck, 100, 1);
    client(kAck, 1, 101);
    if (kind == 1) return to_ticks(nat_ ? times.tcp_established : times.tcp_handshake);
    if (kind == 2) {
      client(kRst, 1, 0);
      return to_ticks(times.tcp_closed);
    }
    if (kind == 3 || !nat_) {
      client(kFin | kAck, 1, 101);
      return to_ticks(nat_ ? times.tcp_close_wait : times.tcp_fin_wait);
    }
    if (kind == 4) {
      server(kFin | kAck, 101, 1);
      client(kFin | kAck, 1, 102);
      server(kAck, 102, 2);
      return to_ticks(times.tcp_time_wait);
    }
    client(kFin | kAck, 1, 101);
    server(kFin | kAck, 101, first ? 2 : 1);
    if (!first) server(kAck, 102, 2);
    if (kind == 5) return to_ticks(times.tcp_last_ack);
    client(kAck, 2, 102);
    return to_ticks(times.tcp_closed);
  }

 private:
  const bool nat_;
};

class TcpLong : public testing::TestWithParam<Mode> {};

TEST_P(TcpLong, TwelveHoursLeaveNothing) {
  constexpr std::uint32_t kEnd = 12 * 3'600 * 10;  // ticks
  constexpr std::uint32_t kPause = 50;
  constexpr std::uint32_t kGrain = 2;  // an end is seen at the next look
  LongRun world(GetParam());
  std::mt19937 random(test::seed());
  std::vector<std::uint32_t> ends(300);  // by port; ticks
  const std::uint32_t began = world.now();
  std::uint64_t made = 0;
  while (world.now() - began < kEnd) {
    for (unsigned i = 0; i < 4; ++i) {
      const std::size_t n = random() % ends.size();
      // Ports of which the last one is over are used again.
      if (is_later(ends[n] + kGrain, world.now())) continue;
      const auto isn = static_cast<std::uint32_t>(random());
      ends[n] = world.now() + world.open(static_cast<std::uint16_t>(30'000 + n), isn,
                                         static_cast<unsigned>(random() % 7));
      ++made;
    }
    world.advance(kPause * kTickMs);
    std::size_t least = 0;
    std::size_t most = 0;
    for (const std::uint32_t end : ends) {
      least += is_later(end, world.now() + kGrain) ? 1U : 0U;
      most += is_later(end + kGrain, world.now()) ? 1U : 0U;
    }
    ASSERT_GE(world.connections(), least) << world.now();
    ASSERT_LE(world.connections(), most) << world.now();
    std::int64_t counted = 0;
    for (const char* server : {"10.0.0.11:80", "10.0.0.12:80"}) {
      const std::uint32_t slot = world.rs_slot(server);
      counted += world.active(slot) + world.inactive(slot);
    }
    ASSERT_EQ(counted, static_cast<std::int64_t>(world.connections()));
  }
  EXPECT_EQ(world.counter(&WorkerCounters::conns_created), made);
  world.advance(1'000'000);
  world.advance(1'000'000);
  EXPECT_EQ(world.connections(), 0U);
  EXPECT_EQ(world.counter(&WorkerCounters::conns_expired), made);
}

INSTANTIATE_TEST_SUITE_P(Modes, TcpLong, testing::Values(Mode::kNat, Mode::kDr),
                         [](const auto& mode) { return mode.param == Mode::kNat ? "Nat" : "Dr"; });

}  // namespace
}  // namespace lb::golden
