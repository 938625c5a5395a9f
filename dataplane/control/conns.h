// Answers to `conns`: the connection table in parts, by index, without disturbing it. Main thread.
#pragma once

#include <cstdint>
#include <string>

#include "config/base/net.h"
#include "config/base/result.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/conn/table.h"
#include "dataplane/forward/flush.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// That no service is called `name`.
Error unknown_service(const std::string& name, const Snapshot& snapshot);

// Which connections a request's filters mean. Fails when a filter names a service, real server or
// state that does not exist, or is malformed.
Result<ConnMatch> to_match(const api::ConnsRequest& request, const Snapshot& snapshot);

class ConnsCursor {
 public:
  // The table outlives the cursor.
  static Result<ConnsCursor> make(const api::ConnsRequest& request, const ConnTable& table,
                                  const Snapshot& snapshot);

  // The next part: at most kRows rows and kRecords records read, so perhaps no match.
  // `more` is set unless the end or the request's limit is reached. Connections that come or go
  // meanwhile may or may not be seen; none is seen twice.
  api::Response next(const Snapshot& snapshot, std::uint32_t now_tick);

  static constexpr int kRows = 500;
  static constexpr std::uint32_t kRecords = 16'384;

 private:
  explicit ConnsCursor(const ConnTable& table) : table_(&table) {}

  const ConnTable* table_;
  std::uint32_t index_ = 0;
  std::uint64_t left_ = ~std::uint64_t{0};
  ConnMatch match_;
};

}  // namespace lb
