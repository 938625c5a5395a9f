#include "dataplane/lcore/kernel_queue.h"

#include <rte_mbuf.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dataplane/kernel/vnet_header.h"
#include "dataplane/lcore/packet_buffer.h"

namespace lb {

KernelQueue::KernelQueue(int queue, rte_mempool* pool)
    : queue_(queue), pool_(pool), read_(new std::uint8_t[kRoom]) {}

KernelQueue::Flushed KernelQueue::flush() {
  Flushed result;
  send(control_, result);
  send(other_, result);
  return result;
}

void KernelQueue::send(Waiting& list, Flushed& result) {
  if (list.count == 0) return;
  incoming_.clear();
  for (unsigned i = 0; i < list.count; ++i) {
    rte_mbuf* const packet = list.packets[i];
    incoming_.add({rte_pktmbuf_mtod(packet, std::uint8_t*), packet->data_len,
                   checksums_good(packet->ol_flags)});
  }
  for (unsigned i = 0; i < incoming_.packets(); ++i) {
    VnetHeader header;
    Incoming::Parts parts;
    const unsigned count = incoming_.write(i, header, parts);
    const bool written = ::writev(queue_, parts.data(), static_cast<int>(count)) >= 0;
    (written ? result.sent : result.refused) += incoming_.frames(i);
  }
  rte_pktmbuf_free_bulk(list.packets.data(), list.count);
  list.count = 0;
}

bool KernelQueue::read() {
  const ssize_t bytes = ::read(queue_, read_.get(), kRoom);
  if (bytes <= 0) return false;
  if (!outgoing_.begin({read_.get(), static_cast<std::size_t>(bytes)})) outgoing_ = {};
  return true;
}

bool KernelQueue::fits() const {
  const std::size_t room = rte_pktmbuf_data_room_size(pool_) - std::size_t{RTE_PKTMBUF_HEADROOM};
  return outgoing_.frames() != 0 && outgoing_.next_bytes() <= room;
}

unsigned KernelQueue::take(std::span<rte_mbuf*> buffers) {
  unsigned taken = 0;
  while (taken < buffers.size() && outgoing_.frames() != 0) {
    const std::size_t bytes = outgoing_.next_bytes();
    rte_mbuf* const buffer = rte_pktmbuf_alloc(pool_);
    if (buffer == nullptr) break;
    outgoing_.write_next(rte_pktmbuf_mtod(buffer, std::uint8_t*));
    buffer->data_len = static_cast<std::uint16_t>(bytes);
    buffer->pkt_len = static_cast<std::uint32_t>(bytes);
    buffers[taken++] = buffer;
  }
  return taken;
}

}  // namespace lb
