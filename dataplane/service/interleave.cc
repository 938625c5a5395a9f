#include "dataplane/service/interleave.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

namespace lb {
namespace {

struct Share {
  std::uint32_t slot = 0;
  std::uint64_t weight = 0;
};

std::uint64_t sum(const std::vector<Share>& shares) {
  std::uint64_t total = 0;
  for (const Share& share : shares) total += share.weight;
  return total;
}

void divide_by_common_divisor(std::vector<Share>& shares) {
  std::uint64_t divisor = 0;
  for (const Share& share : shares) divisor = std::gcd(divisor, share.weight);
  for (Share& share : shares) share.weight /= divisor;
}

// Scales the weights so that their sum is kMaxSequence. From the smallest up: what a small one gets
// beyond its share, because it must not vanish, is taken from all the larger ones.
void scale_down(std::vector<Share>& shares, std::uint64_t total) {
  std::vector<Share*> ascending;
  ascending.reserve(shares.size());
  for (Share& share : shares) ascending.push_back(&share);
  std::ranges::stable_sort(ascending, {}, &Share::weight);

  std::uint64_t room = kMaxSequence;
  for (Share* share : ascending) {
    const std::uint64_t rounded = (share->weight * room + total / 2) / total;
    total -= share->weight;
    share->weight = std::max<std::uint64_t>(rounded, 1);
    room -= share->weight;
  }
}

}  // namespace

// The k-th appearance (from 0) of a share with weight w in a sequence of length T is a job that may
// run in [floor(k*T/w), ceil((k+1)*T/w)), its fair window. One job per position, the earliest
// deadline among those whose window has opened: this is the optimal schedule for unit jobs on one
// machine, and as the windows fill it exactly, every job meets its window.
std::vector<std::uint32_t> interleave(const std::vector<std::uint32_t>& slots,
                                      const std::vector<std::uint16_t>& weights) {
  std::vector<Share> shares;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (weights[i] > 0) shares.push_back({slots[i], weights[i]});
  }
  if (shares.empty()) return {};
  divide_by_common_divisor(shares);
  if (const std::uint64_t total = sum(shares); total > kMaxSequence) {
    scale_down(shares, total);
    divide_by_common_divisor(shares);
  }

  using Due = std::pair<std::uint64_t, std::size_t>;  // time, share; ties in the order of `slots`
  using Queue = std::priority_queue<Due, std::vector<Due>, std::greater<>>;
  const std::uint64_t length = sum(shares);
  Queue closed;  // by the opening of the window of the next job
  Queue open;    // by its deadline
  for (std::size_t i = 0; i < shares.size(); ++i) closed.emplace(0, i);
  std::vector<std::uint64_t> done(shares.size(), 0);

  std::vector<std::uint32_t> sequence;
  sequence.reserve(length);
  for (std::uint64_t now = 0; now < length; ++now) {
    while (!closed.empty() && closed.top().first <= now) {
      const std::size_t i = closed.top().second;
      closed.pop();
      open.emplace(((done[i] + 1) * length + shares[i].weight - 1) / shares[i].weight, i);
    }
    const std::size_t i = open.top().second;
    open.pop();
    sequence.push_back(shares[i].slot);
    if (++done[i] < shares[i].weight) closed.emplace(done[i] * length / shares[i].weight, i);
  }
  return sequence;
}

}  // namespace lb
