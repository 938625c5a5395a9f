// A connection: one cache line.
//
//  bytes  field       written                                      read
//  0-23   tuple[2]    before publish                               every packet: key check, rewrite
//  24-27  deltas      before publish                               every packet in NAT mode
//  28-31  rs          before publish                               every packet
//  32-35  client_hop  when the client's next hop changes (rare)    every packet
//  36-39  seq[2]      of TCP: each 256 KB, SYN, FIN, RST           every TCP packet
//  40     state       on a change of state (compare and swap)      every packet
//  41-43  imported .. when the HA peer tells of the connection     sync
//  44-47  last_seen   at a new coarse tick: at most 10 times/s     every packet, expiry
//  48-51  generation  when published and when killed               holders of a handle, dump
//  52-55  service     before publish                               on changes of state, dump
//  56     proto       before publish                               every packet: key check
//  57-59  mode ...    before publish                               every packet: mode
//  60-63  link        while the record is free or will be freed    then
//
// So a packet of an established connection reads this line and its bucket's, the word of its hop,
// which as a rule stays in the first cache, and writes at most last_seen.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/base/cache_line.h"
#include "dataplane/packet/flow.h"

namespace lb {

// The TCP states as a director sees them, UDP's two, and the two ends of a record's life.
enum class ConnState : std::uint8_t {
  kNone = 0,  // free or being filled; treat as a miss
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
  kClosed,
  kUdp,
  kUdpUnanswered,  // no server has answered yet; in DR mode: of the client there was one packet
  kHandshake,      // DR mode: established, and there was nothing yet but the client's handshake
  kDead,           // unlinked or being unlinked; treat as a miss
  kCount
};

// Lifetime after the last packet, in ticks, by ConnState.
using TimeoutTicks = std::array<std::uint32_t, static_cast<std::size_t>(ConnState::kCount)>;

// The lifetimes of all services: one set for most, and sets of their own for some. A view.
struct Timeouts {
  const std::uint32_t* common;
  // By service slot: 1 + index in `own`, or 0. Null: no service has its own.
  const std::uint16_t* own_of = nullptr;
  const TimeoutTicks* own = nullptr;

  // Implicit: for callers with one set for all.
  Timeouts(const std::uint32_t* ticks) : common(ticks) {}  // NOLINT
  std::uint32_t ticks(std::uint32_t service, ConnState state) const {
    const std::uint16_t at = own_of == nullptr ? std::uint16_t{0} : own_of[service];
    return at == 0 ? common[static_cast<std::size_t>(state)]
                   : own[at - 1U][static_cast<std::size_t>(state)];
  }
};

// As `lbcli show conn` prints them and its state filter takes them.
std::string_view to_string(ConnState state);

constexpr bool is_live(ConnState s) {
  return s != ConnState::kNone && s < ConnState::kDead;
}
constexpr bool is_half_open(ConnState s) {
  return s == ConnState::kSynSent || s == ConnState::kSynReceived;
}
// ipvsadm's "ActiveConn"; every other live state is "InActConn".
constexpr bool is_active(ConnState s) {
  return s == ConnState::kEstablished || s == ConnState::kHandshake;
}
constexpr bool is_udp(ConnState s) {
  return s == ConnState::kUdp || s == ConnState::kUdpUnanswered;
}
// Whether the HA peer gets a connection in this state: not before a server has answered, as far as that
// is seen.
constexpr bool is_synchronized(ConnState s) {
  return is_live(s) && !is_half_open(s) && s != ConnState::kUdpUnanswered;
}

// In Record::mode: a SYN proxy has opened the connection, and more is kept of it (proxied.h). Its packets
// must not be forwarded by the fast loop. That costs other connections nothing: `seq` of a proxied one is
// kept inverted, and so never is what the fast loop compares a packet with (Pipeline::is_steady()): only
// that of a direction that has ended might be, whose connection is not ESTABLISHED any more.
inline constexpr std::uint8_t kProxied = 0x80;
constexpr std::uint16_t seq_mask(std::uint8_t mode) {
  return (mode & kProxied) != 0 ? 0xffff : 0;
}

// Workers read the plain fields without further ado: they got here through an index slot, which was
// published after the fields were filled, and the fields keep their values until a grace period
// after kill(). Only ConnTable writes them.
struct alignas(kCacheLine) Record {
  // [0] as packets come from the client, [1] as they come from the real server. Each is, reversed,
  // what the other direction is rewritten to. In DR mode [1] is for display only: the server
  // answers past the director.
  FlowTuple tuple[2];
  Deltas deltas;                             // client to server
  std::uint32_t rs = 0;                      // real server slot
  std::atomic<std::uint32_t> client_hop{0};  // index in the HopTable
  // Of TCP, by direction: how far its sequence numbers are (forward/tcp_progress.h); 0: unknown. With
  // the bits of seq_mask() inverted.
  std::array<std::atomic<std::uint16_t>, 2> seq{};
  std::atomic<ConnState> state{ConnState::kNone};
  // From the HA peer. 0: created here, or no longer in the peer's walks.
  std::atomic<std::uint8_t> import_epoch{0};  // number of the walk that it came with or after
  std::atomic<std::uint16_t> sync_id{0};      // the peer's number for it
  std::atomic<std::uint32_t> last_seen{0};    // coarse tick
  std::atomic<std::uint32_t> generation{0};   // odd: published; even: free, being filled or dead
  std::uint32_t service = 0;                  // service slot
  std::uint8_t proto = 0;
  std::uint8_t mode = 0;               // lb::Mode, and kProxied
  std::uint8_t owner = 0;              // worker that expires and frees it
  std::uint8_t keys = 0;               // 1: forward key only (DR), 2: both
  std::atomic<std::uint32_t> link{0};  // next in a list of free or dead records, by index
};
static_assert(sizeof(Record) == kCacheLine);
static_assert(offsetof(Record, deltas) == 24 && offsetof(Record, client_hop) == 32 &&
              offsetof(Record, seq) == 36 && offsetof(Record, state) == 40 &&
              offsetof(Record, generation) == 48 && offsetof(Record, link) == 60);

inline bool is_proxied(const Record& record) {
  return (record.mode & kProxied) != 0;
}

// A record found, and the direction of the key that found it: 0 from the client, 1 from the real
// server.
struct Hit {
  Record* record = nullptr;
  unsigned dir = 0;
  explicit operator bool() const { return record != nullptr; }
};

// Names a connection over several bursts: its record may have been freed and used again since, and
// then has another generation.
struct Handle {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
};

// Coarse time: ticks of 100 ms since the data plane started (wraps after 13 years).
inline constexpr std::uint32_t kTickMs = 100;

}  // namespace lb
