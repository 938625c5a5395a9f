// Random operations on a small table, each compared with a plain model; a peer that receives the
// changes must know the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "config/base/testing/randomised.h"
#include "dataplane/persist/table.h"

namespace lb {
namespace {

constexpr std::uint32_t kRoom = 40;
constexpr std::uint32_t kClients = 80;
constexpr std::uint32_t kIdleTicks = 64;
constexpr unsigned kSteps = test::rounds(300'000);

struct Known {
  PersistServer server;
  std::uint32_t expires = 0;
  bool confirmed = false;
  std::uint64_t used = 0;  // order of last use
};

class Model {
 public:
  explicit Model(std::uint32_t seed) : random_(seed) {
    table_.prepare();
    table_.begin_export();
  }

  void step() {
    const std::uint32_t n = below(kClients);
    const PersistUse use = {key(n), server(below(3)), below(5), kIdleTicks};
    switch (below(12)) {
      case 0:
      case 1:
        return find(n);
      case 2:
      case 3:
      case 4:
        return claim(n, use, nullptr);
      case 5: {
        const PersistServer unfit = server(below(3));
        return claim(n, use, &unfit);
      }
      case 6:
        table_.renew(use, now_);
        return again(n, use, false);
      case 7:
        table_.confirm(use, now_);
        return again(n, use, true);
      case 8:
        if (below(4) == 0) forget(n);
        return;
      case 9:
        if (below(8) == 0) flush();
        return;
      case 10:
        now_ += below(3);
        return;
      default:
        return upkeep();
    }
  }

  // What the peer received, against what is known here.
  void compare_peer() {
    receive();
    for (const auto& [n, known] : known_) {
      if (over(known)) continue;
      ASSERT_TRUE(peer_.contains(n)) << "the peer lacks " << n;
      ASSERT_EQ(peer_[n].server, known.server);
      ASSERT_LE(known.expires - peer_[n].expires, kIdleTicks / 8);
    }
  }

 private:
  static PersistKey key(std::uint32_t n) { return {1 + n % 2, Be32::from_host(n)}; }
  static PersistServer server(std::uint32_t n) { return {Be32::from_host(n), Be16{}}; }
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() * std::uint64_t{bound} >> 32);
  }
  bool over(const Known& known) const {
    return static_cast<std::int32_t>(known.expires - now_) <= 0;
  }

  void find(std::uint32_t n) {
    PersistServer found;
    const bool is_there = table_.find(key(n), now_, found);
    const auto it = known_.find(n);
    ASSERT_EQ(is_there, it != known_.end() && !over(it->second));
    if (!is_there) return;
    ASSERT_EQ(found, it->second.server);
  }

  void claim(std::uint32_t n, const PersistUse& use, const PersistServer* instead) {
    const PersistServer got = table_.claim(use, instead, now_);
    const auto it = known_.find(n);
    if (it != known_.end() && !over(it->second) &&
        (instead == nullptr || it->second.server != *instead)) {
      ASSERT_EQ(got, it->second.server);
      return;
    }
    ASSERT_EQ(got, use.server);
    if (it == known_.end() && known_.size() == kRoom) make_room();
    known_[n] = {use.server, now_ + kIdleTicks, false, ++uses_};
  }

  void again(std::uint32_t n, const PersistUse& use, bool confirmed) {
    const auto it = known_.find(n);
    if (it == known_.end() || it->second.server != use.server) return;
    // An entry whose time is over is there until it is swept, and may start again.
    it->second.expires = now_ + kIdleTicks;
    it->second.confirmed |= confirmed;
    it->second.used = ++uses_;
  }

  void make_room() {
    const auto less = [](const auto& a, const auto& b) {
      if (a.second.confirmed != b.second.confirmed) return !a.second.confirmed;
      return a.second.used < b.second.used;
    };
    known_.erase(std::min_element(known_.begin(), known_.end(), less));
    ++evicted_;
  }

  void forget(std::uint32_t n) {
    ASSERT_EQ(table_.remove(key(n)), known_.erase(n) == 1);
    peer_.erase(n);
  }

  void flush() {
    receive();
    const std::uint32_t rest = below(4);
    const auto wanted = [&](const PersistRow& row) { return row.key.client.host() % 4 == rest; };
    std::uint64_t count = 0;
    std::uint32_t cursor = 0;
    do {
      cursor = table_.flush(cursor, now_, count, wanted);
    } while (cursor != 0);
    std::uint64_t flushed = 0;
    receive();
    for (auto it = known_.begin(); it != known_.end();) {
      if (it->first % 4 != rest || over(it->second)) {
        ++it;
        continue;
      }
      ++flushed;
      ASSERT_FALSE(peer_.contains(it->first)) << "the peer did not receive the end";
      it = known_.erase(it);
    }
    ASSERT_EQ(count, flushed);
  }

  void upkeep() {
    std::uint32_t cursor = 0;
    do {
      cursor = table_.sweep(cursor, now_, [](const PersistRow&) { return false; });
    } while (cursor != 0);
    std::erase_if(known_, [&](const auto& each) { return over(each.second); });
    ASSERT_EQ(table_.entries(), known_.size());
    ASSERT_EQ(table_.evicted(), evicted_);
    do {
      PersistRow rows[PersistTable::kSlice];
      const std::size_t count = table_.read(cursor, now_, rows);
      for (std::size_t i = 0; i < count; ++i) {
        const auto it = known_.find(rows[i].key.client.host());
        ASSERT_NE(it, known_.end());
        ASSERT_EQ(rows[i].server, it->second.server);
        ASSERT_EQ(rows[i].expires, it->second.expires);
        ASSERT_EQ(rows[i].confirmed, it->second.confirmed);
      }
    } while (cursor != 0);
  }

  void receive() {
    PersistRow rows[7];
    for (std::size_t count = 1; count != 0;) {
      count = table_.take_changed(rows);
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t n = rows[i].key.client.host();
        if (rows[i].ended) {
          peer_.erase(n);
        } else {
          peer_[n] = {rows[i].server, rows[i].expires, false, 0};
        }
      }
    }
  }

  PersistTable table_{{.max_entries = kRoom}};
  std::mt19937 random_;
  std::map<std::uint32_t, Known> known_;
  std::map<std::uint32_t, Known> peer_;
  std::uint32_t now_ = 0xffff'f000;  // wraps on the way
  std::uint64_t uses_ = 0;
  std::uint64_t evicted_ = 0;
};

TEST(PersistTableOracle, AgreesWithAPlainModel) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  Model model(seed);
  for (unsigned i = 0; i < kSteps && !testing::Test::HasFatalFailure(); ++i) {
    model.step();
    if (i % 100 == 0) model.compare_peer();
  }
}

}  // namespace
}  // namespace lb
