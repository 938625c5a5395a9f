// Why a packet was dropped. One table: the name is what `lbcli show drops` prints and what
// docs/drops.md explains.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lb {

#define LB_DROP_REASONS(X)                                                                         \
  X(other_station, "unicast to another MAC address, flooded by the switch")                        \
  X(truncated, "a header reaches beyond the end of the packet")                                    \
  X(bad_ip_header, "IPv4 version, header length or total length is wrong")                         \
  X(bad_ip_checksum, "IPv4 header checksum is wrong")                                              \
  X(bad_l4_header, "TCP or UDP header length is wrong")                                            \
  X(bad_l4_checksum, "the NIC found a wrong TCP or UDP checksum")                                  \
  X(bad_icmp_checksum, "an ICMP error for a connection has a wrong checksum")                      \
  X(bad_icmp_quote, "an ICMP error quotes a truncated or malformed packet")                        \
  X(source_routed, "an IPv4 option asks for a route of the sender's choice")                       \
  X(martian_source, "from an address that no machine may have")                                    \
  X(land_packet, "from the address that it goes to")                                               \
  X(group_mac_source, "from a MAC address of a group")                                             \
  X(unknown_vlan, "of a VLAN that the port does not have")                                         \
  X(ttl_expired, "TTL ran out in NAT mode; answered with time exceeded")                           \
  X(mtu_exceeded, "larger than the egress MTU with DF set; answered with fragmentation needed")    \
  X(no_real_server, "the service has no real server that is up; answered with port unreachable")   \
  X(real_servers_full, "every real server that is up has max_connections")                         \
  X(next_hop_unresolved, "the real server's MAC address is not known yet")                         \
  X(real_server_down, "connection to a server that is down or removed; TCP answered with a reset") \
  X(taking_over, "a segment of an unknown connection while the peer is master, or was until now")  \
  X(spoofed_source, "in the name of the director, from outside")                                   \
  X(spoofed_server, "in the name of a real server, from a port that does not lead to it")          \
  X(reverse_path, "from a network that no route through this port leads to")                       \
  X(denied, "the client is denied by the service's allow and deny lists")                          \
  X(client_rate_limited, "more new connections than new_per_second_per_client allows")             \
  X(service_rate_limited, "more new connections than new_per_second allows")                       \
  X(syn_proxied, "a SYN that the SYN proxy took; answered with a cookie")                          \
  X(bad_syn_cookie, "a segment of no connection without a valid cookie; answered with a reset")    \
  X(server_pending, "the real server of a proxied connection has not answered yet")                \
  X(timestamps_missing, "a real server without the timestamps that the SYN proxy had promised")    \
  X(table_full, "no room in the connection table, and nothing in it that may end for it")          \
  X(hop_table_full, "too many routers and clients on the local networks have connections")         \
  X(reply_tuple_taken, "the client's port is taken towards this real server by a service")         \
  X(fragment_table_full, "too many fragmented datagrams in flight")                                \
  X(fragment_timeout, "fragments whose first fragment never arrived")                              \
  X(fragment_too_short, "a first fragment without the whole L4 header")                            \
  X(fragmentation_failed, "a packet without DF could not be fragmented to the egress MTU")         \
  X(punt_limited, "more packets for the kernel than allowed, see show punt")                       \
  X(punt_failed, "the kernel interface rejected the packet")                                       \
  X(segmented_buffer, "a packet in several buffers that could not be joined")                      \
  X(no_buffer, "no packet buffer left")                                                            \
  X(tx_failed, "the port rejected the packet")

enum class DropReason : std::uint8_t {
  none = 0,
#define X(name, text) name,
  LB_DROP_REASONS(X)
#undef X
      kCount
};

inline constexpr std::size_t kDropReasons = static_cast<std::size_t>(DropReason::kCount);

struct DropReasonText {
  std::string_view name;
  std::string_view description;
};

inline constexpr std::array<DropReasonText, kDropReasons> kDropReasonTexts = {{{"none", ""},
#define X(name, text) {#name, text},
                                                                               LB_DROP_REASONS(X)
#undef X
}};

}  // namespace lb
