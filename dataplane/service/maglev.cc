#include "dataplane/service/maglev.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "dataplane/service/stable_hash.h"

namespace lb {
namespace {

// The table while it is filled. A server's permutation of the entries is offset, offset + skip,
// offset + 2 * skip ... modulo the size, which is prime.
class Filling {
 public:
  Filling(const std::vector<MaglevServer>& servers, std::size_t size)
      : entries_(size, 0), taken_(size, false) {
    for (const MaglevServer& server : servers) {
      const std::uint64_t offset = stable_mix(server.name);
      const std::uint64_t skip = stable_mix(offset);
      walks_.push_back({offset % size, 1 + skip % (size - 1)});
    }
  }

  bool is_full() const { return used_ == entries_.size(); }

  // The next free entry in the server's order of preference becomes its own.
  void take_turn(std::size_t server) {
    Walk& walk = walks_[server];
    while (taken_[walk.at]) walk.advance(entries_.size());
    taken_[walk.at] = true;
    entries_[walk.at] = static_cast<std::uint16_t>(server);
    ++used_;
  }

  std::vector<std::uint16_t> take() { return std::move(entries_); }

 private:
  struct Walk {
    std::size_t at;
    std::size_t skip;
    void advance(std::size_t size) {
      at += skip;
      if (at >= size) at -= size;
    }
  };

  std::vector<std::uint16_t> entries_;
  std::vector<bool> taken_;
  std::vector<Walk> walks_;
  std::size_t used_ = 0;
};

void fill_equally(Filling& table, const std::vector<std::size_t>& order) {
  while (true) {
    for (const std::size_t server : order) {
      if (table.is_full()) return;
      table.take_turn(server);
    }
  }
}

// A server's k-th turn (from 0) is in round floor(k * heaviest / weight): when the others' weights
// change but the heaviest does not, it keeps its rounds.
void fill_by_weight(Filling& table, const std::vector<MaglevServer>& servers,
                    const std::vector<std::size_t>& order, std::uint64_t heaviest) {
  using Turn = std::pair<std::uint64_t, std::size_t>;  // round, place in `order`
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
  std::vector<std::uint64_t> done(order.size(), 0);
  for (std::size_t i = 0; i < order.size(); ++i) turns.emplace(0, i);
  while (!table.is_full()) {
    const std::size_t i = turns.top().second;
    turns.pop();
    table.take_turn(order[i]);
    turns.emplace(++done[i] * heaviest / servers[order[i]].weight, i);
  }
}

}  // namespace

std::vector<std::uint16_t> maglev_table(const std::vector<MaglevServer>& servers,
                                        std::size_t size) {
  std::vector<std::size_t> order;  // of those with a weight, by name
  std::uint64_t heaviest = 0;
  std::uint64_t lightest = ~std::uint64_t{0};
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const std::uint64_t weight = servers[i].weight;
    if (weight == 0) continue;
    order.push_back(i);
    heaviest = std::max(heaviest, weight);
    lightest = std::min(lightest, weight);
  }
  if (order.empty()) return {};
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return servers[i].name; });

  Filling table(servers, size);
  if (heaviest == lightest) {
    fill_equally(table, order);
  } else {
    fill_by_weight(table, servers, order, heaviest);
  }
  return table.take();
}

}  // namespace lb
