// Several workers over one table, with random traffic of the same few flows from both sides, while
// the routers that the clients are behind change their MAC addresses: at the end every packet and
// every connection is accounted for, over all workers together. What is checked holds under every
// interleaving; under ThreadSanitizer the runs also check that none of it races.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <latch>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "config/base/testing/randomised.h"
#include "dataplane/forward/testing/workers.h"

namespace lb {
namespace {

using test::Frame;
using test::Workers;

constexpr unsigned kWorkers = 4;
constexpr unsigned kBursts = test::rounds(30'000);
constexpr unsigned kFlows = 200;
constexpr std::uint32_t kTimeout = 2;  // ticks
constexpr unsigned kRouters = 4;       // of each flow: more than a small table has room for

struct Shape {
  const char* name;
  Mode mode;
  Scheduler scheduler;
  std::uint32_t max_connections;
  std::uint32_t persistence = 0;  // ticks
};

test::Mac router_mac(unsigned n) {
  return {2, 9, 0, 0, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)};
}
bool is_router(const std::uint8_t* mac) {
  return mac[0] == 2 && mac[1] == 9;
}

// Every frame that a flow may send: each kind of segment, from the client and from each real
// server.
std::vector<Frame> all_frames() {
  constexpr std::uint8_t kFlags[] = {test::kSyn,
                                     test::kAck,
                                     test::kAck,
                                     test::kAck,
                                     test::kSyn | test::kAck,
                                     test::kFin | test::kAck,
                                     test::kRst};
  std::vector<Frame> frames;
  for (unsigned n = 0; n < kFlows; ++n) {
    const auto port = static_cast<std::uint16_t>(20'000 + n);
    const test::Ipv4 up{.src = test::ip("198.51.100.7"), .dst = test::ip("192.0.2.10")};
    for (unsigned from = 0; from < kRouters + 2; ++from) {
      const bool from_client = from < kRouters;
      const char* const server = from == kRouters ? "10.0.0.11" : "10.0.0.12";
      const test::Ipv4 ip = from_client ? up : test::Ipv4{.src = test::ip(server), .dst = up.src};
      const auto side = static_cast<std::uint8_t>(from_client ? 0 : 1);
      const test::Ethernet ethernet{.dst = test::kPortMac[side],
                                    .src = router_mac(n * kRouters + from)};
      const std::uint16_t sport = from_client ? port : 80;
      const std::uint16_t dport = from_client ? 80 : port;
      for (const std::uint8_t flags : kFlags) {
        for (const std::uint32_t seq : test::sequences_of(flags)) {
          const test::Tcp tcp{
              .sport = sport, .dport = dport, .seq = seq, .ack = test::kAckOfAll, .flags = flags};
          frames.push_back({side, test::tcp_frame(ethernet, ip, tcp)});
        }
      }
      frames.push_back({side, test::udp_frame(ethernet, ip, {.sport = sport, .dport = dport})});
    }
  }
  return frames;
}

std::vector<ServiceSpec> services_of(const Shape& shape) {
  std::vector<ServiceSpec> services;
  for (const std::uint8_t proto : {kProtoTcp, kProtoUdp}) {
    services.push_back(test::service_of("192.0.2.10:80", proto, {"10.0.0.11:80", "10.0.0.12:80"}));
    services.back().mode = shape.mode;
    services.back().scheduler = shape.scheduler;
    services.back().persistence = test::ticks(shape.persistence);
  }
  return services;
}

// What one worker did with the packets that it was given.
struct Verdicts {
  std::uint64_t sent = 0;
  std::array<std::uint64_t, 8> by_verdict{};
  std::uint64_t misled = 0;  // to clients, but to no router
};

class Worker {
 public:
  Worker(Workers& workers, const std::vector<Frame>& frames, std::atomic<std::uint32_t>& tick,
         unsigned number, std::uint32_t seed)
      : workers_(workers), frames_(frames), tick_(tick), number_(number), random_(seed) {}

  void run(Verdicts& verdicts) {
    Pipeline& pipeline = *workers_.pipelines[number_];
    for (unsigned i = 0; i < kBursts; ++i) {
      if (number_ == 0 && i % 64 == 0) ++tick_;
      const unsigned size = 1 + below(kBurst);
      for (unsigned k = 0; k < size; ++k) {
        burst_.load(k, frames_[below(static_cast<std::uint32_t>(frames_.size()))]);
      }
      const std::span<Packet> packets = burst_.first(size);
      pipeline.process(packets, *workers_.snapshot, tick_);
      for (const Packet& packet : packets) {
        ++verdicts.by_verdict[static_cast<std::size_t>(packet.verdict)];
        const bool to_client = packet.verdict == Verdict::kForward && packet.egress == 0;
        verdicts.misled += to_client && !is_router(packet.data);
      }
      verdicts.sent += size;
      pipeline.expire(*workers_.snapshot, tick_);
      pipeline.maintain(*workers_.snapshot, tick_, probes_, cookies_);
      workers_.table.epochs().quiescent(number_);
    }
    workers_.table.epochs().offline(number_);
  }

 private:
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() * std::uint64_t{bound} >> 32);
  }

  Workers& workers_;
  const std::vector<Frame>& frames_;
  std::atomic<std::uint32_t>& tick_;
  const unsigned number_;
  std::mt19937 random_;
  test::Burst burst_;
  std::vector<Probe> probes_;
  std::vector<void*> cookies_;
};

class ForwardThreads : public testing::TestWithParam<Shape> {};

TEST_P(ForwardThreads, LoseNoPacketAndNoConnection) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  const std::vector<Frame> frames = all_frames();
  Workers workers(kWorkers, GetParam().max_connections, services_of(GetParam()), kTimeout);
  workers.make_pipelines();
  std::atomic<std::uint32_t> tick{100};
  std::array<Verdicts, kWorkers> verdicts{};
  std::atomic<unsigned> running{kWorkers};
  std::latch start(kWorkers);
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      Worker worker(workers, frames, tick, w, seed + w);
      start.arrive_and_wait();
      worker.run(verdicts[w]);
      --running;
    });
  }
  std::mt19937 random(seed);
  while (running != 0) {
    const auto router = [&] {
      return ClientHop::make(
          router_mac(static_cast<unsigned>(random() % (kFlows * kRouters))).data(), 0, 0);
    };
    const ClientHop a = router(), b = router();
    workers.table->hops().move(std::vector<HopMove>{{a, b}, {b, a}});
    // The workers have the CPUs.
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  for (std::thread& thread : threads) thread.join();

  std::uint64_t sent = 0, misled = 0;
  std::map<Verdict, std::uint64_t> by_verdict;
  for (const Verdicts& one : verdicts) {
    sent += one.sent;
    misled += one.misled;
    for (std::size_t v = 0; v < one.by_verdict.size(); ++v) {
      by_verdict[static_cast<Verdict>(v)] += one.by_verdict[v];
    }
  }
  const std::uint64_t forwarded = by_verdict[Verdict::kForward];
  EXPECT_EQ(sent, forwarded + by_verdict[Verdict::kPunt] + by_verdict[Verdict::kDrop] +
                      by_verdict[Verdict::kAnswer]);
  EXPECT_EQ(by_verdict[Verdict::kDrop] + by_verdict[Verdict::kAnswer],
            workers.sum(&WorkerCounters::dropped));
  EXPECT_EQ(forwarded, workers.sum(&RealServerCounters::packets_in) +
                           workers.sum(&RealServerCounters::packets_out));
  EXPECT_GT(forwarded, sent / 64);
  EXPECT_EQ(misled, 0U);

  EXPECT_EQ(workers.wrong_counts(), "");
  EXPECT_GT(workers.sum(&WorkerCounters::conns_created), workers.table->live());
}

INSTANTIATE_TEST_SUITE_P(Shapes, ForwardThreads,
                         testing::Values(Shape{"nat", Mode::kNat, Scheduler::kRr, 4'000},
                                         Shape{"nat_lc", Mode::kNat, Scheduler::kLc, 4'000},
                                         Shape{"dr", Mode::kDr, Scheduler::kWrr, 4'000},
                                         Shape{"persistence", Mode::kNat, Scheduler::kRr, 4'000, 1},
                                         Shape{"full_table", Mode::kNat, Scheduler::kRr, 60}),
                         [](const testing::TestParamInfo<Shape>& shape) {
                           return shape.param.name;
                         });

}  // namespace
}  // namespace lb
