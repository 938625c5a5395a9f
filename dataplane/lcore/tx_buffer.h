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
  // The buffer owns the packet from here on. Not when full().
  void add(rte_mbuf* packet) { packets_[count_++] = packet; }

  // Both send everything, free what the device refuses, and return the number of those. To the
  // wire: a full queue is tried again a few times. To the kernel: a packet that it refuses (too
  // long, interface down) does not keep the next one back.
  unsigned flush_to_wire();
  unsigned flush_to_kernel();

 private:
  std::uint16_t burst(unsigned from);

  TxQueue queue_;
  unsigned count_ = 0;
  std::array<rte_mbuf*, 64> packets_{};
};

}  // namespace lb
