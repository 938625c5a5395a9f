// The choice of a real server for one new connection: by scheduler, number of real servers, and
// workers whose counts are summed. Also what a change costs: the interleaved sequence of a wrr
// service.
#include <benchmark/benchmark.h>

#include <memory>
#include <numeric>
#include <vector>

#include "dataplane/sched/scheduler.h"

namespace lb {
namespace {

constexpr std::uint32_t kService = 0;

// One service with its counters; the benchmark counts each choice as a connection, as a worker
// does.
struct World {
  World(Scheduler scheduler, std::uint32_t servers, unsigned workers) {
    service.scheduler = scheduler;
    service.candidates.resize(servers);
    std::iota(service.candidates.begin(), service.candidates.end(), 0U);
    for (std::uint32_t i = 0; i < servers; ++i) {
      service.weights.push_back(static_cast<std::uint16_t>(1 + i % 10));
    }
    if (scheduler == Scheduler::kRr) service.sequence = service.candidates;
    if (scheduler == Scheduler::kWrr) {
      service.sequence = interleave(service.candidates, service.weights);
    }
    for (unsigned w = 0; w < workers; ++w) {
      counters.push_back(std::make_unique<WorkerCounters>());
      counters.back()->make_slots(servers);
    }
  }

  Load load() const {
    std::vector<const WorkerCounters*> readers;
    for (const auto& worker : counters) readers.push_back(worker.get());
    return Load(readers);
  }

  ServiceEntry service;
  std::vector<std::unique_ptr<WorkerCounters>> counters;
};

template <Scheduler kScheduler>
void pick(benchmark::State& state) {
  World world(kScheduler, static_cast<std::uint32_t>(state.range(0)),
              static_cast<unsigned>(state.range(1)));
  const Load load = world.load();
  SchedulerState scheduler(0, static_cast<unsigned>(state.range(1)));
  FlowTuple from_client;
  for (auto _ : state) {
    from_client.src.raw += 0x01000000;
    const std::uint32_t slot =
        scheduler.pick(world.service, kService, from_client, load, Filter({}));
    world.counters[0]->real_servers[slot].active.add(1);
    benchmark::DoNotOptimize(slot);
  }
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"servers", "workers"});
  for (const int servers : {4, 64, 1000}) {
    for (const int workers : {1, 4}) b->Args({servers, workers});
  }
}

BENCHMARK(pick<Scheduler::kRr>)->Apply(sizes);
BENCHMARK(pick<Scheduler::kWrr>)->Apply(sizes);
BENCHMARK(pick<Scheduler::kLc>)->Apply(sizes);
BENCHMARK(pick<Scheduler::kWlc>)->Apply(sizes);

void interleave_weights(benchmark::State& state) {
  const World world(Scheduler::kLc, static_cast<std::uint32_t>(state.range(0)), 1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(interleave(world.service.candidates, world.service.weights));
  }
}
BENCHMARK(interleave_weights)->ArgName("servers")->Arg(4)->Arg(64)->Arg(1000);

}  // namespace
}  // namespace lb

BENCHMARK_MAIN();
