#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "dataplane/service/build_fixture.h"

namespace lb {
namespace {

// 1000 random changes against the rules said plainly: who has which slot, and since when.
class RandomChanges {
 public:
  using Key = std::pair<std::uint32_t, std::uint32_t>;  // VIP, server address

  void step() {
    change();
    std::set<std::uint32_t> in_use;
    for (const auto& [key, slot] : owned_) {
      if (below(2) == 0) in_use.insert(slot);
    }
    auto next = build(spec(), snapshot_.get(), in_use);
    ASSERT_NE(next, nullptr);
    verify(*next, in_use);
    snapshot_ = std::move(next);
  }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_()) % n; }

  void change() {
    for (unsigned n = 1 + below(4); n > 0; --n) {
      const std::uint32_t vip = 1 + below(6);
      switch (below(4)) {
        case 0:
          configured_[vip];
          break;
        case 1:
          if (below(3) == 0) configured_.erase(vip);
          break;
        case 2:
          if (configured_.contains(vip)) configured_[vip].insert(1 + below(8));
          break;
        default:
          if (configured_.contains(vip)) configured_[vip].erase(1 + below(8));
      }
    }
  }

  SnapshotSpec spec() {
    SnapshotSpec spec;
    for (const auto& [vip, servers] : configured_) {
      spec.services.push_back(service(vip, {}));
      for (const std::uint32_t address : servers) {
        const ServiceSpec one = service(vip, {address});
        spec.services.back().real_servers.push_back(one.real_servers[0]);
      }
      std::ranges::shuffle(spec.services.back().real_servers, random_);
    }
    std::ranges::shuffle(spec.services, random_);
    return spec;
  }

  void verify(const Snapshot& next, const std::set<std::uint32_t>& in_use) {
    std::map<Key, std::uint32_t> now;
    std::set<Key> removed;
    for (std::uint32_t slot = 0; slot < next.real_servers.size(); ++slot) {
      const RealServerEntry& rs = next.real_servers[slot];
      if (rs.service == kNoSlot) continue;
      const ServiceEntry& s = next.services[rs.service];
      ASSERT_NE(s.proto, 0);
      const Key key{s.address.host(), rs.address.host()};
      ASSERT_TRUE(now.emplace(key, slot).second) << "two slots for one server";
      if (rs.removed) removed.insert(key);
      const bool in_file =
          configured_.contains(key.first) && configured_.at(key.first).contains(key.second);
      ASSERT_EQ(rs.removed, !in_file);
      const auto before = owned_.find(key);
      if (before != owned_.end()) {
        ASSERT_EQ(slot, before->second) << "a slot moved";
      } else {
        for (const auto& [other, used] : owned_) ASSERT_NE(used, slot) << "reused at once";
      }
    }
    for (const auto& [vip, servers] : configured_) {
      const std::uint32_t slot =
          next.find_service(Be32::from_host(vip), Be16::from_host(80), kProtoTcp);
      ASSERT_NE(slot, kNoSlot);
      ASSERT_EQ(next.services[slot].real_servers.size(), servers.size());
      for (const std::uint32_t address : servers) ASSERT_TRUE(now.contains({vip, address}));
      if (const auto it = services_.find(vip); it != services_.end()) {
        ASSERT_EQ(slot, it->second) << "a service's slot moved";
      }
    }
    for (const auto& [key, slot] : owned_) {
      const bool must_stay =
          !removed_.contains(key) || in_use.contains(slot) ||
          (configured_.contains(key.first) && configured_.at(key.first).contains(key.second));
      ASSERT_EQ(now.contains(key), must_stay);
    }
    services_.clear();
    for (std::uint32_t slot = 0; slot < next.services.size(); ++slot) {
      if (next.services[slot].proto == 0) continue;
      services_[next.services[slot].address.host()] = slot;
    }
    owned_ = now;
    removed_ = removed;
  }

  std::mt19937 random_{4};
  std::map<std::uint32_t, std::set<std::uint32_t>> configured_;
  std::map<Key, std::uint32_t> owned_;
  std::set<Key> removed_;
  std::map<std::uint32_t, std::uint32_t> services_;  // VIP to slot
  std::unique_ptr<Snapshot> snapshot_;
};

TEST(BuildSnapshot, SlotsAreStableOverRandomChanges) {
  RandomChanges changes;
  for (int i = 0; i < 1000; ++i) {
    SCOPED_TRACE(i);
    changes.step();
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace lb
