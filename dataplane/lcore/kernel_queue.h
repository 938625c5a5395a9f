// One worker's queue of one kernel interface (dataplane/kernel/tap.h): packet buffers to the kernel
// and from it. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/kernel/incoming.h"
#include "dataplane/kernel/outgoing.h"

struct rte_mbuf;
struct rte_mempool;

namespace lb {

class KernelQueue {
 public:
  // `queue`: of a Tap that outlives this.
  KernelQueue(int queue, rte_mempool* pool);

  int descriptor() const { return queue_; }

  // Towards the kernel. Packets leave with flush(), those of `control` first; the queue owns them
  // from here on. A burst fits.
  void add(rte_mbuf* packet, bool control) {
    Waiting& list = control ? control_ : other_;
    list.packets[list.count++] = packet;
  }
  // A packet that the kernel refuses (too long, interface down) does not keep the next one back.
  struct Flushed {
    unsigned sent = 0;
    unsigned refused = 0;
  };
  Flushed flush();

  // From the kernel. Reads the next packet; false: there is none. Not before the last one was taken.
  bool read();
  // As it was read.
  std::span<const std::uint8_t> packet() const { return outgoing_.whole(); }
  // Whether its frames have room in a buffer; false for what is malformed, too.
  bool fits() const;
  // Frames of it that were not taken yet.
  unsigned frames() const { return outgoing_.frames(); }
  // Takes some for the wire; returns how many: fewer than there are when buffers are short. Only of
  // what fits().
  unsigned take(std::span<rte_mbuf*> buffers);
  void discard() { outgoing_ = {}; }

 private:
  struct Waiting {
    unsigned count = 0;
    std::array<rte_mbuf*, Incoming::kMost> packets{};
  };
  void send(Waiting& list, Flushed& result);

  // virtio_net_hdr, Ethernet header, tags, and the largest IP packet.
  static constexpr std::size_t kRoom = 66'000;

  const int queue_;
  rte_mempool* const pool_;
  Waiting control_;
  Waiting other_;
  Incoming incoming_;
  Outgoing outgoing_;
  const std::unique_ptr<std::uint8_t[]> read_;
};

}  // namespace lb
