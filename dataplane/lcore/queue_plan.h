// Who polls and fills which queue. Pure.
#pragma once

#include <cstdint>

namespace lb {

// What a device gives.
struct QueueLimits {
  std::uint16_t max_rx = 1;
  std::uint16_t max_tx = 1;
  // The device spreads packets over all its rx queues whether they are polled or not (AF_PACKET's
  // fan-out, AF_XDP's sockets), so all of them must be.
  bool all_rx = false;
};

struct QueuePlan {
  unsigned workers = 1;
  std::uint16_t rx = 1;
  std::uint16_t tx = 1;

  static QueuePlan make(const QueueLimits& limits, unsigned workers);

  // The worker that polls an rx queue. With one queue per worker it is the one of the same number;
  // with fewer, `port_index` spreads the ports over the workers.
  unsigned poller(std::uint16_t rx_queue, unsigned port_index) const {
    return rx >= workers ? rx_queue % workers : (rx_queue + port_index * rx) % workers;
  }
  // The tx queue of a worker.
  std::uint16_t sender(unsigned worker) const { return static_cast<std::uint16_t>(worker % tx); }
  bool tx_shared() const { return tx < workers; }
};

}  // namespace lb
