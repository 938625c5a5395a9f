#include "dataplane/service/interleave.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

namespace lb {
namespace {

using Slots = std::vector<std::uint32_t>;
using Weights = std::vector<std::uint16_t>;

Slots first_slots(std::size_t n) {
  Slots slots(n);
  std::iota(slots.begin(), slots.end(), 0U);
  return slots;
}

std::vector<std::uint64_t> appearances(const Slots& sequence, std::size_t slots) {
  std::vector<std::uint64_t> counts(slots, 0);
  for (const std::uint32_t slot : sequence) ++counts[slot];
  return counts;
}

// Exact shares over the whole sequence, and the two promises of the header about its parts.
void expect_even(const Slots& sequence, const Weights& weights) {
  const std::uint64_t length = sequence.size();
  const std::vector<std::uint64_t> counts = appearances(sequence, weights.size());
  std::vector<std::uint64_t> seen(weights.size(), 0);
  std::vector<std::uint64_t> last(weights.size(), 0);
  std::vector<std::uint64_t> widest(weights.size(), 0);
  // Twice over: the sequence is used in a circle.
  for (std::uint64_t at = 0; at < 2 * length; ++at) {
    const std::uint32_t slot = sequence[at % length];
    if (seen[slot] > 0) widest[slot] = std::max(widest[slot], at - last[slot]);
    last[slot] = at;
    ++seen[slot];
    // |seen - (at + 1) * count / length| < 1, for the one just picked.
    const auto off = static_cast<std::int64_t>(seen[slot] * length) -
                     static_cast<std::int64_t>((at + 1) * counts[slot]);
    ASSERT_LT(std::abs(off), static_cast<std::int64_t>(length)) << "at " << at;
  }
  for (std::size_t slot = 0; slot < weights.size(); ++slot) {
    if (counts[slot] == 0) continue;
    ASSERT_LE(widest[slot] * counts[slot], 2 * length) << "slot " << slot;
  }
}

TEST(Interleave, NothingComesOfNothing) {
  EXPECT_TRUE(interleave({}, {}).empty());
  EXPECT_TRUE(interleave({7, 8}, {0, 0}).empty());
}

TEST(Interleave, EqualWeightsKeepTheOrder) {
  EXPECT_EQ(interleave({5, 3, 9}, {1, 1, 1}), (Slots{5, 3, 9}));
  EXPECT_EQ(interleave({5, 3, 9}, {100, 100, 100}), (Slots{5, 3, 9}));
}

TEST(Interleave, SpreadsTheHeavyOneBetweenTheLightOnes) {
  EXPECT_EQ(interleave({0, 1}, {3, 2}), (Slots{0, 1, 0, 0, 1}));
  EXPECT_EQ(interleave({0, 1, 2}, {2, 1, 1}), (Slots{0, 1, 0, 2}));
  Weights weights(1001, 1);
  weights[0] = 1000;
  const Slots sequence = interleave(first_slots(1001), weights);
  ASSERT_EQ(sequence.size(), 2000U);
  for (std::size_t i = 0; i < sequence.size(); i += 2) ASSERT_EQ(sequence[i], 0U) << i;
}

TEST(Interleave, WeightZeroDoesNotAppear) {
  EXPECT_EQ(interleave({4, 5, 6}, {2, 0, 2}), (Slots{4, 6}));
}

TEST(Interleave, DividesByTheCommonDivisor) {
  EXPECT_EQ(interleave({1, 2}, {60'000, 30'000}).size(), 3U);
}

TEST(Interleave, RandomWeightsAreExactAndEven) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const std::size_t n = 1 + random() % 20;
    const unsigned top = round % 3 == 0 ? 5 : round % 3 == 1 ? 100 : 2000;
    Weights weights(n);
    for (auto& w : weights) w = static_cast<std::uint16_t>(random() % (top + 1));
    const Slots sequence = interleave(first_slots(n), weights);
    unsigned divisor = 0;
    for (const auto w : weights) divisor = std::gcd(divisor, unsigned{w});
    const std::vector<std::uint64_t> counts = appearances(sequence, n);
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(counts[i] * divisor, weights[i]) << "round " << round;
    }
    if (divisor > 0) expect_even(sequence, weights);
  }
}

TEST(Interleave, BeyondTheCapProportionsAreRounded) {
  const Weights weights = {65'535, 1, 40'000, 65'521, 3};
  const Slots sequence = interleave(first_slots(weights.size()), weights);
  ASSERT_LE(sequence.size(), kMaxSequence);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const std::vector<std::uint64_t> counts = appearances(sequence, weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_GE(counts[i], 1U) << i;
    const double fair = weights[i] / total * static_cast<double>(sequence.size());
    EXPECT_NEAR(static_cast<double>(counts[i]), fair, 2.0) << i;
  }
  expect_even(sequence, weights);
}

TEST(Interleave, ManySmallBesideOneHugeStillAllAppear) {
  Weights weights(60'000, 1);
  weights[17] = 65'535;
  const Slots sequence = interleave(first_slots(weights.size()), weights);
  ASSERT_EQ(sequence.size(), kMaxSequence);
  const std::vector<std::uint64_t> counts = appearances(sequence, weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    ASSERT_EQ(counts[i], i == 17 ? 65'536U - 59'999U : 1U) << i;
  }
}

TEST(Interleave, RandomWeightsBeyondTheCap) {
  std::mt19937 random(2);
  for (const std::size_t n : {std::size_t{2}, std::size_t{50}, std::size_t{1000}, kMaxSequence}) {
    Weights weights(n);
    for (auto& w : weights) w = static_cast<std::uint16_t>(1 + random() % 65'535);
    const Slots sequence = interleave(first_slots(n), weights);
    ASSERT_LE(sequence.size(), kMaxSequence);
    const std::vector<std::uint64_t> counts = appearances(sequence, n);
    ASSERT_EQ(std::ranges::count(counts, 0U), 0) << n;
    // A larger weight never appears clearly less often than a smaller one.
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (std::size_t i = 0; n < kMaxSequence && i < n; ++i) {
      const double fair = weights[i] / total * static_cast<double>(sequence.size());
      ASSERT_NEAR(static_cast<double>(counts[i]), std::max(fair, 1.0), 2.0) << n << " " << i;
    }
    expect_even(sequence, weights);
  }
}

}  // namespace
}  // namespace lb
