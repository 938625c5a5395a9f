// Transactions: from the control plane's message to the snapshot that the workers forward by.
//
//   message -> from_api (api/snapshot_codec.h) -> build_snapshot (service/build.h) -> Publisher
//
// Main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include "config/base/result.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/control/totals.h"
#include "dataplane/service/build.h"

namespace lb {

// Puts a snapshot before the workers (Runtime in the daemon).
class Publisher {
 public:
  virtual ~Publisher() = default;
  // Gets ready what the workers need for `next`; when it fails nothing has changed.
  virtual Result<void> prepare(const Snapshot& /*next*/) { return {}; }
  // The workers use `next` from their next burst on; the one before is freed when none can still
  // be reading it.
  virtual void publish(std::unique_ptr<const Snapshot> next) = 0;
  // Returns when every worker has moved on to the snapshot that was published last.
  virtual void wait_until_seen() = 0;
  virtual const Snapshot& current() const = 0;
};

class Transactions {
 public:
  // Publishes a first snapshot: `ports` and no services. Both arguments outlive this.
  Transactions(std::vector<PortInfo> ports, Totals& totals, Publisher& publisher);

  // All of the message or nothing. Returns the new generation.
  Result<std::uint64_t> apply(const api::Snapshot& message);

  // The message that was applied last, with its generation; 0 and empty before the first.
  const api::Snapshot& applied() const { return applied_; }

  // Frees the slots of removed servers that have had no connection at this call and the last one.
  // To be called about once a second.
  void retire_unused();

 private:
  Result<void> replace(const SnapshotSpec& spec, std::uint64_t generation);

  const std::vector<PortInfo> ports_;
  Totals& totals_;
  Publisher& publisher_;
  SnapshotSpec spec_;
  api::Snapshot applied_;
  // Removed servers without connections. A sum over workers may miss a connection that moves from
  // one count to another just then, so a slot is free only when two checks in a row found nothing.
  std::unordered_set<std::uint32_t> unused_;
};

}  // namespace lb
