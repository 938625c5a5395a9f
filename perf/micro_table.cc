// The connection table by its number of connections, full to that number, each with two keys: a
// lookup in bursts as the pipeline makes them, new connections, ends of connections, expiry.
//
// Keys come in random order, so that from some 100,000 connections on each costs two lines from
// beyond the caches. Memory is on huge pages if the system gives them. Times are per key,
// connection or deadline: "items".
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "dataplane/conn/testing/test_table.h"

namespace lb {
namespace {

using test::nat_conn;

constexpr std::size_t kBurst = 32;
constexpr std::size_t kBatch = 4'096;  // new connections between two pauses of the clock
constexpr std::uint32_t kNow = 1'000;
constexpr std::uint32_t kFar = 1'000'000;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t whole_pages(std::size_t bytes) {
  return (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

// A table with `connections` in it and room for `room` more.
class World {
 public:
  World(std::uint32_t connections, std::uint32_t room)
      : live(connections), epochs_(1), memory_(nullptr, std::free) {
    const ConnTable::Options options{connections + room, 1, {11, 22, 33, 44}, 0, 0};
    const std::size_t bytes = ConnTable::memory_bytes(options);
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kHugePage, whole_pages(bytes))));
    ::madvise(memory_.get(), whole_pages(bytes), MADV_HUGEPAGE);
    table_ = std::make_unique<ConnTable>(options, std::span(memory_.get(), bytes), epochs_);
    for (std::uint32_t n = 0; n < connections; ++n) live[n] = n;
    // In random order, as connections of different ages lie among each other.
    std::shuffle(live.begin(), live.end(), random_);
    for (const std::uint32_t n : live) create(nat_conn(n));
    next = connections;
    bytes_per_connection_ = static_cast<double>(bytes) / (connections + room);
  }

  ConnTable& table() { return *table_; }
  double bytes_per_connection() const { return bytes_per_connection_; }

  Record* create(const NewConn& conn) {
    const std::uint64_t hash = table_->hash(conn.tuple[0], conn.proto);
    return table_->create(0, conn, hash, ConnState::kEstablished, kNow, kFar).hit.record;
  }
  void upkeep(std::uint32_t now, std::size_t budget) {
    static const std::vector<std::uint32_t> kTimeouts(static_cast<std::size_t>(ConnState::kCount),
                                                      kFar);
    epochs_.quiescent(0);
    table_->expire(0, now, kTimeouts.data(), budget, [](const Record&, ConnState) {});
  }
  void expire(std::uint32_t now, const std::uint32_t* timeouts) {
    table_->expire(0, now, timeouts, table_->records(), [](const Record&, ConnState) {});
  }
  // Keys of both directions: of random connections, or of none.
  std::vector<FlowTuple> keys(bool known) {
    constexpr std::uint32_t kNever = 2'000'000'000;
    std::vector<FlowTuple> keys(std::min<std::size_t>(live.size() * 2, 1 << 20) / kBurst * kBurst);
    for (FlowTuple& key : keys) {
      const std::uint32_t n = live[random_() % live.size()];
      key = nat_conn(known ? n : n + kNever).tuple[random_() % 2];
    }
    return keys;
  }

  std::vector<std::uint32_t> live;  // their numbers
  std::uint32_t next = 0;           // the first number that was never used

 private:
  test::Epochs epochs_;
  std::unique_ptr<std::byte, void (*)(void*)> memory_;
  std::unique_ptr<ConnTable> table_;
  std::mt19937 random_{1};
  double bytes_per_connection_ = 0;
};

// The one that was asked for last is kept: to fill a large one takes seconds, and a benchmark is
// called several times.
World& world_of(const benchmark::State& state, std::uint32_t room) {
  static std::unique_ptr<World> world;
  static std::pair<std::int64_t, std::uint32_t> made_for;
  if (world == nullptr || made_for != std::pair(state.range(0), room)) {
    world.reset();
    world = std::make_unique<World>(static_cast<std::uint32_t>(state.range(0)), room);
    made_for = {state.range(0), room};
  }
  return *world;
}

unsigned look_up(const ConnTable& table, const FlowTuple* keys) {
  std::uint64_t hashes[kBurst];
  std::uint64_t slots[kBurst];
  for (std::size_t i = 0; i < kBurst; ++i) {
    hashes[i] = table.hash(keys[i], kProtoTcp);
    table.prefetch(hashes[i]);
  }
  for (std::size_t i = 0; i < kBurst; ++i) {
    slots[i] = table.probe(hashes[i]);
    table.prefetch_record(slots[i]);
  }
  unsigned found = 0;
  for (std::size_t i = 0; i < kBurst; ++i) {
    const Hit hit = table.find(slots[i], keys[i], kProtoTcp, hashes[i]);
    if (hit) found += 1 + hit.record->rs % 2;
  }
  return found;
}

void run_lookups(benchmark::State& state, World& world, const std::vector<FlowTuple>& keys) {
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(look_up(world.table(), &keys[at]));
    at = at + kBurst < keys.size() ? at + kBurst : 0;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBurst));
}

void find_known(benchmark::State& state) {
  World& world = world_of(state, 0);
  run_lookups(state, world, world.keys(true));
  const ConnIndex::Usage usage = world.table().index_usage();
  state.counters["bytes/conn"] = world.bytes_per_connection();
  state.counters["overflowed"] =
      static_cast<double>(usage.overflowed) / static_cast<double>(usage.keys);
  state.counters["chained"] = static_cast<double>(usage.chained) / static_cast<double>(usage.keys);
}

void find_unknown(benchmark::State& state) {
  World& world = world_of(state, 0);
  run_lookups(state, world, world.keys(false));
}

// One at a time: what each waits for is not hidden behind others.
void find_single(benchmark::State& state) {
  World& world = world_of(state, 0);
  const std::vector<FlowTuple> keys = world.keys(true);
  std::size_t at = 0;
  for (auto _ : state) {
    const std::uint64_t hash = world.table().hash(keys[at], kProtoTcp);
    benchmark::DoNotOptimize(world.table().find(keys[at], kProtoTcp, hash));
    at = at + 1 < keys.size() ? at + 1 : 0;
  }
  state.SetItemsProcessed(state.iterations());
}

// kBatch connections come and go; the clock runs for one of the two.
void come_and_go(benchmark::State& state, bool time_coming) {
  World& world = world_of(state, kBatch);
  std::vector<NewConn> fresh(kBatch);
  std::vector<Record*> records(kBatch);
  for (auto _ : state) {
    state.PauseTiming();
    for (NewConn& conn : fresh) conn = nat_conn(world.next++);
    if (time_coming) state.ResumeTiming();
    for (std::size_t i = 0; i < kBatch; ++i) records[i] = world.create(fresh[i]);
    if (time_coming) state.PauseTiming();
    if (!time_coming) state.ResumeTiming();
    for (Record* record : records) world.table().kill(0, record);
    if (!time_coming) state.PauseTiming();
    for (int i = 0; i < 3; ++i) world.upkeep(kNow, kBatch);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
void create_new(benchmark::State& state) {
  come_and_go(state, true);
}
void kill_recent(benchmark::State& state) {
  come_and_go(state, false);
}

// The whole life in the steady state: a random old connection ends, a new one begins, upkeep runs
// once per burst. Item: one connection.
void churn(benchmark::State& state) {
  World& world = world_of(state, 0);
  ConnTable& table = world.table();
  std::mt19937 random(2);
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBurst; ++i) {
      std::uint32_t& n = world.live[random() % world.live.size()];
      const FlowTuple tuple = nat_conn(n).tuple[0];
      table.kill(0, table.find(tuple, kProtoTcp, table.hash(tuple, kProtoTcp)).record);
      n = world.next++;
      if (world.create(nat_conn(n)) == nullptr) return state.SkipWithError("table full");
    }
    world.upkeep(kNow, kBurst);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBurst));
}

// A sweep over deadlines that have not come. Item: one deadline.
void sweep(benchmark::State& state) {
  World& world = world_of(state, 0);
  for (auto _ : state) world.upkeep(kNow, kBatch);
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(std::min(world.live.size(), kBatch)));
}

// A sweep that has to ask every record for its last packet and moves its deadline. One call goes
// over all of them.
void sweep_due(benchmark::State& state) {
  World& world = world_of(state, 0);
  ConnTable& table = world.table();
  std::uint32_t now = kNow;
  for (auto _ : state) {
    state.PauseTiming();
    ++now;
    table.walk(0, 0, table.records(), [&](Record& record) {
      record.last_seen.store(now, std::memory_order_relaxed);
      table.set_deadline(record, now);
    });
    state.ResumeTiming();
    world.upkeep(now, table.records());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(world.live.size()));
}

// Every connection's deadline has come and stands. Item: one connection.
void expire_all(benchmark::State& state) {
  World& world = world_of(state, 0);
  ConnTable& table = world.table();
  const std::vector<std::uint32_t> timeouts(static_cast<std::size_t>(ConnState::kCount), kFar);
  for (auto _ : state) {
    world.expire(kNow + 2 * kFar, timeouts.data());
    state.PauseTiming();
    for (int i = 0; i < 3; ++i) world.upkeep(kNow, table.records());
    for (const std::uint32_t n : world.live) world.create(nat_conn(n));
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(world.live.size()));
}

// Copies of all rows. Item: one connection.
void dump(benchmark::State& state) {
  World& world = world_of(state, 0);
  for (auto _ : state) {
    ConnTable::Copy copy;
    std::uint64_t rows = 0;
    for (std::uint32_t i = 0; i < world.table().records(); ++i) {
      rows += world.table().read(i, copy) ? 1U : 0U;
    }
    benchmark::DoNotOptimize(rows);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(world.live.size()));
}

}  // namespace

void register_rte_hash(int connections);  // micro_rte_hash.cc

}  // namespace lb

int main(int argc, char** argv) {
  struct Named {
    const char* name;
    void (*run)(benchmark::State&);
  };
  // Those that share a table next to each other.
  const Named all[] = {{"find_known", lb::find_known},
                       {"find_unknown", lb::find_unknown},
                       {"find_single", lb::find_single},
                       {"dump", lb::dump},
                       {"sweep", lb::sweep},
                       {"sweep_due", lb::sweep_due},
                       {"expire_all", lb::expire_all},
                       {"churn", lb::churn},
                       {"create_new", lb::create_new},
                       {"kill_recent", lb::kill_recent}};
  for (const int connections : {1'024, 16'384, 131'072, 1'048'576, 10'000'000}) {
    for (const Named& one : all) {
      benchmark::RegisterBenchmark(one.name, one.run)->ArgName("connections")->Arg(connections);
    }
    lb::register_rte_hash(connections);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
