// What the workers forward by: immutable once published. The control thread builds a new one for
// every change, swaps the pointer, and frees the old one after a grace period. A worker reads the
// pointer once per burst.
//
// Services and real servers have slots: small numbers that stay theirs as long as they are
// configured or connections refer to them. Records and counters name them by slot. The vectors
// never get shorter from one snapshot to the next, so a slot once given out is always a valid
// index.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/base/cache_line.h"
#include "config/base/net.h"
#include "config/base/service_enums.h"
#include "dataplane/api/snapshot_spec.h"
#include "dataplane/conn/record.h"
#include "dataplane/packet/flow.h"
#include "dataplane/packet/hop.h"
#include "dataplane/service/gate.h"
#include "dataplane/service/port_ranges.h"
#include "dataplane/service/return_paths.h"
#include "dataplane/service/source_routes.h"
#include "dataplane/service/syn_proxy.h"
#include "dataplane/stats/counters.h"

namespace lb {

inline constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};
inline constexpr unsigned kMaxPorts = 16;

// By slot. One line, read for every packet of the server's connections in both directions.
struct alignas(kCacheLine) RealServerEntry {
  NextHop next_hop;
  Be32 address;
  Be16 port;  // 0: the one that the client asked for
  std::uint16_t weight = 0;
  std::uint32_t service = kNoSlot;  // service slot; kNoSlot: this slot is free
  // Upper and lower threshold: left out of the choice from max until it is down to resume.
  std::uint32_t max_connections = 0;  // 0: none
  std::uint32_t resume_connections = 0;
  Place place = Place::none();  // of next_hop: where its packets come from; none: not resolved
  Mode mode = Mode::kNat;       // of new connections
  bool up = false;              // new connections may go to it
  bool down = false;            // by its health check, or removed; not one that only drains
  bool removed = false;         // no longer configured; up is false too
  // Connections to it are to be reset: on_server_down = reset and it is down or removed, or an
  // operator ends them; and this director is master of the VIP.
  bool reset = false;

  // Where a connection goes whose client asked for `asked`.
  Be16 port_for(Be16 asked) const { return port.raw != 0 ? port : asked; }
};
static_assert(sizeof(RealServerEntry) == kCacheLine);

// How a service's clients stay with their real servers (dataplane/persist).
struct Persistence {
  std::uint32_t ticks = 0;  // 0: they do not
  std::uint32_t scope = 0;  // number of the service, or of its group; never given to another one
  std::uint8_t prefix = 32;
  std::uint32_t mask = 0;  // of the prefix, in network order
  std::string group;       // empty: none
  // All configured slots by address, then in the order of the file.
  std::vector<std::uint32_t> by_address;
  // In a group: the addresses (raw) of all its services' real servers, sorted.
  std::shared_ptr<const std::vector<std::uint32_t>> group_addresses;

  Be32 client(Be32 address) const { return Be32{address.raw & mask}; }
};

// By slot.
struct ServiceEntry {
  std::string name;
  Be32 address;  // of several the first, with the first of its ports
  Be16 port;
  std::uint8_t proto = 0;  // 0: the slot is free
  Mode mode = Mode::kNat;
  Scheduler scheduler = Scheduler::kWrr;
  OnServerDown on_server_down = OnServerDown::kReset;
  bool configured = false;            // false: the slot is free, or kept only for old connections
  bool sync = true;                   // its connections are synchronized to the HA peer
  bool standby = false;               // another director is master of its VIP
  bool limited = false;               // a real server has max_connections
  bool local = false;                 // new connections go to the director's own kernel
  bool one_packet = false;            // of UDP: each datagram goes on its own, without a connection
  std::uint32_t table_share_ppm = 0;  // of the connection table, kept for its connections
  // Null: whoever comes may open connections, as many as they like.
  std::shared_ptr<const Gate> gate;
  // Null: SYNs go to the real servers.
  std::shared_ptr<const SynProxy> syn_proxy;
  std::uint16_t mtu = 0;  // the smallest towards its real servers; 0: none is resolved
  // All addresses and ports, when there are several; else empty.
  std::vector<Ipv4EndpointRange> addresses;
  std::vector<std::uint32_t> real_servers;  // all configured slots, in the order of the file
  std::vector<std::uint32_t> candidates;    // up and weight > 0, in the order of `sequence` for sh,
                                            // dh and mh, else of the file
  std::vector<std::uint16_t> weights;       // of the candidates
  // rr, wrr: the slots in the order to pick them, interleaved by weight. sh, dh, mh: all
  // configured slots, whether up or not, by address and port.
  std::vector<std::uint32_t> sequence;
  std::vector<std::uint16_t> sequence_weights;  // of sh, dh, mh: 0 for those that are no candidates
  std::uint16_t heaviest = 0;  // of sh, dh, mh: the greatest weight, be it up or not
  // mh: indexes of candidates; null while there are none. Shared with the snapshot before as long
  // as nothing changed: tables are large.
  std::shared_ptr<const std::vector<std::uint16_t>> maglev;
  Persistence persistence;

  // Whichever way it is kept; the first is a service's identity.
  Ipv4EndpointRange first_address() const {
    if (!addresses.empty()) return addresses.front();
    return {Ipv4Address{address}, port.host(), port.host()};
  }

  // The SYN proxy of new connections, or null: the kernel answers SYNs itself, and knows its own cookies.
  const SynProxy* cookies() const {
    return syn_proxy != nullptr && !local ? syn_proxy.get() : nullptr;
  }
  // Whether answers are translated that belong to no connection.
  bool is_stateless_nat() const { return one_packet && mode == Mode::kNat; }
  // Whether changes of its connections are sent to the HA peer, whose state does not override ours.
  bool exported() const { return sync && !standby; }
};

// Which packets may come in by a port. As it is without a configured policy: every VLAN, every
// source.
struct IngressPolicy {
  std::optional<std::bitset<4096>> vlans;
  AntiSpoof anti_spoof = AntiSpoof::kOff;
  bool clients_from_other_ports = false;

  // Whether a packet with this tag may come in; 0: untagged, or a priority alone.
  bool has_vlan(std::uint16_t vlan) const { return vlan == 0 || !vlans || vlans->test(vlan); }
};

struct PortInfo {
  std::string name;
  std::array<std::uint8_t, 6> mac{};
  std::uint16_t mtu = 1500;
  struct Address {
    std::uint16_t vlan = 0;
    Be32 address;
  };
  std::vector<Address> addresses;
  // The director's own address for answers to packets that came in on `vlan`; 0.0.0.0: none.
  Be32 address_on(std::uint16_t vlan) const;
};

struct Snapshot {
  std::uint64_t generation = 0;
  std::vector<ServiceEntry> services;
  std::vector<RealServerEntry> real_servers;
  std::vector<PortInfo> ports;  // by port index
  // Likewise; there is one for any index, whatever the ports are.
  std::array<IngressPolicy, kMaxPorts> policies;
  std::shared_ptr<ClientBuckets> clients;  // of the services' gates; null: none limits clients
  // Likewise, for the next build: what is in it need not be compiled again. Not for workers.
  std::map<SharedAccessList, std::shared_ptr<const AccessList>> access_lists;
  TimeoutTicks timeout_ticks{};  // of the services without own ones
  // The others'. By service slot: 1 + the index of its own, 0: none. Empty when no service has any.
  std::vector<TimeoutTicks> own_timeouts;
  std::vector<std::uint16_t> own_timeouts_of;
  // Goes up whenever a real server newly has `reset` set; workers then walk their connections once.
  std::uint64_t reset_epoch = 0;
  // Goes up whenever this director becomes master of a service.
  std::uint64_t takeovers = 0;
  bool any_persistence = false;
  bool any_syn_proxy = false;
  std::uint32_t table_share_ppm = 0;  // sum of the services'
  std::uint32_t scopes = 0;           // the last number that was given to a Persistence

  // Open addressing with linear probing over the single ports of the configured services, at most
  // half full. The key
  // lies in the entry, so that a lookup reads one line as a rule. Built by build_index().
  struct IndexEntry {
    std::uint64_t key = 0;
    std::uint32_t slot = kNoSlot;  // kNoSlot: empty
  };
  std::vector<IndexEntry> index;  // a power of two of them, or none
  PortRanges ranges;              // searched for what is not in `index`
  // The same over all real servers, removed ones too: for connections from the HA peer.
  std::vector<IndexEntry> real_server_index;
  // The real servers of the services that translate alone, by address and port.
  std::vector<IndexEntry> reply_server_index;
  std::shared_ptr<ReturnPaths> return_paths;  // of the same services; null: there are none
  std::vector<Be32> own_addresses;            // of the director, sorted by the raw word
  std::vector<Be32> held_addresses;           // that nobody outside can have now
  // The own ones and all VIPs, sorted likewise. Built by build_index().
  std::vector<Be32> local_addresses;
  // The held ones and the VIPs of services that are no standby.
  std::vector<IndexEntry> held_index;
  // By address: a real server that is configured and resolved; all of an address have one place.
  std::vector<IndexEntry> server_index;
  SourceRoutes source_routes;

  // Looked at when connections are made, change their state or may expire; never for a packet of a
  // steady connection.
  Timeouts timeouts() const {
    Timeouts all(timeout_ticks.data());
    if (own_timeouts_of.empty()) return all;
    all.own_of = own_timeouts_of.data();
    all.own = own_timeouts.data();
    return all;
  }

  // Null: the service has none of its own.
  const TimeoutTicks* own_timeouts_at(std::uint32_t service_slot) const {
    if (own_timeouts_of.empty() || own_timeouts_of[service_slot] == 0) return nullptr;
    return &own_timeouts[own_timeouts_of[service_slot] - 1U];
  }

  void build_index();
  // Slot of the configured service, or kNoSlot. For any worker. A single port is found in `index`
  // whatever ranges there are.
  std::uint32_t find_service(Be32 address, Be16 port, std::uint8_t proto) const {
    const std::uint32_t slot = look_up(index, service_key(address, port, proto));
    if (slot != kNoSlot || ranges.empty()) [[likely]]
      return slot;
    return ranges.find(address, port, proto, kNoSlot);
  }
  // Slot of the real server of the service in this slot that has the port, else of the one that has
  // all, or kNoSlot.
  std::uint32_t find_real_server(std::uint32_t service, Be32 address, Be16 port) const {
    const std::uint32_t slot = look_up(real_server_index, real_server_key(service, address, port));
    if (slot != kNoSlot) return slot;
    return look_up(real_server_index, real_server_key(service, address, Be16{}));
  }
  // Slot of the real server whose answers of no connection come from here, or kNoSlot.
  std::uint32_t find_reply_server(Be32 address, Be16 port) const {
    return look_up(reply_server_index, service_key(address, port, kProtoUdp));
  }
  bool is_own(Be32 address) const {
    return std::ranges::binary_search(own_addresses, address.raw, {}, &Be32::raw);
  }
  bool is_local(Be32 address) const {
    return std::ranges::binary_search(local_addresses, address.raw, {}, &Be32::raw);
  }
  // Slot of a real server with this address whose place is known, or kNoSlot.
  std::uint32_t find_server(Be32 address) const { return look_up(server_index, address.raw); }
  // Whether no packet from outside can honestly come from this address.
  bool is_held(Be32 address) const { return look_up(held_index, address.raw) != kNoSlot; }
  // An address and port that find_service() leads from to this service: how two directors name it
  // to each other. None when others have all its ports.
  std::optional<Ipv4Endpoint> name_of_service(std::uint32_t slot) const;

 private:
  static std::uint64_t service_key(Be32 address, Be16 port, std::uint8_t proto) {
    return address.raw | std::uint64_t{port.raw} << 32 | std::uint64_t{proto} << 48;
  }
  static std::uint64_t real_server_key(std::uint32_t service, Be32 address, Be16 port) {
    static_assert(kMaxServiceSlots <= 1 << 16);
    return address.raw | std::uint64_t{port.raw} << 32 | std::uint64_t{service} << 48;
  }
  static std::uint32_t look_up(const std::vector<IndexEntry>& index, std::uint64_t key) {
    if (index.empty()) return kNoSlot;
    const std::size_t mask = index.size() - 1;
    for (std::size_t at = key_hash(key) & mask;; at = (at + 1) & mask) {
      const IndexEntry& entry = index[at];
      if (entry.key == key) return entry.slot;
      if (entry.slot == kNoSlot) return kNoSlot;
    }
  }
  void build_local_addresses();
  void build_held_index();
  void build_server_index();
  void build_reply_server_index();
  static void insert(std::vector<IndexEntry>& index, std::uint64_t key, std::uint32_t slot);
  // Only the operator chooses what is in the index, so the hash need not withstand an attacker; it
  // has to spread neighbouring addresses and ports.
  static std::uint64_t key_hash(std::uint64_t key) {
    key ^= key >> 29;
    key *= 0x9e3779b97f4a7c15;
    return key ^ key >> 32;
  }
};

}  // namespace lb
