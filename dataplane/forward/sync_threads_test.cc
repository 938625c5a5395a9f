// Two workers with random traffic, the main thread telling of their connections, and one of the
// workers receiving them again as of another service: what is sent meanwhile is a record as it
// was at one moment, and in the end the other service's connections are those of the first one.
// Under ThreadSanitizer the runs also check that none of it races.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "config/base/testing/randomised.h"
#include "dataplane/forward/testing/workers.h"
#include "dataplane/sync/exporter.h"
#include "dataplane/sync/import_queue.h"

namespace lb {
namespace {

using test::Frame;
using test::Workers;

constexpr unsigned kWorkers = 2;
constexpr unsigned kBursts = test::rounds(40'000);  // at least, of each worker
constexpr unsigned kBatches = test::rounds(2'000);  // at least
constexpr unsigned kFlows = 150;
constexpr std::uint32_t kTimeout = 30;  // ticks
constexpr std::size_t kLogEntries = 64;
constexpr std::uint32_t kCopyBit = 0x100;  // of the addresses of the copies' VIP and servers

struct Shape {
  const char* name;
  bool astray;   // packets come to the copies, too
  bool changes;  // this director becomes master of the copies now and then
};

// The second pair of services is the copy of the first.
std::vector<ServiceSpec> services_of() {
  std::vector<ServiceSpec> services;
  for (const bool copy : {false, true}) {
    for (const std::uint8_t proto : {kProtoTcp, kProtoUdp}) {
      services.push_back(
          copy ? test::service_of("192.0.3.10:80", proto, {"10.0.1.11:80", "10.0.1.12:80"})
               : test::service_of("192.0.2.10:80", proto, {"10.0.0.11:80", "10.0.0.12:80"}));
      services.back().standby = copy;
    }
  }
  return services;
}

bool is_copy(Be32 vip) {
  return (vip.host() & kCopyBit) != 0;
}
Be32 copied(Be32 address) {
  return Be32::from_host(address.host() | kCopyBit);
}

std::vector<Frame> frames_of(bool copy) {
  constexpr std::uint8_t kFlags[] = {test::kSyn, test::kSyn | test::kAck, test::kAck,
                                     test::kAck, test::kFin | test::kAck, test::kRst};
  std::vector<Frame> frames;
  const auto address = [copy](const char* dotted) {
    return copy ? copied(test::ip(dotted)) : test::ip(dotted);
  };
  for (unsigned n = 0; n < kFlows; ++n) {
    const auto port = static_cast<std::uint16_t>(20'000 + n);
    const Be32 client = test::ip("198.51.100.7");
    for (const char* server : {"", "10.0.0.11", "10.0.0.12"}) {
      const bool up = *server == 0;
      const test::Ipv4 ip = up ? test::Ipv4{.src = client, .dst = address("192.0.2.10")}
                               : test::Ipv4{.src = address(server), .dst = client};
      const test::Ethernet ethernet{.dst = test::kPortMac[up ? 0 : 1]};
      const std::uint16_t sport = up ? port : 80;
      const std::uint16_t dport = up ? 80 : port;
      const auto side = static_cast<std::uint8_t>(up ? 0 : 1);
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

class SyncedWorkers : public Workers {
 public:
  SyncedWorkers() : Workers(kWorkers, 2'000, services_of(), kTimeout), marks_(table->records()) {
    std::vector<ChangeLog*> views;
    for (unsigned w = 0; w < kWorkers; ++w) {
      logs_.push_back(std::make_unique<ChangeLog>(marks_, kLogEntries));
      views.push_back(logs_.back().get());
    }
    make_pipelines(views);
    exporter = std::make_unique<Exporter>(*table, views, marks_, persist, syn_secrets);
    master_of_all_ = std::make_unique<Snapshot>(*snapshot);
    for (ServiceEntry& service : master_of_all_->services) service.standby = false;
    ++master_of_all_->generation;
    current = snapshot.get();
  }
  void set_master_of_copies(bool master) {
    current.store(master ? master_of_all_.get() : snapshot.get(), std::memory_order_release);
  }

  // ---- the main thread
  // One batch, sent and received again.
  bool mirror(std::size_t max_bytes) {
    std::string batch;
    const bool more = exporter->fill(batch, max_bytes, *current.load(), tick).more;
    std::vector<SyncEntry> entries = decode_batch(batch).value();
    std::erase_if(entries, [&](SyncEntry& entry) {
      const bool is_mark = entry.kind == SyncKind::kWalkBegin || entry.kind == SyncKind::kWalkEnd;
      if (!is_mark && is_copy(entry.tuple.dst)) return true;
      check(entry);
      if (!is_mark) entry.tuple.dst = copied(entry.tuple.dst);
      entry.rs_address = copied(entry.rs_address);
      return false;
    });
    while (!imports.push(std::move(entries)) && running == kWorkers) std::this_thread::yield();
    return more;
  }
  // ---- worker 0
  void import(const Snapshot& now) {
    Importer& importer = pipelines[0]->importer();
    if (importer.sweeping()) return importer.sweep(now);
    const auto entries = imports.next();
    if (!entries.empty()) imports.taken(importer.import(entries, now, tick));
  }

  std::unique_ptr<Exporter> exporter;
  ImportQueue imports;
  std::atomic<const Snapshot*> current{nullptr};
  std::atomic<std::uint32_t> tick{1'000};
  std::atomic<unsigned> running{kWorkers};
  std::atomic<bool> exported_enough{false};

 private:
  // Nothing in it is of two connections.
  static void check(const SyncEntry& entry) {
    if (entry.kind != SyncKind::kConn) return;
    ASSERT_EQ(entry.tuple.src, test::ip("198.51.100.7"));
    ASSERT_LT(entry.tuple.sport.host() - 20'000, static_cast<int>(kFlows));
    ASSERT_TRUE(entry.rs_address == test::ip("10.0.0.11") ||
                entry.rs_address == test::ip("10.0.0.12"));
    ASSERT_EQ(entry.rs_port.host(), 80);
    ASSERT_LE(entry.age_ticks, 10'000U);
  }

  RangeMarks marks_;
  std::vector<std::unique_ptr<ChangeLog>> logs_;
  std::unique_ptr<Snapshot> master_of_all_;
};

void work(SyncedWorkers& workers, const std::vector<Frame>& frames, unsigned number,
          std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t bound) {
    return static_cast<unsigned>(random() * std::uint64_t{bound} >> 32);
  };
  test::Burst burst;
  for (unsigned i = 0; i < kBursts || !workers.exported_enough; ++i) {
    if (number == 0 && i % 64 == 0) ++workers.tick;
    const Snapshot& now = *workers.current.load(std::memory_order_acquire);
    const unsigned size = 1 + below(kBurst);
    for (unsigned k = 0; k < size; ++k) burst.load(k, frames[below(frames.size())]);
    workers.pipelines[number]->process(burst.first(size), now, workers.tick);
    workers.pipelines[number]->expire(now, workers.tick);
    if (number == 0) workers.import(now);
    workers.table.epochs().quiescent(number);
  }
  workers.table.epochs().offline(number);
}

// Sends all and receives all, while nothing else happens.
void settle(SyncedWorkers& workers) {
  workers.set_master_of_copies(false);
  const Snapshot& now = *workers.current.load();
  const auto expire = [&] {
    for (unsigned i = 0; i < 100; ++i) {
      for (auto& pipeline : workers.pipelines) pipeline->expire(now, workers.tick);
    }
  };
  const auto hear = [&] {
    do {
      workers.import(now);
    } while (workers.imports.done() != workers.imports.begun() ||
             workers.pipelines[0]->importer().sweeping());
  };
  hear();
  expire();
  workers.exporter->begin();
  while (workers.mirror(10'000)) hear();
  hear();
}

class SyncThreads : public testing::TestWithParam<Shape> {};

TEST_P(SyncThreads, MirrorOneServiceInAnother) {
  const Shape& shape = GetParam();
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  std::vector<Frame> frames = frames_of(false);
  if (shape.astray) std::ranges::copy(frames_of(true), std::back_inserter(frames));
  SyncedWorkers workers;
  workers.exporter->begin();
  std::latch start(kWorkers);
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      start.arrive_and_wait();
      work(workers, frames, w, seed + w);
      --workers.running;
    });
  }
  std::mt19937 random(seed + kWorkers);
  for (unsigned batch = 0; workers.running == kWorkers; ++batch) {
    workers.mirror(100 + random() % 20'000);
    if (batch % 64 == 0) workers.rows();
    if (batch % 256 == 255) workers.exporter->begin();
    if (shape.changes && random() % 64 == 0) workers.set_master_of_copies(random() % 2 == 0);
    if (batch == kBatches) workers.exported_enough = true;
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  settle(workers);

  EXPECT_EQ(workers.wrong_counts(), "");
  EXPECT_GT(workers.imported(ImportOutcome::updated), 0U);
  if (shape.astray || shape.changes) return;
  EXPECT_GT(workers.imported(ImportOutcome::created), 0U);
  EXPECT_GT(workers.imported(ImportOutcome::ended), 0U);
  using Key = std::pair<std::uint16_t, std::uint8_t>;
  std::map<Key, ConnState> originals;
  std::map<Key, ConnState> copies;
  for (const ConnTable::Copy& row : workers.rows()) {
    const Key key{row.tuple[0].sport.host(), row.proto};
    if (!is_half_open(row.state)) {
      (is_copy(row.tuple[0].dst) ? copies : originals)[key] = row.state;
    }
  }
  EXPECT_EQ(copies, originals);
}

INSTANTIATE_TEST_SUITE_P(Shapes, SyncThreads,
                         testing::Values(Shape{"mirror", false, false},
                                         Shape{"astray", true, false}, Shape{"roles", true, true}),
                         [](const testing::TestParamInfo<Shape>& shape) {
                           return shape.param.name;
                         });

}  // namespace
}  // namespace lb
