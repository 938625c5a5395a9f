#include "dataplane/forward/table_shares.h"

#include <algorithm>

namespace lb {

void TableShares::survey(const Snapshot& snapshot) {
  const std::int64_t kept = places(snapshot.table_share_ppm);
  if (at_ == 0 && table_.room() > std::max<std::int64_t>(table_.max_connections() / 2, kept))
    return;
  const std::size_t end = std::min(at_ + kSlice, snapshot.services.size());
  for (; at_ < end; ++at_) {
    const auto service = static_cast<std::uint32_t>(at_);
    const std::int64_t more = load_.of_service(service) - kept_for(service, snapshot);
    has_more_[service] = more > 0;
    found_ += std::max<std::int64_t>(-more, 0);
  }
  if (at_ < snapshot.services.size()) return;
  unused_ = found_;
  found_ = 0;
  at_ = 0;
}

}  // namespace lb
