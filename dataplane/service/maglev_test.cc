#include "dataplane/service/maglev.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "dataplane/service/stable_hash.h"

namespace lb {
namespace {

using Table = std::vector<std::uint16_t>;

std::vector<MaglevServer> servers(std::size_t count, std::uint16_t weight = 1) {
  std::vector<MaglevServer> all;
  // 10.0.0.1:80 and its neighbours.
  for (std::size_t i = 0; i < count; ++i) all.push_back({(0x0a000001 + i) << 16 | 80, weight});
  return all;
}

std::vector<std::size_t> counts(const Table& table, std::size_t servers) {
  std::vector<std::size_t> count(servers, 0);
  for (const std::uint16_t server : table) ++count[server];
  return count;
}

// Entries that lead to another server, of those whose server did not fail.
double disrupted(const std::vector<MaglevServer>& all, const Table& before, const Table& after) {
  std::size_t moved = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] != after[i] && all[before[i]].weight > 0) ++moved;
  }
  return static_cast<double>(moved) / static_cast<double>(before.size());
}

TEST(Maglev, SizesArePrimesOfMoreThanAHundredPerServer) {
  for (const std::size_t count : {1U, 40U, 41U, 655U, 656U, 6'553U}) {
    const std::size_t size = maglev_size(count);
    EXPECT_GT(size, 100 * count);
    for (std::size_t i = 2; i * i <= size; ++i) EXPECT_NE(size % i, 0U) << size;
  }
}

// The paper's section 3.4 word for word, permutations written out.
Table by_the_paper(const std::vector<MaglevServer>& all, std::size_t size) {
  std::vector<std::vector<std::size_t>> permutation;
  for (const MaglevServer& server : all) {
    const std::uint64_t offset = stable_mix(server.name) % size;
    const std::uint64_t skip = stable_mix(stable_mix(server.name)) % (size - 1) + 1;
    permutation.emplace_back();
    for (std::size_t j = 0; j < size; ++j) permutation.back().push_back((offset + j * skip) % size);
  }
  std::vector<std::size_t> next(all.size(), 0);
  std::vector<int> entry(size, -1);
  for (std::size_t n = 0;;) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::size_t c = permutation[i][next[i]];
      while (entry[c] >= 0) c = permutation[i][++next[i]];
      entry[c] = static_cast<int>(i);
      ++next[i];
      if (++n == size) return Table(entry.begin(), entry.end());
    }
  }
}

TEST(Maglev, AgreesWithThePapersPseudocode) {
  for (const std::size_t count : {1U, 2U, 3U, 17U}) {
    for (const std::size_t size : {251U, 4'099U}) {
      EXPECT_EQ(maglev_table(servers(count), size), by_the_paper(servers(count), size));
    }
  }
}

TEST(Maglev, EqualWeightsGetEqualSharesGiveOrTakeOne) {
  for (const std::size_t count : {1U, 2U, 3U, 7U, 40U, 100U, 655U}) {
    const auto count_of = counts(maglev_table(servers(count), maglev_size(count)), count);
    const auto [least, most] = std::ranges::minmax(count_of);
    EXPECT_LE(most - least, 1U) << count;
  }
}

TEST(Maglev, SharesFollowTheWeights) {
  auto all = servers(6);
  const std::uint16_t weights[] = {1, 2, 3, 10, 0, 100};
  for (std::size_t i = 0; i < 6; ++i) all[i].weight = weights[i];
  const auto count_of = counts(maglev_table(all, 65'537), 6);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(static_cast<double>(count_of[i]), 65'537.0 * weights[i] / 116, 2) << i;
  }
}

TEST(Maglev, NobodyWithAWeightIsLeftOut) {
  auto all = servers(40);
  all[7].weight = 65'535;
  const auto count_of = counts(maglev_table(all, 4'099), 40);
  EXPECT_EQ(std::ranges::min(count_of), 1U);
  EXPECT_EQ(count_of[7], 4'099U - 39);
  EXPECT_TRUE(maglev_table(servers(3, 0), 4'099).empty());
  EXPECT_TRUE(maglev_table({}, 4'099).empty());
}

TEST(Maglev, TheOrderOfTheFileDoesNotMatter) {
  auto all = servers(20);
  for (std::size_t i = 0; i < 20; ++i) all[i].weight = static_cast<std::uint16_t>(1 + i % 3);
  const Table straight = maglev_table(all, 4'099);
  auto reversed = all;
  std::ranges::reverse(reversed);
  const Table other = maglev_table(reversed, 4'099);
  for (std::size_t i = 0; i < straight.size(); ++i) ASSERT_EQ(straight[i], 19 - other[i]);
}

// A director that was restarted, or upgraded, answers as before: these never change.
TEST(Maglev, TheSameInEveryProcess) {
  const Table table = maglev_table(servers(5), 4'099);
  EXPECT_EQ(Table(table.begin(), table.begin() + 12), (Table{4, 4, 4, 2, 2, 2, 3, 1, 1, 1, 2, 2}));
}

// ---- section 5.3 of the paper: balance and resilience, 1,000 servers, two sizes of table. The
// figures stand in docs/schedulers.md.

double percent_moved_by_failures(std::size_t size, std::size_t failures, int rounds) {
  std::mt19937 random(7);
  const auto all = servers(1'000);
  const Table before = maglev_table(all, size);
  double sum = 0;
  for (int round = 0; round < rounds; ++round) {
    auto left = all;
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::shuffle(order, random);
    for (std::size_t i = 0; i < failures; ++i) left[order[i]].weight = 0;
    sum += disrupted(left, before, maglev_table(left, size));
  }
  return 100 * sum / rounds;
}

// The paper: at most 1 % between servers, with more than a hundred entries for each.
TEST(MaglevPaper, BalanceIsEvenToTheEntry) {
  for (const std::size_t size : {std::size_t{65'537}, std::size_t{655'373}}) {
    const auto count_of = counts(maglev_table(servers(1'000), size), 1'000);
    EXPECT_EQ(std::ranges::min(count_of), size / 1'000);
    EXPECT_EQ(std::ranges::max(count_of), size / 1'000 + 1);
  }
}

// The paper: more resilient the larger the table, less so the more servers fail at once.
TEST(MaglevPaper, FailuresMoveFewOfTheOthersClients) {
  EXPECT_NEAR(percent_moved_by_failures(65'537, 1, 3), 0.57, 0.01);
  EXPECT_NEAR(percent_moved_by_failures(65'537, 10, 3), 2.32, 0.01);
  EXPECT_NEAR(percent_moved_by_failures(65'537, 50, 3), 3.28, 0.01);
  EXPECT_NEAR(percent_moved_by_failures(655'373, 10, 1), 0.57, 0.01);
}

TEST(MaglevPaper, ServicesOfUsualSize) {
  const auto worst = [](std::size_t count) {
    auto all = servers(count);
    const Table before = maglev_table(all, 4'099);
    double most = 0;
    for (std::size_t gone = 0; gone < count; ++gone) {
      all[gone].weight = 0;
      most = std::max(most, disrupted(all, before, maglev_table(all, 4'099)));
      all[gone].weight = 1;
    }
    return 100 * most;
  };
  EXPECT_NEAR(worst(3), 0.66, 0.01);
  EXPECT_NEAR(worst(10), 1.37, 0.01);
  EXPECT_NEAR(worst(40), 2.66, 0.01);
}

}  // namespace
}  // namespace lb
