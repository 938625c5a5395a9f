// The pipeline of one worker: a burst in, a verdict per packet out. Free of DPDK: the lcore loop
// turns mbufs into Packets and verdicts into transmissions.
//
//   parse            every packet                                   packet/parse.h
//   find             data, TCP control: hash, prefetch, match       conn/table.h
//   forward          established TCP, UDP: the fast loop            pipeline.cc
//   side lists       misses, SYN/FIN/RST, servers that are down     new_conn.cc, server_down.cc
//                    fragments                                      fragments.cc
//                    ICMP errors                                    icmp_errors.cc
//   new connections  of clients that stay with their server            persist.cc
//   no connections   datagrams that go each on its own                 one_packet.cc
//   expire, maintain between bursts: ends of connections, walks     maintain.cc
//   flush            between bursts: connections that an operator ends  flush.cc
//   import           between bursts: what the HA peer tells         import.cc
//
// A worker's own object: nothing here is touched by two threads. What workers share (table,
// fragments, snapshot) is handed in.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/conn/table.h"
#include "dataplane/forward/flush.h"
#include "dataplane/forward/tcp_state.h"
#include "dataplane/forward/token_bucket.h"
#include "dataplane/packet/fragment_table.h"
#include "dataplane/packet/packet.h"
#include "dataplane/persist/table.h"
#include "dataplane/sched/scheduler.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"
#include "dataplane/sync/batch.h"
#include "dataplane/sync/change_log.h"

namespace lb {

// Asks a client whose server died for a segment, to which the answer is a reset with a sequence
// number it accepts.
struct Probe {
  FlowTuple tuple;  // from the VIP to the client
  ClientHop hop;
};

class Pipeline {
 public:
  // What the workers share; outlives the pipeline.
  struct Shared {
    ConnTable& table;
    FragmentTable& fragments;
    const Load& load;
    PersistTable& persist;
    FlushBoard& flush;
    Thresholds& thresholds;
  };
  // `log` is told of every connection that changes or ends; null: nobody wants to know.
  Pipeline(unsigned worker, unsigned workers, const Shared& shared, WorkerCounters& counters,
           ChangeLog* log = nullptr);

  // Decides every packet of the burst (at most kBurst): verdict, reason, egress; the bytes are
  // rewritten in place. `now` is the coarse tick. Drops decided here are counted here; what the
  // loop sends, punts or has to drop itself is the loop's to count.
  void process(std::span<Packet> burst, const Snapshot& snapshot, std::uint32_t now);

  // Fragments that process() let go because their first fragment came: cookies of kHeld packets, to
  // be handed in again as a burst. Cleared by the caller.
  std::vector<void*>& released() { return released_; }

  // Puts what the HA peer told into the table, in order; one worker does that. Takes at most kBurst
  // entries and returns how many it took: the others are to be handed in again. The end of a walk
  // is the last that it takes: until sweeping() is over, sweep() is to be called instead.
  std::size_t import(std::span<const SyncEntry> entries, const Snapshot& snapshot,
                     std::uint32_t now);
  bool sweeping() const { return sweeping_; }
  void sweep(const Snapshot& snapshot);  // a slice

  // Connections that lived too long, a small slice of the table per call; several ten thousand
  // calls a second keep up with millions of new connections.
  void expire(const Snapshot& snapshot, std::uint32_t now);

  // The walk after a server died, held fragments that waited too long (their cookies go to
  // `expired_cookies`, to be freed; counted here). A slice per call; about a thousand calls a
  // second are right. Probes to send are appended to `probes`, at most kBurst per call.
  void maintain(const Snapshot& snapshot, std::uint32_t now, std::vector<Probe>& probes,
                std::vector<void*>& expired_cookies);

 private:
  // What a packet is decided against: one burst's snapshot and time.
  struct View {
    const Snapshot& snapshot;
    std::uint32_t now;
    // Of the snapshot, and this worker's counters: by slot, by port index, by slot.
    const RealServerEntry* real_servers;
    const PortInfo* ports;
    RealServerCounters* counters;
  };

  // Where a packet that was looked at turned out to belong; kept for the later fragments of its
  // datagram.
  struct Owner {
    Record* record = nullptr;  // null: punted or dropped, see the verdict, or alone
    unsigned dir = 0;
    std::uint32_t alone = kNoSlot;  // of a service without connections: the real server's slot
  };

  // pipeline.cc
  void forward(Packet& packet, Record& record, unsigned dir, const View& view);
  void forward_later_fragment(Packet& packet, Record& record, unsigned dir, const View& view);
  template <bool kHasL4>
  void forward_as(Packet& packet, Record& record, unsigned dir, View view);
  template <bool kHasL4>
  void send_to_server(Packet& packet, Record& record, View view);
  template <bool kHasL4>
  void send_to_client(Packet& packet, Record& record, View view);
  bool pass_router_checks(Packet& packet, std::uint16_t mtu, const View& view);
  Owner side_path(Packet& packet, const View& view);
  void drop(Packet& packet, DropReason reason);
  void answer_or_drop(Packet& packet, DropReason reason, bool answered);
  bool may_answer(const View& view);

  // new_conn.cc
  bool may_be_told_of(std::uint32_t service_slot, const View& view);
  void expect_connections(std::span<const Packet> burst, std::span<const std::uint8_t> misses,
                          const View& view);
  Owner open_connection(Packet& packet, const View& view);
  Filter choice_of(const ServiceEntry& service, std::span<const std::uint32_t> without,
                   const View& view);
  void refuse(Packet& packet, const ServiceEntry& service, const View& view);
  DropReason create(const Packet& packet, std::uint32_t service_slot, std::uint32_t rs_slot,
                    const View& view, Hit& hit);
  DropReason create_counted(const Packet& packet, std::uint32_t service_slot, std::uint32_t rs_slot,
                            const View& view, Hit& hit);
  bool shed_half_open();

  // one_packet.cc
  static void describe(Record& record, const FlowTuple& from_client, std::uint32_t rs_slot,
                       const View& view);
  static std::uint32_t answerer(const FlowTuple& from_server, const View& view, Record& record);
  Owner send_alone(Packet& packet, std::uint32_t service_slot, const View& view);
  Owner answer_alone(Packet& packet, const View& view);
  void fragment_alone(Packet& packet, const FragmentDecision& first, const View& view);

  // persist.cc
  std::uint32_t choose_persistent(const Packet& packet, std::uint32_t service_slot,
                                  std::span<const std::uint32_t> tried, const View& view);
  void stay(const Packet& packet, std::uint32_t service_slot, std::uint32_t rs_slot,
            const View& view);
  void keep_persistent(const Snapshot& snapshot, std::uint32_t now);
  void sweep_persistent(std::uint32_t now);

  // connection state, with the counts that hang on it
  bool follow_tcp(Packet& packet, Record& record, unsigned dir, const View& view);
  void count_state(std::uint32_t rs_slot, ConnState from, ConnState to);
  void count_failed(Counter<std::uint64_t>& handshakes);
  bool end_connection(Record& record);

  // server_down.cc
  Owner server_down(Packet& packet, Record& record, unsigned dir, const View& view);
  void walk_after_server_down(const Snapshot& snapshot, std::vector<Probe>& probes);

  // flush.cc
  void flush_connections(const Snapshot& snapshot, std::vector<Probe>& probes);

  // import.cc
  void count_import(ImportOutcome outcome);
  static bool is_younger(const SyncEntry& entry, const Record& record, std::uint32_t rs_slot,
                         std::uint32_t now);
  ImportOutcome import_conn(const SyncEntry& entry, std::uint64_t hash, const Snapshot& snapshot,
                            std::uint32_t now);
  ImportOutcome import_end(const SyncEntry& entry, std::uint64_t hash, const Snapshot& snapshot);
  ImportOutcome import_persistence(const SyncEntry& entry, const Snapshot& snapshot,
                                   std::uint32_t now);
  void tell_back(const Record& record, const Snapshot& snapshot);
  void update_imported(Record& record, const SyncEntry& entry, const Snapshot& snapshot,
                       std::uint32_t now);

  // fragments.cc
  void fragment(Packet& packet, const View& view);

  // icmp_errors.cc
  void icmp_error(Packet& packet, const View& view);

  const unsigned worker_;
  ConnTable& table_;
  FragmentTable& fragments_;
  const Load& load_;
  PersistTable& persist_;
  FlushBoard& flush_;
  Thresholds& thresholds_;
  WorkerCounters& counters_;
  SchedulerState scheduler_;
  TokenBucket answers_;  // ICMP errors and resets of our own
  std::vector<void*> released_;
  std::uint64_t walked_epoch_ = 0;  // reset_epoch whose walk is over
  std::uint64_t walking_epoch_ = 0;
  std::size_t walk_cursor_ = 0;
  std::uint64_t takeovers_ = 0;    // of the last snapshot that was looked at
  std::uint32_t quiet_until_ = 0;  // after a takeover, see may_be_told_of()
  std::size_t keep_cursor_ = 0;    // a look at this worker's connections, for persistence
  std::uint32_t keep_began_ = 0;   // when the last one did
  std::uint32_t persist_cursor_ = 0;
  std::uint64_t flushed_job_ = 0;  // the last that this worker is through with
  std::size_t flush_cursor_ = 0;
  ChangeLog* const log_;
  std::uint8_t import_epoch_ = 1;  // of the peer's last whole walk
  std::vector<bool> walked_;       // by service slot: the peer's walk tells all of it
  bool sweeping_ = false;
  std::uint32_t sweep_cursor_ = 0;
  bool conns_swept_ = false;  // by the sweep that is under way
  std::uint32_t sweep_began_ = 0;
};

}  // namespace lb
