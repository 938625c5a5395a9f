// The shares of the connection table: how many places are kept for each service. What a service has
// beyond its own comes out of the rest, which is first come, first served; so a service under
// attack takes all of that, and nothing of what is kept for the others.
//
// A worker's own object. Counts are sums over the workers; those of all services together are
// surveyed in slices between bursts, as soon as half of the table is taken, or all but what is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/conn/table.h"
#include "dataplane/sched/load.h"
#include "dataplane/service/snapshot.h"

namespace lb {

class TableShares {
 public:
  // Both outlive this object.
  TableShares(const ConnTable& table, const Load& load)
      : table_(table), load_(load), has_more_(kMaxServiceSlots) {}

  // Whether a new connection of the service may take a free place. As long as there are more than
  // are kept for all, this is one comparison.
  bool admits(std::uint32_t service, const Snapshot& snapshot) const {
    const std::int64_t room = table_.room();
    if (room > places(snapshot.table_share_ppm)) [[likely]]
      return true;
    return room > unused_ || load_.of_service(service) < kept_for(service, snapshot);
  }
  // Whether a connection of `owner` may end to make room for one of `service`.
  bool may_lose(std::uint32_t owner, std::uint32_t service) const {
    return owner == service || has_more_[owner];
  }
  std::int64_t kept_for(std::uint32_t service, const Snapshot& snapshot) const {
    return places(snapshot.services[service].table_share_ppm);
  }

  // A slice of the survey; about a thousand calls a second are right.
  void survey(const Snapshot& snapshot);

 private:
  static constexpr std::size_t kSlice = 256;  // services

  std::int64_t places(std::uint32_t share_ppm) const {
    return std::int64_t{table_.max_connections()} * share_ppm / 1'000'000;
  }

  const ConnTable& table_;
  const Load& load_;
  std::vector<bool> has_more_;  // by service slot: than is kept for it
  std::int64_t unused_ = 0;     // of what is kept for all services, as of the last survey
  std::int64_t found_ = 0;      // of that, by the survey that is under way
  std::size_t at_ = 0;          // slot that is next
};

}  // namespace lb
