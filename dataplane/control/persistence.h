// Answers to `persistence`: which client is bound to which real server, in parts; or these bonds
// forgotten, likewise. Main thread.
#pragma once

#include <cstdint>
#include <string>

#include "config/base/net.h"
#include "config/base/result.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/persist/table.h"
#include "dataplane/service/snapshot.h"

namespace lb {

class PersistenceCursor {
 public:
  // Fails when a filter names a service or group that does not exist or has no persistence, or is
  // malformed. The table outlives the cursor.
  static Result<PersistenceCursor> make(const api::PersistenceRequest& request, PersistTable& table,
                                        const Snapshot& snapshot);

  // The next part; `more` is set until the end. Entries that come, go or are used meanwhile may be
  // missed; none is seen twice.
  api::Response next(const Snapshot& snapshot, std::uint32_t now_tick);

 private:
  static constexpr int kRows = 500;
  static constexpr int kSlices = 256;  // of the table, per part

  explicit PersistenceCursor(PersistTable& table) : table_(&table) {}
  bool matches(const PersistRow& row, const Snapshot& snapshot) const;

  PersistTable* table_;
  std::uint32_t cursor_ = 0;
  bool flush_ = false;
  // Filters
  std::uint32_t scope_ = 0;  // 0: any
  bool by_client_ = false;
  Ipv4Prefix client_;
};

}  // namespace lb
