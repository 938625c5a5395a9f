// Batches of connections as two data planes exchange them: a byte string of entries, each a type
// and its fields. Addresses and ports are in network order, everything else is little-endian; the
// format belongs to the sync protocol's version (controlplane/sync). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/conn/record.h"
#include "dataplane/packet/hop.h"
#include "dataplane/packet/syn_cookie.h"
#include "dataplane/packet/tcp_translate.h"

namespace lb {

enum class SyncKind : std::uint8_t {
  kConn = 1,       // a connection as it is now
  kEnd = 2,        // it ended
  kWalkBegin = 3,  // all connections follow
  // Before the end, one each: all connections of these services were sent, as the sender was
  // master of them from the beginning; of others it may have only a part.
  kWalked = 4,
  kWalkEnd = 5,
  // From here on the length of the rest follows in one byte, so that a release that does not know a
  // kind can leave it out.
  kPersist = 16,     // a client is bound to a real server
  kPersistEnd = 17,  // it is no longer
  // As kConn, of one that a SYN proxy opened. A release that does not know it had better not have the
  // connection than have it without its translation.
  kProxiedConn = 18,
  kSynSecret = 19,  // one of the two by which the sender makes SYN cookies; without a tuple
};
inline constexpr std::uint8_t kFirstWithLength = 16;

struct SyncEntry {
  SyncKind kind = SyncKind::kConn;
  std::uint8_t proto = 0;
  // From the client to the VIP; of kWalked the VIP and its port only, of kPersist and kPersistEnd
  // the client's network and a service by which it came.
  FlowTuple tuple;
  std::uint16_t sync_id = 0;
  // of kConn and kProxiedConn, and of kPersist the server alone (port 0: any, in a group)
  std::uint8_t mode = 0;
  ConnState state = ConnState::kNone;
  Be32 rs_address;
  Be16 rs_port;
  std::uint32_t age_ticks = 0;   // since its last packet
  ClientHop client_hop;          // on the wire with the sender's port number, here with ours
  bool port_known = true;        // false: we have no such port; not on the wire
  std::uint32_t left_ticks = 0;  // of kPersist: until its time is over
  TcpTranslation translation;    // of kProxiedConn
  std::uint8_t secret = 0;       // of kSynSecret: its number
  SipKey key;                    // likewise

  bool is_proxied() const { return kind == SyncKind::kProxiedConn; }
  bool operator==(const SyncEntry&) const = default;
};

inline constexpr std::size_t kSyncConnBytes = 34;
inline constexpr std::size_t kSyncEndBytes = 16;
inline constexpr std::size_t kSyncPersistBytes = 27;
inline constexpr std::size_t kSyncPersistEndBytes = 17;
inline constexpr std::size_t kSyncProxiedConnBytes = 45;
inline constexpr std::size_t kSyncSecretBytes = 19;

void append(std::string& batch, const SyncEntry& entry);      // all but the marks
inline void append_mark(std::string& batch, SyncKind mark) {  // kWalkBegin, kWalkEnd
  batch.push_back(static_cast<char>(mark));
}

// All of the entries, or nothing when the batch is torn or an entry is none: a type, protocol, mode
// or state that does not exist, an ended state. Entries of kinds with a length that are not known
// are left out.
std::optional<std::vector<SyncEntry>> decode_batch(std::string_view batch);

}  // namespace lb
