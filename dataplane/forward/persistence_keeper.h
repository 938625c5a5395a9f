// Keeps the table of bound clients up to date between bursts, in slices: a client stays bound while
// a connection of its is established, and entries whose time is over are removed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/forward/connections.h"
#include "dataplane/persist/table.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// One worker's; used by its thread alone. The persistence table is shared.
class PersistenceKeeper {
 public:
  // `removes_expired`: one worker's work is enough, since nobody waits for it.
  PersistenceKeeper(Connections& conns, PersistTable& persist, bool removes_expired)
      : conns_(conns), persist_(persist), removes_expired_(removes_expired) {}

  // A slice of both; while a service of the snapshot has persistence.
  void run(const Snapshot& snapshot, std::uint32_t now) {
    confirm(snapshot, now);
    if (removes_expired_) remove_expired(now);
  }

 private:
  void confirm(const Snapshot& snapshot, std::uint32_t now);
  void remove_expired(std::uint32_t now);

  Connections& conns_;
  PersistTable& persist_;
  const bool removes_expired_;
  std::size_t confirm_cursor_ = 0;    // in this worker's connections
  std::uint32_t confirm_began_ = 0;   // when the last walk over them began
  std::uint32_t expired_cursor_ = 0;  // in the persistence table
};

}  // namespace lb
