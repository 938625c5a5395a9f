// Packets of one worker on their way into one tx queue. They leave with flush().
#pragma once

#include <array>

#include "dataplane/lcore/ports.h"

struct rte_mbuf;

namespace lb {

class TxBuffer {
 public:
  void attach(const TxQueue& queue) { queue_ = queue; }

  bool full() const { return count_ == packets_.size(); }
  unsigned size() const { return count_; }
  unsigned room() const { return static_cast<unsigned>(packets_.size()) - count_; }
  // The buffer owns the packet from here on. Not when full().
  void add(rte_mbuf* packet) { packets_[count_++] = packet; }

  // Sends everything, trying a full queue again a few times, frees what the device refuses, and
  // returns the number of those.
  unsigned flush_to_wire();
  // Sends what the device takes and keeps the rest, in order.
  void send_some();

 private:
  std::uint16_t burst(unsigned from);

  TxQueue queue_;
  unsigned count_ = 0;
  std::array<rte_mbuf*, 64> packets_{};
};

}  // namespace lb
