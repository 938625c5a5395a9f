#include "dataplane/lcore/worker.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_rcu_qsbr.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <utility>

#include "dataplane/lcore/fragment_packet.h"
#include "dataplane/lcore/packet_buffer.h"
#include "dataplane/packet/own_segment.h"

namespace lb {

namespace {

constexpr std::uint64_t kSpinUs = 20;  // after the last packet, before sleeping
// Between two polls of the kernel interfaces that have no packets: a poll is a system call, which
// costs as much as some ten packets.
constexpr std::uint64_t kKernelPollBusyUs = 50;
constexpr std::uint64_t kKernelPollUs = 5;
constexpr std::uint64_t kExpireUs = 20;  // between two slices of expiry
constexpr std::size_t kShortestFrame = 60;

}  // namespace

Worker::Worker(const WorkerSetup& setup)
    : index_(setup.index),
      queues_(setup.queues),
      pool_(setup.pool),
      counters_(setup.counters),
      snapshot_(setup.snapshot),
      qsbr_(setup.qsbr),
      clock_(setup.clock),
      imports_(setup.imports),
      pipeline_(setup.index, setup.workers, setup.shared, setup.counters, setup.log),
      punts_(setup.punt_limits, setup.queues.ports, setup.own_flows, setup.counters),
      backoff_(setup.sleeps_when_idle, setup.clock.tsc_of_us(kSpinUs)) {
  for (unsigned i = 0; i < queues_.ports; ++i) {
    wire_[i].attach(queues_.wire_tx[i]);
    from_kernel_[i].attach(queues_.wire_tx[i]);
  }
  probes_.reserve(kBurst);
  cookies_.reserve(kBurst);
}

void Worker::run() {
  char name[16];
  std::snprintf(name, sizeof(name), "lb-worker-%u", index_);
  prctl(PR_SET_NAME, name, 0UL, 0UL, 0UL);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // short sleeps are to be short
  rte_rcu_qsbr_thread_online(qsbr_, index_);
  std::uint64_t last_tsc = rte_rdtsc();
  bool worked = false;
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::uint64_t now_tsc = rte_rdtsc();
    counters_.polls.add(1);
    counters_.total_cycles.add(now_tsc - last_tsc);
    if (worked) counters_.busy_cycles.add(now_tsc - last_tsc);
    last_tsc = now_tsc;
    if (now_tsc >= tick_end_tsc_) {
      tick_ = clock_.tick_at(now_tsc);
      tick_end_tsc_ = clock_.end_of(tick_);
    }
    // Pairs with the release in Runtime::publish(). Not used beyond this round.
    const Snapshot& snapshot = *snapshot_.load(std::memory_order_acquire);
    worked = poll_wire(snapshot);
    if (kernel_ready_ != 0 || now_tsc >= kernel_tsc_) {
      worked |= poll_kernel(snapshot, now_tsc, worked);
    }
    if (now_tsc >= expired_tsc_ + clock_.tsc_of_us(kExpireUs)) {
      expire(snapshot, now_tsc);
      if (imports_ != nullptr) worked |= import();
    }
    if (now_tsc >= upkeep_tsc_) {
      // Not the round's, which may be older than what import() made connections by.
      upkeep(*snapshot_.load(std::memory_order_acquire));
      upkeep_tsc_ = now_tsc + clock_.tsc_per_ms();
    }
    rte_rcu_qsbr_quiescent(qsbr_, index_);
    if (worked) {
      backoff_.worked();
    } else {
      idle(now_tsc);
    }
  }
  rte_rcu_qsbr_thread_offline(qsbr_, index_);
}

void Worker::idle(std::uint64_t now_tsc) {
  const std::uint32_t sleep_ns = backoff_.idle(now_tsc);
  if (sleep_ns == 0) {
    rte_pause();
    return;
  }
  rte_rcu_qsbr_thread_offline(qsbr_, index_);
  if (kernel_ready_ == 0) {
    kernel_ready_ = queues_.readiness->wait(sleep_ns);
  } else {  // packets that the device does not accept: those behind them must not wake the worker
    const timespec duration{0, static_cast<long>(sleep_ns)};
    nanosleep(&duration, nullptr);
  }
  rte_rcu_qsbr_thread_online(qsbr_, index_);
}

bool Worker::poll_wire(const Snapshot& snapshot) {
  bool any = false;
  for (const RxQueue& queue : queues_.wire_rx) {
    rte_mbuf* buffers[kBurst];
    const std::uint16_t received = rte_eth_rx_burst(queue.device, queue.queue, buffers, kBurst);
    if (received == 0) continue;
    any = true;
    counters_.bursts.add(1);
    const unsigned count = receive(buffers, received, queue.port);
    handle(count, snapshot);
    if (!pipeline_.released().empty()) [[unlikely]]
      handle_released(snapshot);
    if (!pipeline_.segments().empty()) [[unlikely]]
      send_probes(pipeline_.segments(), snapshot);
    flush();
  }
  return any;
}

// Fills packets_; returns how many there are.
unsigned Worker::receive(rte_mbuf* const* buffers, unsigned count, std::uint8_t port) {
  for (unsigned i = 0; i < count; ++i) rte_prefetch0(rte_pktmbuf_mtod(buffers[i], void*));
  unsigned kept = 0;
  std::uint64_t bytes = 0;
  for (unsigned i = 0; i < count; ++i) {
    rte_mbuf* buffer = buffers[i];
    bytes += buffer->pkt_len;
    if (buffer->nb_segs != 1 || (buffer->ol_flags & kUnusual) != 0) [[unlikely]] {
      buffer = fix(buffer);
      if (buffer == nullptr) continue;
    }
    describe(buffer, port, packets_[kept++]);
  }
  counters_.packets.add(count);
  counters_.bytes.add(bytes);
  return kept;
}

// An unusual buffer as one that the pipeline accepts; null: it was dropped.
rte_mbuf* Worker::fix(rte_mbuf* buffer) {
  const std::uint64_t flags = buffer->ol_flags;
  DropReason reason = DropReason::none;
  if (ip_checksum_bad(flags)) {
    reason = DropReason::bad_ip_checksum;
  } else if (l4_checksum_bad(flags)) {
    reason = DropReason::bad_l4_checksum;
  } else if (rte_pktmbuf_linearize(buffer) != 0) {
    reason = DropReason::segmented_buffer;
  } else if ((flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 && rte_vlan_insert(&buffer) != 0) {
    // AF_PACKET always delivers tags apart from the frame.
    reason = DropReason::no_buffer;
  }
  if (reason == DropReason::none) return buffer;
  drop(buffer, reason);
  return nullptr;
}

[[gnu::always_inline]] inline void Worker::to_wire(rte_mbuf* buffer, std::uint8_t port) {
  TxBuffer& out = wire_[port];
  if (out.full()) [[unlikely]]
    refused_ += out.flush_to_wire();
  out.add(buffer);
  touched_wire_ |= 1U << port;
}

void Worker::handle(unsigned count, const Snapshot& snapshot) {
  if (count == 0) return;
  const std::span<Packet> burst(packets_.data(), count);
  pipeline_.process(burst, snapshot, tick_);
  for (Packet& packet : burst) {
    if (packet.verdict == Verdict::kForward) [[likely]] {
      // A packet to be forwarded has its start moved by a VLAN tag more or less only.
      if (packet.len != buffer_of(packet)->data_len) write_back(packet);
      to_wire(buffer_of(packet), packet.egress);
      ++forwarded_;
    } else {
      dispatch(packet, snapshot);
    }
  }
}

// The first fragment of a datagram came after others: those go through the pipeline again.
void Worker::handle_released(const Snapshot& snapshot) {
  auto& released = pipeline_.released();
  for (std::size_t at = 0; at < released.size();) {
    flush();  // the buffers take one burst
    const unsigned count =
        static_cast<unsigned>(std::min<std::size_t>(kBurst, released.size() - at));
    std::uint64_t bytes = 0;
    for (unsigned i = 0; i < count; ++i) {
      auto* buffer = static_cast<rte_mbuf*>(released[at + i]);
      bytes += buffer->pkt_len;
      describe(buffer, static_cast<std::uint8_t>(buffer->port), packets_[i]);
    }
    counters_.packets.add(count);
    counters_.bytes.add(bytes);
    at += count;
    handle(count, snapshot);
  }
  released.clear();
}

void Worker::dispatch(Packet& packet, const Snapshot& snapshot) {
  switch (packet.verdict) {
    case Verdict::kForward:
      return;  // done by handle()
    case Verdict::kAnswer:
      write_back(packet);
      to_wire(buffer_of(packet), packet.egress);
      counters_.answered.add(1);
      return;
    case Verdict::kPunt:
    case Verdict::kLocal:
      to_kernel(packet, snapshot);
      return;
    case Verdict::kFragment:
      write_back(packet);
      send_fragments(packet);
      return;
    case Verdict::kHeld:
      // Where it came in, for describe(); DPDK's own number in there is of no use any more.
      buffer_of(packet)->port = packet.ingress;
      return;
    case Verdict::kDrop:
      rte_pktmbuf_free(buffer_of(packet));  // counted by the pipeline
      return;
  }
}

void Worker::to_kernel(const Packet& packet, const Snapshot& snapshot) {
  const std::uint8_t port = packet.ingress;
  const auto otherwise = packet.verdict == Verdict::kLocal ? PuntClass::local : PuntClass::other;
  const auto kind = punts_.admit({packet.data, packet.len}, port, snapshot, tick_, otherwise);
  if (!kind) {
    drop(buffer_of(packet), DropReason::punt_limited);
    return;
  }
  queues_.kernel[port]->add(buffer_of(packet), *kind < PuntClass::local);
  touched_kernel_ |= 1U << port;
}

void Worker::send_fragments(const Packet& packet) {
  rte_mbuf* whole = buffer_of(packet);
  std::array<rte_mbuf*, kMaxFragments> fragments;
  const unsigned count = fragment_packet(whole, packet.l3, packet.ip_len,
                                         queues_.mtu[packet.egress], pool_, fragments);
  if (count == 0) {
    drop(whole, DropReason::fragmentation_failed);
    return;
  }
  for (unsigned i = 0; i < count; ++i) to_wire(fragments[i], packet.egress);
  ++forwarded_;
  rte_pktmbuf_free(whole);
}

void Worker::flush() {
  for (std::uint32_t ports = touched_wire_; ports != 0; ports &= ports - 1) {
    refused_ += wire_[static_cast<unsigned>(std::countr_zero(ports))].flush_to_wire();
  }
  touched_wire_ = 0;
  for (std::uint32_t ports = touched_kernel_; ports != 0; ports &= ports - 1) {
    flush_to_kernel(static_cast<unsigned>(std::countr_zero(ports)));
  }
  touched_kernel_ = 0;
  counters_.forwarded.add(forwarded_ - std::min(forwarded_, refused_));
  for (unsigned i = 0; i < refused_; ++i) counters_.drop(DropReason::tx_failed);
  forwarded_ = 0;
  refused_ = 0;
}

void Worker::flush_to_kernel(unsigned port) {
  const KernelQueue::Flushed flushed = queues_.kernel[port]->flush();
  counters_.punted.add(flushed.sent);
  counters_.ports[port].kernel_rx_packets.add(flushed.sent);
  for (unsigned i = 0; i < flushed.refused; ++i) counters_.drop(DropReason::punt_failed);
}

bool Worker::poll_kernel(const Snapshot& snapshot, std::uint64_t now_tsc, bool wire_worked) {
  if (now_tsc >= kernel_tsc_) kernel_ready_ |= queues_.readiness->now();
  std::uint32_t left = 0;
  bool any = false;
  for (std::uint32_t ports = std::exchange(kernel_ready_, 0); ports != 0; ports &= ports - 1) {
    const auto port = static_cast<unsigned>(std::countr_zero(ports));
    any |= from_kernel(port, snapshot);
    if (from_kernel_[port].size() != 0 || queues_.kernel[port]->frames() != 0) left |= 1U << port;
  }
  kernel_ready_ = left;
  const std::uint64_t pause_us = any ? 0 : wire_worked ? kKernelPollBusyUs : kKernelPollUs;
  kernel_tsc_ = now_tsc + clock_.tsc_of_us(pause_us);
  return any;
}

// A burst or two at most, and none while the device is full: what the kernel has then waits in its
// own queue. False: nothing was sent.
bool Worker::from_kernel(unsigned port, const Snapshot& snapshot) {
  TxBuffer& out = from_kernel_[port];
  const unsigned before = out.size();
  if (before != 0) out.send_some();
  const unsigned waiting = out.size();
  if (waiting != 0) return waiting != before;
  const unsigned taken = take_from_kernel(*queues_.kernel[port], out, snapshot);
  counters_.ports[port].kernel_tx_packets.add(taken);
  if (taken == 0) return before != 0;
  out.send_some();
  return true;
}

unsigned Worker::take_from_kernel(KernelQueue& queue, TxBuffer& out, const Snapshot& snapshot) {
  unsigned taken = 0;
  while (taken < kBurst) {
    if (queue.frames() == 0) {
      if (!queue.read()) break;
      if (!queue.fits()) {
        counters_.drop(DropReason::segmented_buffer);
        queue.discard();
        continue;
      }
      punts_.note_sent(queue.packet(), snapshot, tick_);
    }
    rte_mbuf* buffers[kBurst];
    const unsigned count = queue.take({buffers, std::min(out.room(), kBurst)});
    for (unsigned i = 0; i < count; ++i) out.add(buffers[i]);
    taken += count;
    if (count == 0) {
      for (unsigned i = queue.frames(); i > 0; --i) counters_.drop(DropReason::no_buffer);
      queue.discard();
      break;
    }
  }
  return taken;
}

// As many slices as the time since the last ones asks for, after a sleep more than one. From their
// end on, so that packets have their share when much expires.
void Worker::expire(const Snapshot& snapshot, std::uint64_t now_tsc) {
  constexpr std::uint64_t kMostSlices = 32;
  const std::uint64_t slices = (now_tsc - expired_tsc_) / clock_.tsc_of_us(kExpireUs);
  for (std::uint64_t i = std::min(slices, kMostSlices); i > 0; --i) {
    pipeline_.expire(snapshot, tick_);
  }
  expired_tsc_ = rte_rdtsc();
}

// A few entries per slice of expiry: several million a second, and no packet waits long.
bool Worker::import() {
  constexpr std::size_t kMost = 4 * kBurst;
  Importer& importer = pipeline_.importer();
  for (std::size_t taken = 0; taken < kMost;) {
    // Before the queue is polled, which means that the batch is done.
    if (importer.sweeping()) {
      importer.sweep(*snapshot_.load(std::memory_order_acquire));
      return true;
    }
    const std::span<const SyncEntry> entries = imports_->next();
    if (entries.empty()) return taken != 0;
    // Only now: the round's snapshot may be older than the one that was published before these
    // entries were queued, and lack their services.
    const Snapshot& snapshot = *snapshot_.load(std::memory_order_acquire);
    const std::size_t now_taken = importer.import(entries, snapshot, tick_);
    imports_->taken(now_taken);
    taken += now_taken;
  }
  return true;
}

void Worker::upkeep(const Snapshot& snapshot) {
  pipeline_.maintain(snapshot, tick_, probes_, cookies_);
  for (void* cookie : cookies_) rte_pktmbuf_free(static_cast<rte_mbuf*>(cookie));
  cookies_.clear();
  if (probes_.empty()) return;
  send_probes(probes_, snapshot);
  flush();
}

void Worker::send_probes(std::vector<Probe>& probes, const Snapshot& snapshot) {
  for (const Probe& probe : probes) {
    const std::uint8_t port = probe.hop.port();
    rte_mbuf* buffer = rte_pktmbuf_alloc(pool_);
    if (buffer == nullptr) {
      counters_.drop(DropReason::no_buffer);
      continue;
    }
    auto* frame = rte_pktmbuf_mtod(buffer, std::uint8_t*);
    std::memset(frame, 0, kShortestFrame);
    const std::size_t length = write_segment_frame(frame, probe.tuple, probe.segment, probe.hop,
                                                   snapshot.ports[port].mac.data());
    rte_pktmbuf_append(buffer, static_cast<std::uint16_t>(std::max(length, kShortestFrame)));
    to_wire(buffer, port);
  }
  probes.clear();
}

void Worker::drop(rte_mbuf* buffer, DropReason reason) {
  counters_.drop(reason);
  rte_pktmbuf_free(buffer);
}

}  // namespace lb
