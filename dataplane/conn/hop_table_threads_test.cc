// Several workers that look up hops for their records, the moves of the main thread, and reclaim,
// at once. What is checked holds under every interleaving; under ThreadSanitizer the run also
// checks that none of it races.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "config/base/testing/randomised.h"
#include "dataplane/conn/testing/test_hops.h"

namespace lb {
namespace {

using test::hop_of;
using test::TestHops;

constexpr unsigned kHopWorkers = 3;
constexpr unsigned kHopBursts = test::rounds(20'000);
constexpr std::uint32_t kRecords = 40;  // of each worker
constexpr std::uint32_t kMachines = 400;

// A machine moves between two VLANs; it stays recognizable.
bool is_machine(ClientHop hop, std::uint32_t n) {
  return hop == hop_of(n, 1) || hop == hop_of(n, 2);
}

struct Refs {
  std::atomic<std::uint32_t> all[kHopWorkers][kRecords] = {};
};

class HopWorker {
 public:
  HopWorker(TestHops& hops, Refs& refs, unsigned number, std::uint32_t seed)
      : hops_(hops), refs_(refs), number_(number), random_(seed + number), machine_(kRecords) {}

  void run() {
    // On a busy machine the others may be away for all of this one's bursts, and nothing is freed.
    for (unsigned i = 0; i < kHopBursts || (number_ == 0 && passes_ == 0); ++i) {
      for (int k = 0; k < 8; ++k) operate();
      if (number_ == 0) reclaim();
      hops_.epochs().quiescent(number_);
    }
    hops_.epochs().offline(number_);
  }
  std::uint64_t wrong() const { return wrong_; }

 private:
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  void operate() {
    const std::uint32_t r = below(kRecords);
    auto& mine = refs_.all[number_][r];
    if (mine.load() != HopTable::kNone) {
      wrong_ += !is_machine(hops_->at(mine.load()), machine_[r]);
    }
    // Another's may change at any moment; what it had is not freed before this burst is over.
    const std::uint32_t other = refs_.all[below(kHopWorkers)][below(kRecords)].load();
    if (other != HopTable::kNone) wrong_ += hops_->at(other) == ClientHop{};
    if (below(4) != 0) return;
    const std::uint32_t n = below(kMachines);
    const std::uint32_t index = hops_->look_up(hop_of(n, static_cast<std::uint16_t>(1 + below(2))));
    if (index == HopTable::kNone) return;
    machine_[r] = n;
    mine.store(index);
  }

  // As HopKeeper, a step per burst.
  void reclaim() {
    switch (step_) {
      case 0:
        if (!hops_->is_crowded()) return;
        hops_->begin_epoch();
        break;
      case 1:
        if (!hops_->grace_passed()) return;
        break;
      case 2:
        for (auto& worker : refs_.all) {
          for (auto& ref : worker) hops_->mark(ref.load());
        }
        break;
      case 3:
        cursor_ = hops_->condemn(cursor_, 100);
        if (cursor_ != 0) return;
        hops_->begin_free();
        break;
      case 4:
        if (!hops_->grace_passed()) return;
        break;
      case 5:
        cursor_ = hops_->free(cursor_, 100);
        if (cursor_ != 0) return;
        hops_->begin_settle();
        break;
      default:
        cursor_ = hops_->settle(cursor_, 100);
        if (cursor_ != 0) return;
        step_ = 0;
        ++passes_;
        return;
    }
    ++step_;
  }

  TestHops& hops_;
  Refs& refs_;
  const unsigned number_;
  std::mt19937 random_;
  std::vector<std::uint32_t> machine_;  // by record
  int step_ = 0;
  std::uint32_t cursor_ = 0;
  std::uint64_t wrong_ = 0;
  std::uint64_t passes_ = 0;
};

TEST(HopTableThreads, NeverGivesARecordAnotherMachinesHop) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  TestHops hops(512, kHopWorkers);
  Refs refs;
  std::vector<HopWorker> workers;
  for (unsigned w = 0; w < kHopWorkers; ++w) workers.emplace_back(hops, refs, w, seed);
  std::atomic<unsigned> running{kHopWorkers};
  std::vector<std::thread> threads;
  for (HopWorker& worker : workers) {
    threads.emplace_back([&worker, &running] {
      worker.run();
      --running;
    });
  }
  std::mt19937 random(seed);
  while (running != 0) {
    const auto n = static_cast<std::uint32_t>(random() % kMachines);
    // At first to the other VLAN, then both change places.
    hops->move(std::vector<HopMove>{{hop_of(n, 1), hop_of(n, 2)}});
    hops->move(std::vector<HopMove>{{hop_of(n, 1), hop_of(n, 2)}, {hop_of(n, 2), hop_of(n, 1)}});
    // The workers have the CPUs.
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  for (std::thread& thread : threads) thread.join();
  for (const HopWorker& worker : workers) EXPECT_EQ(worker.wrong(), 0U);
}

}  // namespace
}  // namespace lb
