// DPDK's rte_hash with the connection table's work, for comparison: readers without locks, bulk
// lookups, two keys of 16 bytes per connection in the same random order. Part of micro_table.
//
// Its memory is on reserved hugepages when there are enough of them, as the table's is on
// transparent ones; without them it is on ordinary pages, which costs it at the large sizes.
#include <benchmark/benchmark.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dataplane/conn/testing/test_table.h"

namespace lb {
namespace {

using test::nat_conn;

constexpr std::size_t kBurst = RTE_HASH_LOOKUP_BULK_MAX < 32 ? RTE_HASH_LOOKUP_BULK_MAX : 32;
constexpr std::uint32_t kBatch = 4'096;
constexpr unsigned kHugepageMb = 2;
constexpr unsigned kNeededMb = 1'800;  // for 10M connections

struct Key {
  FlowTuple tuple;
  std::uint32_t proto = kProtoTcp;
};
static_assert(sizeof(Key) == 16);

Key key_of(std::uint32_t n, unsigned dir) {
  return {nat_conn(n).tuple[dir]};
}

unsigned free_hugepages_mb() {
  unsigned pages = 0;
  std::ifstream("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") >> pages;
  return pages * kHugepageMb;
}

void start_eal() {
  static const bool kStarted = [] {
    std::vector<std::string> arguments = {"micro_table", "--no-pci",    "--no-telemetry",
                                          "--no-shconf", "--log-level", "error"};
    if (free_hugepages_mb() >= kNeededMb) {
      arguments.emplace_back("--in-memory");
    } else {
      arguments.insert(arguments.end(), {"--no-huge", "-m", std::to_string(kNeededMb)});
    }
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  }();
  if (!kStarted) {
    std::fprintf(stderr, "micro_table: DPDK did not start: %s\n", rte_strerror(rte_errno));
    std::exit(1);
  }
}

class World {
 public:
  explicit World(std::uint32_t connections) : live(connections) {
    start_eal();
    rte_hash_parameters parameters{};
    parameters.name = "connections";
    parameters.entries = 2 * (connections + kBatch);
    parameters.key_len = sizeof(Key);
    parameters.hash_func = rte_hash_crc;
    parameters.socket_id = SOCKET_ID_ANY;
    parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE;
    hash.reset(rte_hash_create(&parameters));
    if (hash == nullptr) {
      std::fprintf(stderr, "micro_table: rte_hash_create: %s\n", rte_strerror(rte_errno));
      std::exit(1);
    }
    for (std::uint32_t n = 0; n < connections; ++n) live[n] = n;
    std::shuffle(live.begin(), live.end(), random);
    for (const std::uint32_t n : live) insert(n);
    next = connections;
  }

  void insert(std::uint32_t n) {
    for (unsigned dir = 0; dir < 2; ++dir) {
      const Key key = key_of(n, dir);
      if (rte_hash_add_key_data(hash.get(), &key, reinterpret_cast<void*>(std::uintptr_t{n})) != 0)
        std::exit(1);
    }
  }
  // Both positions are free for others only after free_positions(), as the lock-free mode has it.
  void remove(std::uint32_t n) {
    for (unsigned dir = 0; dir < 2; ++dir) {
      const Key key = key_of(n, dir);
      removed.push_back(rte_hash_del_key(hash.get(), &key));
    }
  }
  void free_positions() {
    for (const std::int32_t position : removed) {
      rte_hash_free_key_with_position(hash.get(), position);
    }
    removed.clear();
  }

  struct Free {
    void operator()(rte_hash* h) const { rte_hash_free(h); }
  };
  std::vector<std::uint32_t> live;
  std::uint32_t next = 0;
  std::unique_ptr<rte_hash, Free> hash;
  std::vector<std::int32_t> removed;
  std::mt19937 random{1};
};

World& world_of(const benchmark::State& state) {
  static std::unique_ptr<World> world;
  static std::int64_t made_for = 0;
  if (world == nullptr || made_for != state.range(0)) {
    world.reset();
    world = std::make_unique<World>(static_cast<std::uint32_t>(state.range(0)));
    made_for = state.range(0);
  }
  return *world;
}

// What a key is looked up for; the connection table's lookup ends with its line in the cache.
struct alignas(64) Connection {
  std::uint64_t state;
};

// On huge pages, as the table's records are.
class Connections {
 public:
  explicit Connections(std::size_t count) : memory_(nullptr, std::free) {
    constexpr std::size_t kPage = std::size_t{kHugepageMb} << 20;
    const std::size_t bytes = (count * sizeof(Connection) + kPage - 1) / kPage * kPage;
    memory_.reset(static_cast<Connection*>(std::aligned_alloc(kPage, bytes)));
    ::madvise(memory_.get(), bytes, MADV_HUGEPAGE);
    std::fill_n(memory_.get(), count, Connection{1});
  }
  std::uint64_t read_all(const std::array<void*, kBurst>& numbers) const {
    for (void* number : numbers) __builtin_prefetch(&at(number));
    std::uint64_t sum = 0;
    for (void* number : numbers) sum += at(number).state;
    return sum;
  }

 private:
  const Connection& at(void* number) const {
    return memory_.get()[reinterpret_cast<std::uintptr_t>(number)];
  }
  std::unique_ptr<Connection, void (*)(void*)> memory_;
};

enum class Work { kKnown, kUnknown, kRecord };

void find(benchmark::State& state, Work work) {
  constexpr std::uint32_t kNever = 2'000'000'000;
  World& world = world_of(state);
  std::vector<Key> keys(std::min<std::size_t>(world.live.size() * 2, 1 << 20) / kBurst * kBurst);
  for (Key& key : keys) {
    const std::uint32_t n = world.live[world.random() % world.live.size()];
    key = key_of(work == Work::kUnknown ? n + kNever : n, world.random() % 2);
  }
  const Connections connections(work == Work::kRecord ? world.live.size() : 1);
  std::size_t at = 0;
  for (auto _ : state) {
    std::array<const void*, kBurst> burst;
    std::array<void*, kBurst> data;
    std::uint64_t hits = 0;
    for (std::size_t i = 0; i < kBurst; ++i) burst[i] = &keys[at + i];
    rte_hash_lookup_bulk_data(world.hash.get(), burst.data(), kBurst, &hits, data.data());
    benchmark::DoNotOptimize(hits);
    if (work == Work::kRecord) benchmark::DoNotOptimize(connections.read_all(data));
    at = at + kBurst < keys.size() ? at + kBurst : 0;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBurst));
}
void rte_hash_find_known(benchmark::State& state) {
  find(state, Work::kKnown);
}
void rte_hash_find_record(benchmark::State& state) {
  find(state, Work::kRecord);
}
void rte_hash_find_unknown(benchmark::State& state) {
  find(state, Work::kUnknown);
}

void come_and_go(benchmark::State& state, bool time_coming) {
  World& world = world_of(state);
  for (auto _ : state) {
    const std::uint32_t first = world.next;
    world.next += kBatch;
    if (!time_coming) state.PauseTiming();
    for (std::uint32_t i = 0; i < kBatch; ++i) world.insert(first + i);
    time_coming ? state.PauseTiming() : state.ResumeTiming();
    for (std::uint32_t i = 0; i < kBatch; ++i) world.remove(first + i);
    if (!time_coming) state.PauseTiming();
    world.free_positions();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t{kBatch});
}
void rte_hash_create_new(benchmark::State& state) {
  come_and_go(state, true);
}
void rte_hash_kill_recent(benchmark::State& state) {
  come_and_go(state, false);
}

// Item: one connection, which are two keys.
void rte_hash_dump(benchmark::State& state) {
  World& world = world_of(state);
  for (auto _ : state) {
    const void* key = nullptr;
    void* data = nullptr;
    std::uint32_t position = 0;
    std::uint64_t sum = 0;
    while (rte_hash_iterate(world.hash.get(), &key, &data, &position) >= 0) {
      sum += static_cast<const Key*>(key)->tuple.src.raw;
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(world.live.size()));
}

}  // namespace

void register_rte_hash(int connections) {
  const std::pair<const char*, void (*)(benchmark::State&)> all[] = {
      {"rte_hash/find_known", rte_hash_find_known},
      {"rte_hash/find_record", rte_hash_find_record},
      {"rte_hash/find_unknown", rte_hash_find_unknown},
      {"rte_hash/create_new", rte_hash_create_new},
      {"rte_hash/kill_recent", rte_hash_kill_recent},
      {"rte_hash/dump", rte_hash_dump}};
  for (const auto& [name, run] : all) {
    benchmark::RegisterBenchmark(name, run)->ArgName("connections")->Arg(connections);
  }
}

}  // namespace lb
