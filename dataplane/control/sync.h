// Answers to `sync`: batches for the HA peer out, batches of the peer's in. Main thread.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/api/dataplane.pb.h"
#include "dataplane/control/runtime.h"

namespace lb {

class SyncEndpoint {
 public:
  explicit SyncEndpoint(Runtime& runtime) : runtime_(runtime) { peer_ports_.fill(kNoPort); }

  api::Response answer(const api::SyncRequest& request);

 private:
  static constexpr std::uint8_t kNoPort = 0xff;

  void begin(const api::SyncRequest& request);
  // Empty, or why the batch is none.
  std::string import(const std::string& bytes, api::SyncReply& reply);
  void report(api::SyncReply& reply);

  Runtime& runtime_;
  std::array<std::uint8_t, kMaxPorts> peer_ports_;  // our number, by the peer's
  std::uint64_t imports_before_ = 0;                // of sessions that are over
};

}  // namespace lb
