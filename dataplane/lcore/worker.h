// The poll loop of one worker: from the wire through the pipeline to the wire or the kernel, and
// from the kernel to the wire. The only place where packet buffers are freed or sent.
//
//   run -> poll_wire -> receive -> handle (Pipeline::process) -> dispatch -> flush
//       -> poll_kernel
//       -> expire (Pipeline::expire), every 20 microseconds
//       -> import (Importer::import), as often: what the HA peer sent
//       -> upkeep (Pipeline::maintain), once a millisecond
//       -> idle, when nothing came
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/forward/pipeline.h"
#include "dataplane/forward/punt_gate.h"
#include "dataplane/lcore/backoff.h"
#include "dataplane/lcore/clock.h"
#include "dataplane/lcore/ports.h"
#include "dataplane/lcore/tx_buffer.h"
#include "dataplane/sync/import_queue.h"

struct rte_rcu_qsbr;

namespace lb {

// What a worker is given; everything behind references and pointers outlives it.
struct WorkerSetup {
  unsigned index = 0;
  unsigned workers = 1;
  WorkerQueues queues;
  rte_mempool* pool = nullptr;
  const Pipeline::Shared& shared;
  WorkerCounters& counters;
  const std::atomic<const Snapshot*>& snapshot;
  rte_rcu_qsbr* qsbr = nullptr;
  TickClock clock;
  bool sleeps_when_idle = true;
  PuntLimits punt_limits;
  OwnFlows& own_flows;
  ChangeLog* log = nullptr;        // null: no HA peer
  ImportQueue* imports = nullptr;  // null: none, or another worker's
};

class Worker {
 public:
  explicit Worker(const WorkerSetup& setup);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // On the worker's own thread, until stop(). The worker must be registered with the QSBR.
  void run();
  // Any thread.
  void stop() { stop_.store(true, std::memory_order_relaxed); }

 private:
  bool poll_wire(const Snapshot& snapshot);
  bool poll_kernel(const Snapshot& snapshot, std::uint64_t now_tsc, bool wire_worked);
  bool from_kernel(unsigned port, const Snapshot& snapshot);
  unsigned take_from_kernel(KernelQueue& queue, TxBuffer& out, const Snapshot& snapshot);
  void expire(const Snapshot& snapshot, std::uint64_t now_tsc);
  bool import();
  void upkeep(const Snapshot& snapshot);
  void idle(std::uint64_t now_tsc);

  unsigned receive(rte_mbuf* const* buffers, unsigned count, std::uint8_t port);
  rte_mbuf* fix(rte_mbuf* buffer);
  void handle(unsigned count, const Snapshot& snapshot);
  void handle_released(const Snapshot& snapshot);
  void dispatch(Packet& packet, const Snapshot& snapshot);
  void to_wire(rte_mbuf* buffer, std::uint8_t port);
  void to_kernel(const Packet& packet, const Snapshot& snapshot);
  void send_fragments(const Packet& packet);
  void send_probes(std::vector<Probe>& probes, const Snapshot& snapshot);
  void flush();
  void flush_to_kernel(unsigned port);
  void drop(rte_mbuf* buffer, DropReason reason);

  const unsigned index_;
  const WorkerQueues queues_;
  rte_mempool* const pool_;
  WorkerCounters& counters_;
  const std::atomic<const Snapshot*>& snapshot_;
  rte_rcu_qsbr* const qsbr_;
  const TickClock clock_;
  ImportQueue* const imports_;
  std::atomic<bool> stop_{false};

  Pipeline pipeline_;
  PuntGate punts_;
  Backoff backoff_;
  std::uint32_t tick_ = 0;
  std::uint64_t tick_end_tsc_ = 0;
  std::uint64_t upkeep_tsc_ = 0;
  std::uint64_t kernel_tsc_ = 0;  // when the kernel is asked for packets again
  std::uint64_t expired_tsc_ = 0;

  std::uint32_t touched_wire_ = 0;  // bit per port: its buffer is not empty
  std::uint32_t touched_kernel_ = 0;
  unsigned refused_ = 0;    // by the wire since the burst began
  unsigned forwarded_ = 0;  // since the burst began
  std::array<TxBuffer, kMaxPorts> wire_;
  std::uint32_t kernel_ready_ = 0;  // bit per port: there are, or may be, packets of the kernel
  // Towards the wire too, but from the kernel, which waits while the device is full.
  std::array<TxBuffer, kMaxPorts> from_kernel_;
  std::array<Packet, kBurst> packets_;

  std::vector<Probe> probes_;
  std::vector<void*> cookies_;
};

}  // namespace lb
