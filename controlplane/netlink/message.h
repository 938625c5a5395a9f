// rtnetlink messages <-> our values. Used by the sockets of this folder only: the one header here
// that names libnl types.
#pragma once

#include <netlink/msg.h>

#include <memory>
#include <optional>
#include <string>

#include "controlplane/netlink/model.h"
#include "controlplane/netlink/state.h"

namespace lb::netlink {

struct FreeMessage {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

// From the kernel. nullopt for what we do not keep: bridge ports, proxy entries, and messages with an
// attribute that has not the size or the form that it should have.
std::optional<Link> parse_link(nlmsghdr* message);
std::optional<InterfaceAddress> parse_address(nlmsghdr* message);
std::optional<Neighbour> parse_neighbour(nlmsghdr* message);
// A unicast route of the main table with one gateway; `owned`: it has the mark kOwner.
struct RouteMessage {
  Route route;
  bool owned = false;
};
std::optional<RouteMessage> parse_route(nlmsghdr* message);
// The answer to a route lookup. nullopt: the destination is local, or an unusual kind of route.
std::optional<Hop> parse_hop(nlmsghdr* message, const Address& destination);
// A notification: puts what it says into `state`. One that is not kept changes nothing.
void apply(nlmsghdr* message, State& state);

// To the kernel. Dumps are IPv4 only, as is the code that uses them.
// NLM_F_ACK is set on those that change something.
Message make_dump(int type, std::uint8_t route_protocol = 0);
Message make_set_link(int index, bool up, std::optional<std::uint32_t> mtu);
Message make_add_vlan(int parent, const std::string& name, std::uint16_t id);
Message make_address(int type, int index, const Prefix& prefix);
Message make_route(int type, int flags, const Route& route);
Message make_route_lookup(const Address& destination);
Message make_resolve(int index, const Address& address);
Message make_neighbour(int index, const Address& address, const MacAddress& mac);  // permanent
Message make_forget(int index, const Address& address);

}  // namespace lb::netlink
