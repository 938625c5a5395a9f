// One packet in the pipeline: what the lcore loop passes in, what parsing found,
// what was decided. A burst is an array of these, one cache line each. Free of DPDK: `cookie` is
// the loop's mbuf.
#pragma once

#include <cstdint>

#include "config/base/cache_line.h"
#include "dataplane/packet/flow.h"
#include "dataplane/stats/drop_reason.h"

namespace lb {

inline constexpr unsigned kBurst = 32;

// What parse() found; decides which list the packet goes to.
enum class PacketKind : std::uint8_t {
  kData,        // whole TCP (no SYN, FIN, RST) or UDP packet: the fast loop
  kTcpControl,  // TCP with SYN, FIN or RST
  kFragment,    // any fragment of a TCP or UDP datagram, first or not
  kIcmpError,  // ICMP destination unreachable, time exceeded, parameter problem, source quench: may
               // belong to a connection
  kKernel,     // everything else that is well-formed: ARP, IPv6, other protocols, other ICMP,
               // multicast, broadcast
  kBad,        // malformed: `reason` says how
};

enum class Verdict : std::uint8_t {
  kForward,  // send `len` bytes from `data` out of `egress`
  kAnswer,   // likewise, but the packet is an answer of our own (ICMP error, reset) in place of one
             // counted as dropped
  kPunt,     // hand to the kernel interface of the ingress port, unchanged
  kLocal,    // likewise, of a service whose server is on the director itself
  kDrop,     // free; `reason` is counted
  kFragment,  // like kForward, but cut to the MTU of `egress` first (no DF)
  kHeld,      // kept by the fragment table; the loop no longer owns it
};

struct alignas(kCacheLine) Packet {
  std::uint8_t* data = nullptr;  // Ethernet header; may move within [data - headroom, data + len)
  void* cookie = nullptr;
  std::uint64_t hash = 0;      // of tuple and proto, set by the pipeline
  FlowTuple tuple;             // kData, kTcpControl and first fragments; ports 0 in later fragments
  std::uint16_t len = 0;       // bytes from data, all contiguous
  std::uint16_t headroom = 0;  // free bytes in front of data
  std::uint16_t ip_len = 0;    // IPv4 total length; Ethernet padding lies beyond it
  std::uint16_t vlan = 0;      // VLAN id, 0 when untagged; the tag itself stays in the frame
  std::uint8_t l3 = 0;         // offset of the IPv4 header from data: 14 or 18
  std::uint8_t l4 = 0;         // offset of the L4 header from data
  std::uint8_t proto = 0;
  std::uint8_t tcp_flags = 0;
  std::uint8_t ingress = 0;  // port index
  std::uint8_t egress = 0;
  PacketKind kind = PacketKind::kBad;
  Verdict verdict = Verdict::kDrop;
  DropReason reason = DropReason::none;
  bool csum_known_good = false;  // the NIC verified the IPv4 header checksum
};
static_assert(sizeof(Packet) == kCacheLine);

}  // namespace lb
