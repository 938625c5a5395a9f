#include "dataplane/control/apply.h"

#include "config/base/log.h"
#include "dataplane/api/snapshot_codec.h"

namespace lb {

Transactions::Transactions(std::vector<PortInfo> ports, Totals& totals, Publisher& publisher)
    : ports_(std::move(ports)), totals_(totals), publisher_(publisher) {
  auto first = std::make_unique<Snapshot>();
  first->ports = ports_;
  first->build_index();
  publisher_.publish(std::move(first));
}

Result<std::uint64_t> Transactions::apply(const api::Snapshot& message) {
  auto spec = from_api(message);
  if (!spec) return tl::make_unexpected(spec.error());
  const std::uint64_t generation = applied_.generation() + 1;
  if (auto done = replace(*spec, generation); !done) return tl::make_unexpected(done.error());
  spec_ = std::move(*spec);
  applied_ = message;
  applied_.set_generation(generation);
  log::debug("snapshot {}: {} service{}", generation, spec_.services.size(),
             spec_.services.size() == 1 ? "" : "s");
  return generation;
}

Result<void> Transactions::replace(const SnapshotSpec& spec, std::uint64_t generation) {
  // The next snapshot may free what workers still choose by the one before the last.
  publisher_.wait_until_seen();
  const Snapshot& before = publisher_.current();
  // A worker that saw the last snapshot late may have opened a connection since the check.
  const auto in_use = [this](std::uint32_t slot) {
    return !unused_.contains(slot) || !totals_.occupancy(slot).none();
  };
  auto next = build_snapshot(spec, ports_, &before, in_use);
  if (!next) return tl::make_unexpected(next.error());
  if (auto ready = publisher_.prepare(**next); !ready) {
    return tl::make_unexpected(ready.error());
  }
  (*next)->generation = generation;
  totals_.replaced(before, **next);
  publisher_.publish(std::move(*next));
  unused_.clear();
  return {};
}

void Transactions::retire_unused() {
  const Snapshot& now = publisher_.current();
  std::unordered_set<std::uint32_t> unused;
  bool any_to_free = false;
  for (std::uint32_t slot = 0; slot < now.real_servers.size(); ++slot) {
    const RealServerEntry& rs = now.real_servers[slot];
    if (rs.service == kNoSlot || !rs.removed || !totals_.occupancy(slot).none()) continue;
    unused.insert(slot);
    any_to_free |= unused_.contains(slot);
  }
  if (!any_to_free) {
    unused_ = std::move(unused);
    return;
  }
  std::erase_if(unused_, [&](std::uint32_t slot) { return !unused.contains(slot); });
  if (auto done = replace(spec_, applied_.generation()); !done) {
    log::error("removed real servers could not be cleaned up: {}", done.error().message);
  }
}

}  // namespace lb
