// The pipeline of one worker: a burst in, a verdict per packet out. Free of DPDK: the lcore loop
// turns mbufs into Packets and verdicts into transmissions.
//
//   parse             every packet                                    packet/parse.h
//   find              data, TCP control: hash, prefetch, match        conn/table.h
//   forward           established TCP, UDP: the fast loop             pipeline.cc
//   side lists        misses: new connections                         new_conn.cc
//                       by which path to the real server              path.h
//                       of clients that stay with their server        persist.cc
//                       datagrams without connections                 one_packet.cc
//                     SYN, FIN, RST                                   connections.h, tcp_state.h
//                     SYNs answered with cookies, what follows        syn_proxy.cc
//                     servers that are down                           server_down.cc
//                     fragments                                       fragments.cc
//                     ICMP errors                                     icmp_errors.cc
//                     room in a full table                            shedder.h, table_shares.h
//                     in whose name a packet may come in              ingress.cc
//   between bursts    expiry                                          connections.h
//                     connections whose server went down              server_down.h
//                     connections that an operator ends               flush_walk.h
//                     clients that stay with their server             persistence_keeper.h
//                     what the HA peer sends                          import.h
//                     hops that no connection has                     hop_keeper.h
//
// A worker's own object: nothing here is touched by two threads. What workers share (table,
// fragments, snapshot) is passed in.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/conn/table.h"
#include "dataplane/forward/connections.h"
#include "dataplane/forward/flush_walk.h"
#include "dataplane/forward/hop_keeper.h"
#include "dataplane/forward/import.h"
#include "dataplane/forward/path.h"
#include "dataplane/forward/persistence_keeper.h"
#include "dataplane/forward/server_down.h"
#include "dataplane/forward/token_bucket.h"
#include "dataplane/packet/fragment_table.h"
#include "dataplane/packet/packet.h"
#include "dataplane/persist/table.h"
#include "dataplane/sched/scheduler.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/service/syn_secrets.h"
#include "dataplane/stats/counters.h"
#include "dataplane/sync/change_log.h"

namespace lb {

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
    const std::atomic<std::uint32_t>& down_ports;  // bit per port: it has no link
    const SynSecrets& syn_secrets;
  };
  // `log` gets every connection that changes or ends; null: there is no HA peer.
  Pipeline(unsigned worker, unsigned workers, const Shared& shared, WorkerCounters& counters,
           ChangeLog* log = nullptr);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Decides every packet of the burst (at most kBurst): verdict, reason, egress; the bytes are
  // rewritten in place. `now` is the coarse tick. Drops decided here are counted here; what the
  // loop sends, punts or has to drop itself is the loop's to count.
  void process(std::span<Packet> burst, const Snapshot& snapshot, std::uint32_t now);

  // Fragments that process() let go because their first fragment came: cookies of kHeld packets, to
  // be handed in again as a burst. Cleared by the caller.
  std::vector<void*>& released() { return released_; }

  // Segments of our own that go with the burst: at most one per packet. To be sent after each process();
  // cleared by the caller.
  std::vector<Probe>& segments() { return segments_; }

  // For the one worker that puts what the HA peer sends into the tables.
  Importer& importer() { return importer_; }

  // Connections whose time is over, a small slice of the table per call; several ten thousand
  // calls a second keep up with millions of new connections.
  void expire(const Snapshot& snapshot, std::uint32_t now) { conns_.expire(snapshot, now); }

  // The other walks, and held fragments that waited too long (their cookies go to
  // `expired_cookies`, to be freed; counted here). A slice per call; about a thousand calls a
  // second are right. Probes to send are appended to `probes`, at most two bursts per call.
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
    const std::atomic<std::uint64_t>* hops;  // to clients, by index
  };

  // Whose packet a packet is; the later fragments of its datagram follow it. Neither a connection's
  // nor stateless: punted or dropped, see the verdict.
  struct Owner {
    Record* record = nullptr;
    unsigned dir = 0;
    std::uint32_t stateless_rs = kNoSlot;  // of a service without connections: the real server's
  };

  // Where packets from a real server to a client go.
  struct Reply {
    std::uint32_t rs = 0;   // slot
    FlowTuple from_client;  // of the answered packet, as sent to the VIP
    ClientHop client_hop;
  };

  // pipeline.cc
  void forward(Packet& packet, Record& record, unsigned dir, const View& view);
  bool is_steady(const Packet& packet, const Hit& hit, const View& view);
  bool follow_steady(const Packet& packet, Record& record, unsigned dir, const View& view);
  void forward_in_clients_name(Packet& packet, const Record& record, const View& view);
  void forward_later_fragment(Packet& packet, Record& record, unsigned dir, const View& view);
  void forward_stateless(Packet& packet, std::uint32_t rs_slot, const Path& path, const View& view);
  void reply_stateless(Packet& packet, const Reply& reply, const View& view);
  template <bool kHasL4, bool kTouch>
  void forward_as(Packet& packet, Record& record, unsigned dir, View view);
  template <bool kHasL4, typename Flow>
  void send_to_server(Packet& packet, const Flow& flow, const NextHop& hop,
                      RealServerCounters& count, View view);
  template <bool kHasL4, typename Flow>
  void send_to_client(Packet& packet, const Flow& flow, ClientHop hop, RealServerCounters& count,
                      View view);
  bool pass_router_checks(Packet& packet, std::uint16_t mtu, const View& view);
  Owner side_path(Packet& packet, const View& view);
  void deliver_without_hop(Packet& packet, const NextHop& hop, RealServerCounters& count,
                           const Snapshot& snapshot);
  void drop(Packet& packet, DropReason reason);
  void punt(Packet& packet, const Snapshot& snapshot);
  void answer_or_drop(Packet& packet, DropReason reason, bool answered);
  bool may_answer(const View& view);

  // ingress.cc
  static bool is_from_server(const Packet& packet, const RealServerEntry& server,
                             const Snapshot& snapshot);
  static DropReason source_refusal(const Packet& packet, const Snapshot& snapshot);
  bool pass_source(Packet& packet, const Snapshot& snapshot);
  DropReason ingress_fault(const Packet& packet, const Hit& hit, const Snapshot& snapshot) const;
  bool pass_ingress(Packet& packet, const Hit& hit, const Snapshot& snapshot);
  bool may_move(Be32 client, ClientHop from, ClientHop to, const Snapshot& snapshot) const;
  bool follow_client(Packet& packet, Record& record, ClientHop hop, const Snapshot& snapshot);
  bool follow_return_path(const Packet& packet, const View& view);

  // new_conn.cc
  bool may_be_synchronized_soon(std::uint32_t service_slot, const View& view);
  void expect_connections(std::span<const Packet> burst, std::span<const std::uint8_t> misses,
                          const View& view);
  Owner open_connection(Packet& packet, const View& view);
  // Whether its client may open a connection; else the packet was dropped.
  [[gnu::always_inline]] bool pass_gate(Packet& packet, const ServiceEntry& service,
                                        const View& view) {
    if (service.gate == nullptr) [[likely]]
      return true;
    const DropReason refused = service.gate->admit(packet.tuple.src, view.now, worker_);
    if (refused == DropReason::none) return true;
    drop(packet, refused);
    return false;
  }
  Filter choice_of(const ServiceEntry& service, std::span<const std::uint32_t> without,
                   const View& view);
  // A packet that opens a connection.
  struct Opening {
    Packet& packet;
    std::uint32_t service_slot = 0;
    const ProxiedClient* proxied = nullptr;  // of one that a SYN proxy opens
  };
  void refuse(const Opening& opening, const View& view);
  Hit open(const Opening& opening, const View& view);
  DropReason create(const Opening& opening, std::uint32_t rs_slot, const View& view, Hit& hit);
  DropReason create_counted(const Opening& opening, std::uint32_t rs_slot, const View& view,
                            Hit& hit);

  // syn_proxy.cc
  void answer_syn(Packet& packet, std::uint32_t service_slot, const View& view);
  bool finds_server(const ServiceEntry& service, const View& view) const;
  std::optional<ProxiedClient> prove(const Packet& packet) const;
  Owner open_proxied(Packet& packet, std::uint32_t service_slot, const View& view);
  Owner proxied(Packet& packet, Record& record, unsigned dir, const View& view);
  Owner pending_client(Packet& packet, Record& record, const View& view);
  Owner pending_server(Packet& packet, Record& record, const View& view);
  void refuse_timestamps(Packet& packet, Record& record, const View& view);

  // one_packet.cc
  Owner send_without_connection(Packet& packet, std::uint32_t service_slot, const View& view);
  Owner reply_or_punt(Packet& packet, const View& view);
  static std::optional<Reply> find_reply(const FlowTuple& from_server, const View& view);

  // persist.cc
  std::uint32_t choose_persistent(const Packet& packet, std::uint32_t service_slot,
                                  std::span<const std::uint32_t> tried, const View& view);
  void stay(const Packet& packet, std::uint32_t service_slot, std::uint32_t rs_slot,
            const View& view);

  // server_down.cc
  Owner server_down(Packet& packet, Record& record, unsigned dir, const View& view);

  // fragments.cc
  void fragment(Packet& packet, const View& view);
  FragmentDecision decision_of(const Packet& packet, const Owner& owner, const View& view) const;
  void follow(Packet& packet, const fragment::ToKernel& first, const View& view);
  void follow(Packet& packet, const fragment::Dropped& first, const View& view);
  void follow(Packet& packet, const fragment::OfConnection& first, const View& view);
  void follow(Packet& packet, const fragment::Stateless& first, const View& view);

  // icmp_errors.cc
  void icmp_error(Packet& packet, const View& view);
  void icmp_error_to_server(Packet& packet, const IcmpQuote& quote, const Record& record,
                            const View& view);
  void icmp_error_to_client(Packet& packet, const IcmpQuote& quote, const Reply& reply,
                            const View& view);

  const unsigned worker_;
  ConnTable& table_;
  FragmentTable& fragments_;
  const Load& load_;
  PersistTable& persist_;
  Thresholds& thresholds_;
  const std::atomic<std::uint32_t>& down_ports_;
  WorkerCounters& counters_;
  Connections conns_;
  SchedulerState scheduler_;
  TokenBucket answers_;  // ICMP errors and resets of our own
  const SynSecrets& syn_secrets_;
  std::vector<void*> released_;
  std::vector<Probe> segments_;
  std::uint64_t takeovers_ = 0;    // of the last snapshot seen
  std::uint32_t quiet_until_ = 0;  // after a takeover, see may_be_synchronized_soon()
  ServerDownWalk server_down_walk_;
  FlushWalk flush_walk_;
  PersistenceKeeper persistence_keeper_;
  HopKeeper hop_keeper_;
  Importer importer_;
};

}  // namespace lb
