#include "dataplane/lcore/tx_buffer.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>

namespace lb {

std::uint16_t TxBuffer::burst(unsigned from) {
  const auto n = static_cast<std::uint16_t>(count_ - from);
  if (queue_.lock == nullptr) [[likely]] {
    return rte_eth_tx_burst(queue_.device, queue_.queue, &packets_[from], n);
  }
  queue_.lock->lock();
  const std::uint16_t sent = rte_eth_tx_burst(queue_.device, queue_.queue, &packets_[from], n);
  queue_.lock->unlock();
  return sent;
}

unsigned TxBuffer::flush_to_wire() {
  constexpr unsigned kTries = 8;
  unsigned sent = burst(0);
  for (unsigned i = 1; sent < count_ && i < kTries; ++i) [[unlikely]] {
      rte_pause();
      sent += burst(sent);
    }
  const unsigned refused = count_ - sent;
  if (refused != 0) [[unlikely]]
    rte_pktmbuf_free_bulk(&packets_[sent], refused);
  count_ = 0;
  return refused;
}

void TxBuffer::send_some() {
  const unsigned sent = burst(0);
  std::copy(packets_.begin() + sent, packets_.begin() + count_, packets_.begin());
  count_ -= sent;
}

}  // namespace lb
