// Several workers and a dump at once on the same few connections. What is checked holds under every
// interleaving; under ThreadSanitizer the runs also check that none of it races.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "config/base/testing/randomised.h"
#include "dataplane/conn/testing/test_table.h"

namespace lb {
namespace {

using test::TestTable;

constexpr unsigned kWorkers = 4;
constexpr unsigned kBursts = test::rounds(30'000);

// Connection n of a universe: two neighbours 2k and 2k + 1 have different forward keys and the same
// reverse key, so that only one of them can live. Every field contains n.
NewConn conn_of(std::uint32_t n) {
  NewConn conn = test::nat_conn(n / 2);
  conn.tuple[0].dst.raw ^= n % 2;
  conn.service = n;
  conn.rs = n * 2'654'435'761U;
  conn.deltas.ip = static_cast<std::uint16_t>(n);
  conn.mode = static_cast<std::uint8_t>(n % 2);
  return conn;
}

bool is_conn(const Record& record, std::uint32_t n) {
  const NewConn conn = conn_of(n);
  return record.tuple[0] == conn.tuple[0] && record.tuple[1] == conn.tuple[1] &&
         record.rs == conn.rs && record.service == n && record.deltas == conn.deltas &&
         record.mode == conn.mode;
}

struct Shape {
  const char* name;
  std::uint32_t max_connections;
  std::uint32_t universe;
  std::uint32_t buckets, chain_buckets;
};

// Counts, by connection, its beginnings and its ends.
struct Tally {
  explicit Tally(std::uint32_t universe) : created(universe), killed(universe) {}
  std::vector<std::atomic<std::uint64_t>> created, killed;
  std::atomic<std::uint64_t> wrong{0};

  void expect(bool holds) { wrong += !holds; }
};

class Worker {
 public:
  Worker(TestTable& table, Tally& tally, std::atomic<std::uint32_t>& tick, const Shape& shape,
         unsigned number, std::uint32_t seed)
      : table_(table),
        tally_(tally),
        tick_(tick),
        universe_(shape.universe),
        number_(number),
        random_(seed + number) {}

  void run() {
    for (unsigned i = 0; i < kBursts; ++i) {
      if (number_ == 0 && i % 16 == 0) ++tick_;
      held_.clear();
      for (int k = 0; k < 32; ++k) operate();
      upkeep();
      // What was found in this burst is still what it was, dead or alive.
      for (const auto& [record, n] : held_) tally_.expect(is_conn(*record, n));
      table_.epochs().quiescent(number_);
    }
    table_.epochs().offline(number_);
  }

 private:
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() * std::uint64_t{bound} >> 32);
  }

  Hit find(std::uint32_t n, unsigned dir) {
    const Hit hit = table_.find(conn_of(n).tuple[dir]);
    if (!hit) return hit;
    // The reverse key may be the neighbour's.
    const std::uint32_t found = hit.record->service;
    tally_.expect(hit.dir == dir && (found == n || (dir == 1 && found == (n ^ 1))));
    held_.emplace_back(hit.record, found);
    return hit;
  }

  void create(std::uint32_t n) {
    const std::uint32_t now = tick_;
    const ConnState state = below(2) == 0 ? ConnState::kSynSent : ConnState::kUdp;
    const auto created = table_.create(number_, conn_of(n), state, now, now + 3);
    if (created.is_new) {
      ++tally_.created[n];
      tally_.expect(created.hit.dir == 0 && !created.full);
    }
    if (!created.hit) return;
    tally_.expect(is_conn(*created.hit.record, n));
    held_.emplace_back(created.hit.record, n);
  }

  void kill(Record* record) {
    const std::uint32_t n = record->service;
    if (table_->kill(number_, record) != ConnState::kDead) ++tally_.killed[n];
  }

  void operate() {
    const std::uint32_t n = below(universe_);
    switch (below(8)) {
      case 0:
      case 1:
        return create(n);
      case 2:
        if (const Hit hit = find(n, below(2))) kill(hit.record);
        return;
      case 3:
        if (const Hit hit = find(n, 0)) {
          ConnTable::change_state(*hit.record, ConnState::kSynSent, ConnState::kEstablished);
          table_->set_deadline(*hit.record, tick_ + 2);
        }
        return;
      case 4:
        // As a full table makes room.
        shed_cursor_ = table_->walk_all(shed_cursor_, 64, [&](Record& record) {
          if (is_half_open(record.state.load()) && below(8) == 0) kill(&record);
        });
        return;
      default:
        if (const Hit hit = find(n, below(2))) hit.record->last_seen.store(tick_);
        return;
    }
  }

  void upkeep() {
    static const std::vector<std::uint32_t> kTimeouts(static_cast<std::size_t>(ConnState::kCount),
                                                      3);
    table_->expire(number_, tick_, kTimeouts.data(), 256,
                   [&](const Record& record, ConnState last) {
                     tally_.expect(is_live(last));
                     ++tally_.killed[record.service];
                   });
    cursor_ = table_->walk(number_, cursor_, 64, [&](const Record& record) {
      tally_.expect(is_conn(record, record.service) && record.owner == number_);
    });
  }

  TestTable& table_;
  Tally& tally_;
  std::atomic<std::uint32_t>& tick_;
  const std::uint32_t universe_;
  const unsigned number_;
  std::mt19937 random_;
  std::size_t cursor_ = 0;
  std::uint32_t shed_cursor_ = 0;
  std::vector<std::pair<const Record*, std::uint32_t>> held_;
};

// A thread that no grace period waits for: whatever it gets is one connection's, whole.
void dump(TestTable& table, Tally& tally, const std::atomic<bool>& stop) {
  while (!stop) {
    for (std::uint32_t i = 0; i < table->records(); ++i) {
      ConnTable::Copy copy;
      if (!table->read(i, copy)) continue;
      const NewConn conn = conn_of(copy.service);
      tally.expect(copy.tuple[0] == conn.tuple[0] && copy.tuple[1] == conn.tuple[1] &&
                   copy.rs == conn.rs && copy.mode == conn.mode && copy.proto == conn.proto &&
                   is_live(copy.state) && copy.generation % 2 == 1);
    }
    std::this_thread::yield();
  }
}

class ThreadsTest : public testing::TestWithParam<Shape> {};

TEST_P(ThreadsTest, SurviveEachOther) {
  const Shape& shape = GetParam();
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  TestTable table(
      {shape.max_connections, kWorkers, {4, 3, 2, 1}, shape.buckets, shape.chain_buckets});
  Tally tally(shape.universe);
  std::atomic<std::uint32_t> tick{100};
  std::atomic<bool> stop{false};
  std::thread dumper([&] { dump(table, tally, stop); });
  std::latch start(kWorkers);
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      Worker worker(table, tally, tick, shape, w, seed);
      start.arrive_and_wait();
      worker.run();
    });
  }
  for (std::thread& thread : threads) thread.join();
  stop = true;
  dumper.join();
  EXPECT_EQ(tally.wrong, 0U);

  // Nothing lost, nothing twice.
  std::uint64_t created = 0, killed = 0, live = 0;
  std::vector<Record*> left;
  for (std::uint32_t n = 0; n < shape.universe; ++n) {
    created += tally.created[n];
    killed += tally.killed[n];
    const Hit hit = table.find(conn_of(n).tuple[0]);
    ASSERT_EQ(tally.created[n] - tally.killed[n], hit ? 1U : 0U) << n;
    if (!hit) continue;
    ++live;
    EXPECT_TRUE(is_conn(*hit.record, n));
    EXPECT_EQ(table.find(conn_of(n).tuple[1]).record, hit.record);
    left.push_back(hit.record);
  }
  // How many depends on how the threads take turns.
  EXPECT_GT(killed, 0U);
  EXPECT_EQ(table->live(), live);
  EXPECT_EQ(table->live(), created - killed);
  EXPECT_EQ(table->index_usage().keys, 2 * live);

  for (Record* record : left) EXPECT_NE(table->kill(0, record), ConnState::kDead);
  const ConnIndex::Usage usage = table->index_usage();
  EXPECT_EQ(usage.keys + usage.overflowed + usage.chain_buckets_used, 0U);
  table.settle();
  if (shape.chain_buckets != 0) return;
  // No record and no permit went astray: all of the limit can be used again, and not one more.
  for (std::uint32_t n = 0; n < shape.max_connections; ++n) {
    ASSERT_TRUE(table.create(n % kWorkers, test::nat_conn(n)).is_new) << n;
  }
  EXPECT_TRUE(table.create(0, test::nat_conn(shape.max_connections)).full);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ThreadsTest,
    testing::Values(Shape{"ample", 1'000, 1'000, 0, 0}, Shape{"few_connections", 100, 8, 0, 0},
                    Shape{"at_the_limit", 40, 400, 0, 0}, Shape{"chains", 400, 300, 3, 60},
                    Shape{"no_room", 400, 300, 4, 6}),
    [](const testing::TestParamInfo<Shape>& shape) { return shape.param.name; });

// Workers do something at the same moment, again and again. Those with a CPU of their own look
// for a while before they yield: they then start within nanoseconds of each other.
class MeetingPoint {
 public:
  explicit MeetingPoint(unsigned workers) : workers_(workers) {}

  // `met`: how often the caller was here before; one more then.
  void meet(unsigned& met) {
    const unsigned target = ++met * workers_;
    ++arrived_;
    for (unsigned looks = 1; arrived_ < target; ++looks) {
      if (looks % 256 == 0) std::this_thread::yield();
    }
  }

 private:
  const unsigned workers_;
  std::atomic<unsigned> arrived_{0};
};

// Calls act(worker, round) in all workers at once, then check(worker, round) when all have acted.
template <typename Act, typename Check>
void race(TestTable& table, std::uint32_t rounds, Act&& act, Check&& check) {
  MeetingPoint point(kWorkers);
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      std::mt19937 random(w);
      unsigned met = 0;
      for (std::uint32_t round = 0; round < rounds; ++round) {
        // The last to arrive would be first each time, by what a cache line takes to the others.
        const std::uint32_t delay = random() % 256;
        point.meet(met);
        for (std::uint32_t i = 0; i < delay; ++i) {
          std::atomic_signal_fence(std::memory_order_seq_cst);
        }
        act(w, round);
        point.meet(met);
        check(w, round);
        table.epochs().quiescent(w);
      }
      table.epochs().offline(w);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

constexpr std::uint32_t kRaces = test::rounds(50'000);

// All workers see the first packet of the same connection at the same moment.
TEST(PublishRace, OneWinsAndAllGetTheWinner) {
  // Room for every loser's record too: at the limit a loser may find the table full before the
  // winner has published.
  TestTable table({kRaces + kWorkers * RecordPool::kChunk, kWorkers, {4, 3, 2, 1}, 0, 0});
  std::vector<std::atomic<Record*>> got(kWorkers);
  std::atomic<std::uint64_t> winners{0}, wrong{0};
  race(
      table, kRaces,
      [&](unsigned w, std::uint32_t round) {
        // Each picks a server of its own, as schedulers do.
        NewConn conn = test::nat_conn(round);
        if (round % 2 == 0) conn.tuple[1].src = Be32::from_host(0x0a00'0100 + w);
        const auto created = table.create(w, conn);
        got[w] = created.hit.record;
        winners += created.is_new;
      },
      [&](unsigned w, std::uint32_t) { wrong += got[w] == nullptr || got[w] != got[0]; });
  EXPECT_EQ(winners, kRaces);
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(table->live(), kRaces);
  EXPECT_EQ(table->index_usage().keys, 2 * kRaces);
}

// Each worker has another connection, to one server; the server's answers would look the same.
TEST(ReplyRace, OneWinsAndTheOthersAreRefused) {
  TestTable table({kRaces + kWorkers * RecordPool::kChunk, kWorkers, {4, 3, 2, 1}, 0, 0});
  std::atomic<std::uint64_t> winners{0}, wrong{0};
  race(
      table, kRaces,
      [&](unsigned w, std::uint32_t round) {
        NewConn conn = test::nat_conn(round);
        conn.tuple[0].dst.raw ^= w;
        const auto created = table.create(w, conn);
        winners += created.is_new;
        wrong += created.full || created.is_new != static_cast<bool>(created.hit);
      },
      [](unsigned, std::uint32_t) {});
  EXPECT_EQ(winners, kRaces);
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(table->live(), kRaces);
  EXPECT_EQ(table->index_usage().keys, 2 * kRaces);
}

// The state that ends a connection is seen by one of the killers only.
TEST(KillRace, OneWins) {
  TestTable table({kRaces, kWorkers, {4, 3, 2, 1}, 0, 0});
  std::vector<Record*> records;
  for (std::uint32_t n = 0; n < kRaces; ++n) {
    records.push_back(table.create(n % kWorkers, test::nat_conn(n)).hit.record);
  }
  std::atomic<std::uint64_t> wins{0};
  race(
      table, kRaces,
      [&](unsigned w, std::uint32_t round) {
        wins += table->kill(w, records[round]) != ConnState::kDead;
      },
      [](unsigned, std::uint32_t) {});
  EXPECT_EQ(wins, kRaces);
  EXPECT_EQ(table->live(), 0U);
  EXPECT_EQ(table->index_usage().keys, 0U);
}

}  // namespace
}  // namespace lb
