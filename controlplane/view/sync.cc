#include "controlplane/view/sync.h"

#include "controlplane/api/controlplane.pb.h"

namespace lb::view {

Sync sync_of(const api::control::Status& status) {
  const api::control::Sync& sync = status.sync();
  const api::control::SyncTable& table = sync.table();
  return {.connected = sync.connected(),
          .listen = sync.listen(),
          .peer = sync.peer(),
          .sync_id = sync.sync_id(),
          .sessions = sync.sessions(),
          .complete = sync.complete(),
          .peer_complete = sync.peer_complete(),
          .last_batch = sync.last_batch(),
          .watermark = sync.watermark(),
          .lag_ms = sync.lag_ms(),
          .lag_bytes = sync.lag_bytes(),
          .pending_entries = table.pending(),
          .batches_sent = sync.batches_sent(),
          .batches_received = sync.batches_received(),
          .bytes_sent = sync.bytes_sent(),
          .bytes_received = sync.bytes_received(),
          .changed_entries = table.changed(),
          .ended_entries = table.ended(),
          .refreshed_entries = table.refreshed(),
          .walked_entries = table.walked(),
          .walks = table.walks(),
          .lost_changes = table.lost(),
          .lost_ends = table.lost_ends(),
          .imports = counts_of(table.imports()),
          .refusals = counts_of(sync.refusals())};
}

}  // namespace lb::view
