// Keeps the table of the clients' hops usable, in slices between bursts: frees the hops that
// nothing refers to when it gets crowded, and enters again those that moved. The steps are
// HopTable's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/conn/table.h"
#include "dataplane/service/snapshot.h"

namespace lb {

// One worker's; used by its thread alone. The table is shared and outlives it.
class HopKeeper {
 public:
  explicit HopKeeper(ConnTable& table) : table_(table), hops_(table.hops()) {}

  // A slice. The worker was quiescent since the last one.
  void run(const Snapshot& snapshot, std::uint32_t now);

 private:
  enum class Step : std::uint8_t {
    kIdle,
    kEpoch,        // until all workers look up in the new one
    kConnections,  // mark theirs
    kReturnPaths,
    kCondemn,
    kCondemned,  // until no worker reads what is condemned
    kFree,
    kSettle,
  };

  Step begin(std::uint32_t now);
  void mark_connections();
  void mark_return_paths(const Snapshot& snapshot);
  void walk(std::uint32_t next, Step after);

  ConnTable& table_;
  HopTable& hops_;
  Step step_ = Step::kIdle;
  std::size_t cursor_ = 0;
  bool ever_ = false;
  std::uint32_t began_ = 0;  // tick of the last epoch, if `ever_`
};

}  // namespace lb
