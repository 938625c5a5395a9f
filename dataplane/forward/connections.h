// The table's connections as one worker makes, follows and ends them. Every change of a
// connection's state goes through here, so that the counts and the change log always agree with
// the table.
//
// A worker's own object, held by its pipeline and used by its thread alone. The records are shared:
// another worker may change the same one at the same moment, and one of them wins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/conn/table.h"
#include "dataplane/forward/shedder.h"
#include "dataplane/forward/table_shares.h"
#include "dataplane/packet/own_segment.h"
#include "dataplane/packet/tcp_segment.h"
#include "dataplane/sched/load.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"
#include "dataplane/sync/change_log.h"

namespace lb {

// A segment of the director's own. By default it asks a client for one with its numbers: whether it has
// the connection still, or where a reset is acceptable for it. Others are a SYN proxy's.
struct Probe {
  FlowTuple tuple;  // from the VIP to the client, unless a SYN proxy repeats its SYN to a server
  ClientHop hop;
  OwnSegment segment = {};
};

// Written only when the tick changed: the record's line stays clean for the other worker meanwhile.
inline void touch(Record& record, std::uint32_t now) {
  if (record.last_seen.load(std::memory_order_relaxed) != now) {
    record.last_seen.store(now, std::memory_order_relaxed);
  }
}

inline bool is_over(const Record& record) {
  const ConnState state = record.state.load(std::memory_order_relaxed);
  return state == ConnState::kTimeWait || state == ConnState::kClosed;
}

class Connections {
 public:
  // All of them outlive this object. `log` null: there is no HA peer.
  Connections(unsigned worker, ConnTable& table, const Load& load, WorkerCounters& counters,
              ChangeLog* log)
      : worker_(worker),
        table_(table),
        counters_(counters),
        log_(log),
        shares_(table, load),
        shedder_(worker, load.workers(), table, shares_) {}

  // Whether a new connection of the service may be made now: there is a place for it, or another
  // connection ended to give it one.
  bool has_room(std::uint32_t service, const Snapshot& snapshot, std::uint32_t now) {
    return shares_.admits(service, snapshot) || make_room(service, now);
  }
  // Ends a connection so that one of the service gets its place; false: none that may go was found.
  bool make_room(std::uint32_t service, std::uint32_t now);
  // A slice of the upkeep of the table's shares.
  void survey(const Snapshot& snapshot) { shares_.survey(snapshot); }

  // As ConnTable's; a new connection is counted at its service and its real server.
  ConnTable::Created create(const NewConn& conn, std::uint64_t hash, ConnState state,
                            std::uint32_t last_seen, std::uint32_t deadline) {
    const ConnTable::Created created =
        table_.create(worker_, conn, hash, state, last_seen, deadline);
    if (!created.is_new) return created;
    count_state(conn.rs, ConnState::kNone, state);
    counters_.service_connections[conn.service].add(1);
    return created;
  }
  // False: another worker ended it first.
  bool end(Record& record);
  // Ends one that is over, and that nothing but its last segments may still come of. False: it may go
  // on.
  bool end_if_over(Record& record);
  // False: the state was not `from` any more.
  bool change_state(Record& record, ConnState from, ConnState to) {
    if (!ConnTable::change_state(record, from, to)) return false;
    count_state(record.rs, from, to);
    return true;
  }
  // The real server has answered the SYN of a proxied connection, whose client is through with its
  // handshake: the next numbers of both. False: the connection is not in SYN_SENT any more.
  bool establish_proxied(Record& record, std::uint32_t client_seq, std::uint32_t server_seq);
  enum class Followed : std::uint8_t {
    kOn,     // the connection's, as far as is known
    kStray,  // the connection is over, and the segment proves no more than that someone sent it
    kNew,    // opens a new connection on the ports of one that is over, which was ended
  };
  // Follows a datagram.
  void follow_udp(Record& record, unsigned dir) {
    // DR mode sees no server: a second datagram of the client has to do.
    if (dir == 0 && record.keys == 2) return;
    if (change_state(record, ConnState::kUdpUnanswered, ConnState::kUdp)) log_change(record);
  }
  // Follows a segment.
  Followed follow_tcp(const TcpSegment& segment, Record& record, unsigned dir,
                      const Snapshot& snapshot, std::uint32_t now);
  // Ends a slice of the connections whose time is over. One that a reset has ended may live on
  // (tcp_state.h): in the middle of its time its client is to be asked, see take_probes().
  void expire(const Snapshot& snapshot, std::uint32_t now);
  // When the SYN of a proxied connection that was made at `now` is repeated first.
  static std::uint32_t first_repeat(std::uint32_t now);
  // Moves the probes that have become due to the end of `probes`, at most kBurst per call.
  void take_probes(std::vector<Probe>& probes) {
    probes.insert(probes.end(), probes_.begin(), probes_.end());
    probes_.clear();
  }
  // The connection as it is now is to be sent to the HA peer.
  void log_change(const Record& record) {
    if (log_ != nullptr) log_->changed(table_.handle_of(record));
  }

  ClientHop client_hop(const Record& record) const {
    return table_.hops().at(record.client_hop.load(std::memory_order_acquire));
  }
  Probe probe_for(const Record& record) const {
    return {record.tuple[0].reversed(), client_hop(record), {}};
  }

  // As ConnTable's.
  void set_deadline(const Record& record, std::uint32_t deadline) {
    table_.set_deadline(record, deadline);
  }
  template <typename Visit>
  std::size_t walk(std::size_t cursor, std::size_t budget, Visit&& visit) {
    return table_.walk(worker_, cursor, budget, std::forward<Visit>(visit));
  }

 private:
  void count_state(std::uint32_t rs_slot, ConnState from, ConnState to) {
    RealServerCounters& count = counters_.real_servers[rs_slot];
    const auto lives = [](ConnState s) { return s != ConnState::kNone && s != ConnState::kDead; };
    if (lives(from) != lives(to)) count.total.add(lives(to) ? 1 : -1);
    if (is_active(from) != is_active(to)) count.active.add(is_active(to) ? 1 : -1);
    if (is_half_open(from) != is_half_open(to)) count.half_open.add(is_half_open(to) ? 1 : -1);
  }
  void count_ended(const Record& record, ConnState last) {
    count_state(record.rs, last, ConnState::kDead);
    counters_.service_connections[record.service].add(-1);
    counters_.conns_expired.add(1);
  }
  // A new connection in the same record.
  void count_replaced(std::uint32_t rs_slot);
  void count_failed(Counter<std::uint64_t>& handshakes);
  void give_up(const Record& record);
  void repeat_syn(const Record& record, const Snapshot& snapshot, std::uint32_t now);

  const unsigned worker_;
  ConnTable& table_;
  WorkerCounters& counters_;
  ChangeLog* const log_;
  TableShares shares_;
  Shedder shedder_;
  std::vector<Probe> probes_;
};

}  // namespace lb
