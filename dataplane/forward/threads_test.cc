// Several workers over one table, with random traffic of the same few flows from both sides: at the
// end every packet and every connection is accounted for, over all workers together. What is
// checked holds under every interleaving; under ThreadSanitizer the runs also check that none of it
// races.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <latch>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "config/base/testing/randomised.h"
#include "dataplane/conn/testing/test_table.h"
#include "dataplane/forward/pipeline.h"
#include "dataplane/packet/testing/builder.h"
#include "dataplane/service/spec.h"

namespace lb {
namespace {

using test::Bytes;

constexpr unsigned kWorkers = 4;
constexpr unsigned kBursts = test::rounds(30'000);
constexpr unsigned kFlows = 200;
constexpr std::uint32_t kSlots = 8;
constexpr test::Mac kPortMac[2] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

struct Shape {
  const char* name;
  Mode mode;
  Scheduler scheduler;
  std::uint32_t max_connections;
};

// Every frame that a flow may send: each kind of segment, from the client and from each real
// server.
struct Frame {
  std::uint8_t port = 0;
  Bytes bytes;
};

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
    for (const char* server : {"", "10.0.0.11", "10.0.0.12"}) {
      const bool from_client = *server == 0;
      const test::Ipv4 ip = from_client ? up : test::Ipv4{.src = test::ip(server), .dst = up.src};
      const auto side = static_cast<std::uint8_t>(from_client ? 0 : 1);
      const test::Ethernet ethernet{.dst = kPortMac[side]};
      const std::uint16_t sport = from_client ? port : 80;
      const std::uint16_t dport = from_client ? 80 : port;
      for (const std::uint8_t flags : kFlags) {
        frames.push_back({side, test::tcp_frame(ethernet, ip,
                                                {.sport = sport, .dport = dport, .flags = flags})});
      }
      frames.push_back({side, test::udp_frame(ethernet, ip, {.sport = sport, .dport = dport})});
    }
  }
  return frames;
}

class Director {
 public:
  explicit Director(const Shape& shape)
      : table({shape.max_connections, kWorkers, {1, 2, 3, 4}, 0, 0}),
        fragments_(FragmentTable::Options{}) {
    std::vector<const WorkerCounters*> all;
    for (auto& one : counters) {
      one.real_servers = std::make_unique<RealServerCounters[]>(kSlots);
      all.push_back(&one);
    }
    load = std::make_unique<Load>(all);
    for (unsigned w = 0; w < kWorkers; ++w) {
      pipelines.push_back(std::make_unique<Pipeline>(
          w, kWorkers, Pipeline::Shared{*table, fragments_, *load}, counters[w]));
    }
    make_snapshot(shape);
  }

  std::uint64_t sum(Counter<std::uint64_t> WorkerCounters::*which) const {
    std::uint64_t total = 0;
    for (const WorkerCounters& one : counters) total += (one.*which).get();
    return total;
  }
  std::uint64_t sum(Counter<std::uint64_t> RealServerCounters::*which) const {
    std::uint64_t total = 0;
    for (const WorkerCounters& one : counters) {
      for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        total += (one.real_servers[slot].*which).get();
      }
    }
    return total;
  }

  test::TestTable table;
  std::array<WorkerCounters, kWorkers> counters;
  std::unique_ptr<Load> load;
  std::vector<std::unique_ptr<Pipeline>> pipelines;
  std::unique_ptr<Snapshot> snapshot;

 private:
  void make_snapshot(const Shape& shape) {
    SnapshotSpec spec;
    for (const test::Mac& mac : kPortMac) {
      PortInfo port;
      port.name = "port" + std::to_string(spec.ports.size());
      port.mac = mac;
      spec.ports.push_back(port);
    }
    for (const std::uint8_t proto : {kProtoTcp, kProtoUdp}) {
      ServiceSpec service;
      service.name = proto == kProtoTcp ? "tcp" : "udp";
      service.proto = proto;
      service.address = *Ipv4Endpoint::parse("192.0.2.10:80");
      service.mode = shape.mode;
      service.scheduler = shape.scheduler;
      for (const char* address : {"10.0.0.11:80", "10.0.0.12:80"}) {
        RealServerSpec rs;
        rs.address = *Ipv4Endpoint::parse(address);
        rs.up = true;
        rs.resolved = true;
        rs.next_hop.port = 1;
        rs.next_hop.mac.bytes = {2, 0, 0, 0, 2, 1};
        service.real_servers.push_back(rs);
      }
      spec.services.push_back(service);
    }
    spec.timeout_ticks.fill(2);
    auto built = build_snapshot(spec, nullptr, [](std::uint32_t) { return false; });
    ASSERT_TRUE(built);
    snapshot = std::move(*built);
    ASSERT_LE(snapshot->real_servers.size(), kSlots);
  }

  FragmentTable fragments_;
};

// What one worker did with the packets that it was given.
struct Verdicts {
  std::uint64_t sent = 0;
  std::array<std::uint64_t, 8> by_verdict{};
};

class Worker {
 public:
  Worker(Director& director, const std::vector<Frame>& frames, std::atomic<std::uint32_t>& tick,
         unsigned number, std::uint32_t seed)
      : director_(director), frames_(frames), tick_(tick), number_(number), random_(seed) {}

  void run(Verdicts& verdicts) {
    Pipeline& pipeline = *director_.pipelines[number_];
    for (unsigned i = 0; i < kBursts; ++i) {
      if (number_ == 0 && i % 64 == 0) ++tick_;
      const unsigned size = 1 + below(kBurst);
      for (unsigned k = 0; k < size; ++k) load(k);
      pipeline.process({burst_.data(), size}, *director_.snapshot, tick_);
      for (unsigned k = 0; k < size; ++k) {
        ++verdicts.by_verdict[static_cast<std::size_t>(burst_[k].verdict)];
      }
      verdicts.sent += size;
      pipeline.expire(*director_.snapshot, tick_);
      director_.table.epochs().quiescent(number_);
    }
    director_.table.epochs().offline(number_);
  }

 private:
  static constexpr std::uint16_t kHeadroom = 64;

  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() * std::uint64_t{bound} >> 32);
  }
  void load(unsigned k) {
    const Frame& frame = frames_[below(static_cast<std::uint32_t>(frames_.size()))];
    std::memcpy(&buffers_[k][kHeadroom], frame.bytes.data(), frame.bytes.size());
    Packet& packet = burst_[k];
    packet = Packet{};
    packet.data = &buffers_[k][kHeadroom];
    packet.len = static_cast<std::uint16_t>(frame.bytes.size());
    packet.headroom = kHeadroom;
    packet.ingress = frame.port;
  }

  Director& director_;
  const std::vector<Frame>& frames_;
  std::atomic<std::uint32_t>& tick_;
  const unsigned number_;
  std::mt19937 random_;
  std::array<std::array<std::uint8_t, 256>, kBurst> buffers_{};
  std::array<Packet, kBurst> burst_;
};

class ForwardThreads : public testing::TestWithParam<Shape> {};

TEST_P(ForwardThreads, LoseNoPacketAndNoConnection) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  const std::vector<Frame> frames = all_frames();
  Director director(GetParam());
  std::atomic<std::uint32_t> tick{100};
  std::array<Verdicts, kWorkers> verdicts{};
  std::latch start(kWorkers);
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      Worker worker(director, frames, tick, w, seed + w);
      start.arrive_and_wait();
      worker.run(verdicts[w]);
    });
  }
  for (std::thread& thread : threads) thread.join();

  std::uint64_t sent = 0;
  std::map<Verdict, std::uint64_t> by_verdict;
  for (const Verdicts& one : verdicts) {
    sent += one.sent;
    for (std::size_t v = 0; v < one.by_verdict.size(); ++v) {
      by_verdict[static_cast<Verdict>(v)] += one.by_verdict[v];
    }
  }
  const std::uint64_t forwarded = by_verdict[Verdict::kForward];
  EXPECT_EQ(sent, forwarded + by_verdict[Verdict::kPunt] + by_verdict[Verdict::kDrop] +
                      by_verdict[Verdict::kAnswer]);
  EXPECT_EQ(by_verdict[Verdict::kDrop] + by_verdict[Verdict::kAnswer],
            director.sum(&WorkerCounters::dropped));
  EXPECT_EQ(forwarded, director.sum(&RealServerCounters::packets_in) +
                           director.sum(&RealServerCounters::packets_out));
  EXPECT_GT(forwarded, sent / 64);

  // The counts per real server, against the table's rows.
  std::array<std::int64_t, kSlots> active{};
  std::array<std::int64_t, kSlots> inactive{};
  std::uint64_t live = 0;
  for (std::uint32_t i = 0; i < director.table->records(); ++i) {
    ConnTable::Copy copy;
    if (!director.table->read(i, copy)) continue;
    ++live;
    ++(is_active(copy.state) ? active : inactive)[copy.rs];
  }
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    EXPECT_EQ(director.load->active(slot), active[slot]) << "slot " << slot;
    EXPECT_EQ(director.load->inactive(slot), inactive[slot]) << "slot " << slot;
  }
  EXPECT_EQ(director.table->live(), live);
  const std::uint64_t created = director.sum(&WorkerCounters::conns_created);
  EXPECT_EQ(created - director.sum(&WorkerCounters::conns_expired), live);
  EXPECT_EQ(created, director.sum(&RealServerCounters::connections));
  EXPECT_GT(created, live);
}

INSTANTIATE_TEST_SUITE_P(Shapes, ForwardThreads,
                         testing::Values(Shape{"nat", Mode::kNat, Scheduler::kRr, 4'000},
                                         Shape{"nat_lc", Mode::kNat, Scheduler::kLc, 4'000},
                                         Shape{"dr", Mode::kDr, Scheduler::kWrr, 4'000},
                                         Shape{"full_table", Mode::kNat, Scheduler::kRr, 60}),
                         [](const testing::TestParamInfo<Shape>& shape) {
                           return shape.param.name;
                         });

}  // namespace
}  // namespace lb
