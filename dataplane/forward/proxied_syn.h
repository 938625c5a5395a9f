// Segments by which a SYN proxy opens a connection to the real server. Pure.
#pragma once

#include <cstdint>

#include "dataplane/conn/proxied.h"
#include "dataplane/packet/hop.h"
#include "dataplane/packet/own_segment.h"

namespace lb {

// With what the client offered. Its window is taken as it came, although that of a SYN is not scaled: less
// than the client has room for, until the next segment.
inline OwnSegment syn_to_server(const ProxiedClient& client, const NextHop& hop) {
  OwnSegment syn{.seq = client.isn, .ack = 0, .flags = wire::kSyn, .window = client.window};
  if (hop.sets_tos()) syn.tos = hop.tos();
  syn.offer = {client.mss, client.window_scale, client.sack};
  syn.timestamps = client.timestamps;
  syn.timestamp_value = client.timestamp_value;
  return syn;
}

// To write the same Ethernet header by; the source is the port's, as in the next hop.
inline ClientHop hop_to(const NextHop& hop) {
  const bool is_tagged = hop.l2_len() == wire::kTaggedEthBytes;
  const std::uint16_t tci =
      is_tagged ? wire::load<Be16>(hop.l2.data() + wire::kVlanTci).host() : std::uint16_t{0};
  return ClientHop::make(hop.l2.data(), tci & wire::kVlanIdMask, hop.port);
}

}  // namespace lb
