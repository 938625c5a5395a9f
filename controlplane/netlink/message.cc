#include "controlplane/netlink/message.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>

#include <array>
#include <cstring>
#include <new>
#include <string_view>

namespace lb::netlink {
namespace {

// As the value of IFA_PROTO and NDA_PROTOCOL.
constexpr char kOwnerByte = static_cast<char>(kOwner);
constexpr std::string_view kOwnerBytes(&kOwnerByte, 1);

template <int kMax>
using Attributes = std::array<nlattr*, std::size_t{kMax} + 1>;

template <typename Header, int kMax>
const Header* parse(nlmsghdr* message, Attributes<kMax>& attributes) {
  if (nlmsg_parse(message, sizeof(Header), attributes.data(), kMax, nullptr) < 0) return nullptr;
  return static_cast<const Header*>(nlmsg_data(message));
}

// Also an attribute of the kernel may be longer or shorter than we know it: no byte is read that is
// not in it.
std::string_view bytes_of(const nlattr* attribute) {
  return {static_cast<const char*>(nla_data(attribute)),
          static_cast<std::size_t>(nla_len(attribute))};
}

bool has_mark(const nlattr* attribute) {
  return attribute != nullptr && bytes_of(attribute) == kOwnerBytes;
}

// Up to the NUL that may end it.
std::string_view get_text(const nlattr* attribute) {
  const std::string_view bytes = bytes_of(attribute);
  return bytes.substr(0, bytes.find('\0'));
}

// Of a message of `family`: AF_INET or AF_INET6.
std::optional<Address> get_address(const nlattr* attribute, int family) {
  if (attribute == nullptr) return std::nullopt;
  const auto address = address_from_bytes(bytes_of(attribute));
  if (!address || address->is_ipv4() != (family == AF_INET)) return std::nullopt;
  return address;
}

// `absent`: what a message without the attribute means. nullopt: it has one of another kind.
std::optional<Address> get_address_or(const nlattr* attribute, int family, const Address& absent) {
  return attribute == nullptr ? absent : get_address(attribute, family);
}

bool is_ip(int family) {
  return family == AF_INET || family == AF_INET6;
}

std::uint8_t family_of(const Address& address) {
  return address.is_ipv4() ? AF_INET : AF_INET6;
}

Address unspecified(int family) {
  return family == AF_INET ? Address() : Address::from_ipv6({});
}

std::optional<MacAddress> get_mac(const nlattr* attribute) {
  MacAddress mac;
  if (attribute == nullptr || nla_len(attribute) != static_cast<int>(mac.bytes.size())) {
    return std::nullopt;
  }
  std::memcpy(mac.bytes.data(), nla_data(attribute), mac.bytes.size());
  return mac;
}

std::optional<std::uint32_t> get_u32(const nlattr* attribute) {
  std::uint32_t number = 0;
  if (attribute == nullptr || nla_len(attribute) != sizeof number) return std::nullopt;
  std::memcpy(&number, nla_data(attribute), sizeof number);
  return number;
}

std::optional<std::uint16_t> get_vlan(nlattr* link_info) {
  Attributes<IFLA_INFO_MAX> info{};
  if (nla_parse_nested(info.data(), IFLA_INFO_MAX, link_info, nullptr) < 0) return std::nullopt;
  if (info[IFLA_INFO_KIND] == nullptr || get_text(info[IFLA_INFO_KIND]) != "vlan" ||
      info[IFLA_INFO_DATA] == nullptr) {
    return std::nullopt;
  }
  Attributes<IFLA_VLAN_MAX> data{};
  if (nla_parse_nested(data.data(), IFLA_VLAN_MAX, info[IFLA_INFO_DATA], nullptr) < 0) {
    return std::nullopt;
  }
  std::uint16_t id = 0;
  const nlattr* const attribute = data[IFLA_VLAN_ID];
  if (attribute == nullptr || nla_len(attribute) != sizeof id) return std::nullopt;
  std::memcpy(&id, nla_data(attribute), sizeof id);
  return id;
}

NeighbourState to_state(std::uint16_t ndm_state) {
  if ((ndm_state & NUD_PERMANENT) != 0) return NeighbourState::kPermanent;
  if ((ndm_state & NUD_REACHABLE) != 0) return NeighbourState::kConfirmed;
  if ((ndm_state & (NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_NOARP)) != 0) {
    return NeighbourState::kStale;
  }
  return NeighbourState::kNone;
}

// Our messages are far below the default size of a libnl message (a page), so that an append fails
// only for lack of memory.
void check(int result) {
  if (result < 0) throw std::bad_alloc();
}

template <typename Header>
Message make(int type, int flags, Header header) {
  Message message(nlmsg_alloc_simple(type, NLM_F_REQUEST | flags));
  if (message == nullptr) throw std::bad_alloc();
  check(nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO));
  return message;
}

void put_address(const Message& message, int attribute, const Address& address) {
  const auto bytes = address.bytes();
  check(nla_put(message.get(), attribute, static_cast<int>(bytes.size()), bytes.data()));
}

}  // namespace

std::optional<Link> parse_link(nlmsghdr* message) {
  Attributes<IFLA_MAX> a{};
  const auto* header = parse<ifinfomsg, IFLA_MAX>(message, a);
  if (header == nullptr || header->ifi_family != AF_UNSPEC || a[IFLA_IFNAME] == nullptr) {
    return std::nullopt;
  }
  Link link;
  link.index = header->ifi_index;
  link.name = get_text(a[IFLA_IFNAME]);
  if (link.name.empty() || link.name.size() >= IFNAMSIZ) return std::nullopt;
  link.parent = static_cast<int>(get_u32(a[IFLA_LINK]).value_or(0));
  if (a[IFLA_LINKINFO] != nullptr) link.vlan = get_vlan(a[IFLA_LINKINFO]);
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.running = (header->ifi_flags & IFF_RUNNING) != 0;
  link.mtu = get_u32(a[IFLA_MTU]).value_or(0);
  link.mac = get_mac(a[IFLA_ADDRESS]).value_or(MacAddress{});
  return link;
}

std::optional<InterfaceAddress> parse_address(nlmsghdr* message) {
  Attributes<IFA_MAX> a{};
  const auto* header = parse<ifaddrmsg, IFA_MAX>(message, a);
  if (header == nullptr || !is_ip(header->ifa_family)) return std::nullopt;
  // IPv6 has IFA_LOCAL on point-to-point links only.
  const auto local =
      get_address(a[IFA_LOCAL] != nullptr ? a[IFA_LOCAL] : a[IFA_ADDRESS], header->ifa_family);
  if (!local || header->ifa_prefixlen > local->bits()) return std::nullopt;
  InterfaceAddress address;
  address.index = static_cast<int>(header->ifa_index);
  address.prefix = {*local, header->ifa_prefixlen};
  address.owned = has_mark(a[IFA_PROTO]);
  return address;
}

std::optional<Neighbour> parse_neighbour(nlmsghdr* message) {
  Attributes<NDA_MAX> a{};
  const auto* header = parse<ndmsg, NDA_MAX>(message, a);
  if (header == nullptr || !is_ip(header->ndm_family) || (header->ndm_flags & NTF_PROXY) != 0) {
    return std::nullopt;
  }
  const auto address = get_address(a[NDA_DST], header->ndm_family);
  if (!address) return std::nullopt;
  Neighbour neighbour{header->ndm_ifindex, *address, to_state(header->ndm_state), {}};
  neighbour.owned = has_mark(a[NDA_PROTOCOL]);
  if (const auto mac = get_mac(a[NDA_LLADDR])) {
    neighbour.mac = *mac;
  } else {
    neighbour.state = NeighbourState::kNone;
  }
  return neighbour;
}

std::optional<RouteMessage> parse_route(nlmsghdr* message) {
  Attributes<RTA_MAX> a{};
  const auto* header = parse<rtmsg, RTA_MAX>(message, a);
  if (header == nullptr || !is_ip(header->rtm_family) || header->rtm_type != RTN_UNICAST ||
      header->rtm_table != RT_TABLE_MAIN) {
    return std::nullopt;
  }
  RouteMessage result;
  result.owned = header->rtm_protocol == kOwner;
  const Address none = unspecified(header->rtm_family);
  const auto destination = get_address_or(a[RTA_DST], header->rtm_family, none);
  const auto via = get_address_or(a[RTA_GATEWAY], header->rtm_family, none);
  if (!destination || !via || header->rtm_dst_len > destination->bits()) return std::nullopt;
  result.route = {{*destination, header->rtm_dst_len}, *via};
  return result;
}

std::optional<Hop> parse_hop(nlmsghdr* message, const Address& destination) {
  Attributes<RTA_MAX> a{};
  const auto* header = parse<rtmsg, RTA_MAX>(message, a);
  if (header == nullptr || header->rtm_type != RTN_UNICAST || a[RTA_VIA] != nullptr) {
    return std::nullopt;
  }
  const auto index = get_u32(a[RTA_OIF]);
  if (!index) return std::nullopt;
  const nlattr* const gateway = a[RTA_GATEWAY];
  const auto neighbour =
      get_address_or(gateway, destination.is_ipv4() ? AF_INET : AF_INET6, destination);
  if (!neighbour) return std::nullopt;
  return Hop{static_cast<int>(*index), *neighbour, gateway != nullptr};
}

void apply(nlmsghdr* message, State& state) {
  switch (message->nlmsg_type) {
    case RTM_NEWLINK:
      if (auto link = parse_link(message)) state.put(std::move(*link));
      break;
    case RTM_DELLINK:
      if (const auto link = parse_link(message)) state.remove_link(link->index);
      break;
    case RTM_NEWADDR:
      if (const auto address = parse_address(message)) state.put(*address);
      break;
    case RTM_DELADDR:
      if (const auto address = parse_address(message)) state.remove(*address);
      break;
    case RTM_NEWNEIGH:
      if (const auto n = parse_neighbour(message)) state.put(*n);
      break;
    case RTM_DELNEIGH:
      if (const auto n = parse_neighbour(message)) state.remove(NeighbourKey{n->index, n->address});
      break;
    case RTM_DELROUTE: {
      const auto parsed = parse_route(message);
      state.note_route_change(parsed && parsed->owned);
      break;
    }
    case RTM_NEWROUTE:
    case RTM_NEWRULE:
    case RTM_DELRULE:
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      state.note_route_change(false);
      break;
    default:
      break;
  }
}

Message make_dump(int type, std::uint8_t route_protocol) {
  switch (type) {
    case RTM_GETLINK:
      return make(type, NLM_F_DUMP, ifinfomsg{});
    case RTM_GETADDR: {
      ifaddrmsg header{};
      header.ifa_family = AF_INET;
      return make(type, NLM_F_DUMP, header);
    }
    case RTM_GETNEIGH: {
      ndmsg header{};
      header.ndm_family = AF_INET;
      return make(type, NLM_F_DUMP, header);
    }
    default: {
      rtmsg header{};
      header.rtm_family = AF_INET;
      header.rtm_table = RT_TABLE_MAIN;
      header.rtm_protocol = route_protocol;
      return make(RTM_GETROUTE, NLM_F_DUMP, header);
    }
  }
}

Message make_set_link(int index, bool up, std::optional<std::uint32_t> mtu) {
  ifinfomsg header{};
  header.ifi_index = index;
  if (up) {
    header.ifi_flags = IFF_UP;
    header.ifi_change = IFF_UP;
  }
  Message message = make(RTM_NEWLINK, NLM_F_ACK, header);
  if (mtu) check(nla_put_u32(message.get(), IFLA_MTU, *mtu));
  return message;
}

Message make_add_vlan(int parent, const std::string& name, std::uint16_t id) {
  Message message = make(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  nl_msg* const m = message.get();
  check(nla_put_string(m, IFLA_IFNAME, name.c_str()));
  check(nla_put_u32(m, IFLA_LINK, static_cast<std::uint32_t>(parent)));
  nlattr* const info = nla_nest_start(m, IFLA_LINKINFO);
  check(nla_put_string(m, IFLA_INFO_KIND, "vlan"));
  nlattr* const data = nla_nest_start(m, IFLA_INFO_DATA);
  check(nla_put_u16(m, IFLA_VLAN_ID, id));
  nla_nest_end(m, data);
  nla_nest_end(m, info);
  return message;
}

Message make_address(int type, int index, const Prefix& prefix) {
  ifaddrmsg header{};
  header.ifa_family = family_of(prefix.address);
  header.ifa_prefixlen = prefix.length;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = static_cast<std::uint32_t>(index);
  const int flags = type == RTM_NEWADDR ? NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL : NLM_F_ACK;
  Message message = make(type, flags, header);
  put_address(message, IFA_LOCAL, prefix.address);
  put_address(message, IFA_ADDRESS, prefix.address);
  if (type == RTM_NEWADDR) {
    if (prefix.address.is_ipv4() && prefix.length < 31) {
      put_address(message, IFA_BROADCAST, prefix.last());
    }
    check(nla_put_u8(message.get(), IFA_PROTO, kOwner));
  }
  return message;
}

Message make_route(int type, int flags, const Route& route) {
  rtmsg header{};
  header.rtm_family = family_of(route.via);
  header.rtm_dst_len = route.destination.length;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = kOwner;
  header.rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
  header.rtm_type = RTN_UNICAST;
  Message message = make(type, NLM_F_ACK | flags, header);
  if (route.destination.length != 0) {
    put_address(message, RTA_DST, route.destination.network());
  }
  put_address(message, RTA_GATEWAY, route.via);
  return message;
}

Message make_route_lookup(const Address& destination) {
  rtmsg header{};
  header.rtm_family = family_of(destination);
  header.rtm_dst_len = static_cast<std::uint8_t>(destination.bits());
  Message message = make(RTM_GETROUTE, 0, header);
  put_address(message, RTA_DST, destination);
  return message;
}

Message make_resolve(int index, const Address& address) {
  ndmsg header{};
  header.ndm_family = family_of(address);
  header.ndm_ifindex = index;
  header.ndm_state = NUD_NONE;
  header.ndm_flags = NTF_USE;
  Message message = make(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, header);
  put_address(message, NDA_DST, address);
  return message;
}

Message make_neighbour(int index, const Address& address, const MacAddress& mac) {
  ndmsg header{};
  header.ndm_family = family_of(address);
  header.ndm_ifindex = index;
  header.ndm_state = NUD_PERMANENT;
  Message message = make(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, header);
  put_address(message, NDA_DST, address);
  check(nla_put(message.get(), NDA_LLADDR, static_cast<int>(mac.bytes.size()), mac.bytes.data()));
  check(nla_put_u8(message.get(), NDA_PROTOCOL, kOwner));
  return message;
}

Message make_forget(int index, const Address& address) {
  ndmsg header{};
  header.ndm_family = family_of(address);
  header.ndm_ifindex = index;
  Message message = make(RTM_DELNEIGH, NLM_F_ACK, header);
  put_address(message, NDA_DST, address);
  return message;
}

}  // namespace lb::netlink
