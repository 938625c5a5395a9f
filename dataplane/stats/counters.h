// Counters of one worker. Each is written by its worker alone and read by any thread at any time;
// sums over workers are the readers' work. Nothing here is shared between two writers, so an
// increment is a plain add on a line that the worker has in its own cache.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "config/base/cache_line.h"
#include "dataplane/stats/drop_reason.h"
#include "dataplane/stats/import_outcome.h"
#include "dataplane/stats/punt_class.h"
#include "dataplane/stats/shed_class.h"

namespace lb {

inline constexpr std::uint32_t kMaxServiceSlots = 16'384;
inline constexpr std::uint32_t kMaxRealServerSlots = 65'536;

// Single writer, any reader. Relaxed: a reader needs a value that was true a moment ago, and orders
// nothing by it.
template <typename T>
class Counter {
 public:
  void add(T n) { v_.store(v_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  T get() const { return v_.load(std::memory_order_relaxed); }
  void set(T n) { v_.store(n, std::memory_order_relaxed); }

 private:
  std::atomic<T> v_{0};
};

// One real server as seen by one worker: exactly one line, so that a packet touches one.
// active, total and half_open are deltas: a connection may be counted in by one worker and out by another,
// only the sum over workers means something (and is exact). total changes only when a connection
// begins or ends, so that a change of state does not make it look like one less for a moment.
struct alignas(kCacheLine) RealServerCounters {
  Counter<std::uint64_t> packets_in;
  Counter<std::uint64_t> bytes_in;
  Counter<std::uint64_t> packets_out;
  Counter<std::uint64_t> bytes_out;
  Counter<std::uint64_t> connections;
  Counter<std::int64_t> active;
  Counter<std::int64_t> total;
  Counter<std::int64_t> half_open;  // of those
};
static_assert(sizeof(RealServerCounters) == kCacheLine);

// TCP handshakes that failed, by real server: apart from the line that packets of established
// connections touch. Evidence for the health checks, not a verdict: docs/health.md says whose fault
// each may be.
struct HandshakeCounters {
  // SYNs sent to the server that had no answer, each counted once: when the client repeats it, or
  // when its connection ends by the time-out of SYN_SENT. In NAT mode the answer is the server's
  // SYN-ACK; in DR mode, which does not see that, the client's next segment.
  Counter<std::uint64_t> syn_unanswered;
  // NAT mode: connections that the server reset before its handshake was through.
  Counter<std::uint64_t> syn_refused;
};

// Packets for the kernel of one class.
struct PuntCounters {
  Counter<std::uint64_t> passed;   // within the limits of the class
  Counter<std::uint64_t> dropped;  // over them
};

struct PortCounters {
  Counter<std::uint64_t> kernel_rx_packets;
  Counter<std::uint64_t> kernel_tx_packets;
  std::array<PuntCounters, kPuntClasses> punts;
};

struct alignas(kCacheLine) WorkerCounters {
  Counter<std::uint64_t> polls;
  Counter<std::uint64_t> bursts;
  Counter<std::uint64_t> packets;
  Counter<std::uint64_t> bytes;
  Counter<std::uint64_t> busy_cycles;
  Counter<std::uint64_t> total_cycles;
  Counter<std::uint64_t> forwarded;
  Counter<std::uint64_t> punted;
  Counter<std::uint64_t> dropped;
  Counter<std::uint64_t>
      held;  // fragments waiting for their first, ever; they are received again when released
  Counter<std::uint64_t> answered;  // ICMP errors and resets sent in place of a dropped packet
  Counter<std::uint64_t> conns_created;
  Counter<std::uint64_t> conns_expired;
  std::array<Counter<std::uint64_t>, kShedClasses> shed;
  Counter<std::uint64_t> client_hops_kept;   // connections' hops that changed without room for them
  Counter<std::uint64_t> failed_handshakes;  // sum of all in `handshakes`: shows new failures
  std::array<Counter<std::uint64_t>, kDropReasons> drops;
  std::array<Counter<std::uint64_t>, kImportOutcomes> imports;
  std::array<PortCounters, 16> ports;
  // By real server slot.
  std::unique_ptr<RealServerCounters[]> real_servers;
  std::unique_ptr<HandshakeCounters[]> handshakes;
  // Connections in the table by service slot: a delta, as RealServerCounters::total.
  std::unique_ptr<Counter<std::int64_t>[]> service_connections;

  void make_slots(std::size_t rs_slots) {
    real_servers = std::make_unique<RealServerCounters[]>(rs_slots);
    handshakes = std::make_unique<HandshakeCounters[]>(rs_slots);
    service_connections = std::make_unique<Counter<std::int64_t>[]>(kMaxServiceSlots);
  }
  void drop(DropReason reason) {
    drops[static_cast<std::size_t>(reason)].add(1);
    dropped.add(1);
  }
};

}  // namespace lb
