// The sync link to the other director and the two connection tables.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/view/counts.h"

namespace lb::api::control {
class Status;
}

namespace lb::view {

// `show sync`
struct Sync {
  bool connected = false;
  std::string listen;
  std::string peer;
  std::uint32_t sync_id = 0;
  std::uint64_t sessions = 0;
  bool complete = false;
  bool peer_complete = false;
  std::uint64_t last_batch = 0;
  std::uint64_t watermark = 0;
  std::uint64_t lag_ms = 0;
  std::uint64_t lag_bytes = 0;
  std::uint64_t pending_entries = 0;
  std::uint64_t batches_sent = 0;
  std::uint64_t batches_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t changed_entries = 0;
  std::uint64_t ended_entries = 0;
  std::uint64_t refreshed_entries = 0;
  std::uint64_t walked_entries = 0;
  std::uint64_t walks = 0;
  std::uint64_t lost_changes = 0;
  std::uint64_t lost_ends = 0;
  std::vector<CountRow> imports;
  std::vector<CountRow> refusals;
};

Sync sync_of(const api::control::Status& status);

}  // namespace lb::view
