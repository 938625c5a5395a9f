#include "controlplane/netlink/message.h"

#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <string>
#include <vector>

namespace lb::netlink {
namespace {

TEST(Message, ParsesAVlan) {
  const Message message = make_add_vlan(7, "wan.100", 100);
  const auto link = parse_link(nlmsg_hdr(message.get()));
  ASSERT_TRUE(link);
  EXPECT_EQ(link->name, "wan.100");
  EXPECT_EQ(link->parent, 7);
  EXPECT_EQ(link->vlan, 100);
}

TEST(Message, MarksAddresses) {
  const auto prefix = Prefix::parse("192.0.2.2/24").value();
  const auto address = parse_address(nlmsg_hdr(make_address(RTM_NEWADDR, 7, prefix).get()));
  ASSERT_TRUE(address);
  EXPECT_EQ(*address, (InterfaceAddress{.index = 7, .prefix = prefix, .owned = true}));
}

TEST(Message, MarksRoutesAndClearsHostBits) {
  const Route route{Prefix::parse("198.51.100.9/24").value(), Address::parse("192.0.2.1").value()};
  const Message message = make_route(RTM_NEWROUTE, 0, route);
  const auto parsed = parse_route(nlmsg_hdr(message.get()));
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->owned);
  EXPECT_EQ(parsed->route.destination.to_string(), "198.51.100.0/24");
  EXPECT_EQ(parsed->route.via, route.via);
}

TEST(Message, EncodesAndParsesIpv6) {
  const auto prefix = Prefix::parse("2001:db8::2/64").value();
  const auto address = parse_address(nlmsg_hdr(make_address(RTM_NEWADDR, 7, prefix).get()));
  ASSERT_TRUE(address);
  EXPECT_EQ(*address, (InterfaceAddress{.index = 7, .prefix = prefix, .owned = true}));

  const Route route{Prefix::parse("2001:db8:1::9/48").value(),
                    Address::parse("2001:db8::1").value()};
  const auto parsed = parse_route(nlmsg_hdr(make_route(RTM_NEWROUTE, 0, route).get()));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->route.destination.to_string(), "2001:db8:1::/48");
  EXPECT_EQ(parsed->route.via, route.via);

  const Route all{Prefix::parse("::/0").value(), route.via};
  EXPECT_EQ(parse_route(nlmsg_hdr(make_route(RTM_NEWROUTE, 0, all).get()))->route, all);

  const auto server = Address::parse("2001:db8::11").value();
  const auto neighbour = parse_neighbour(nlmsg_hdr(make_resolve(7, server).get()));
  ASSERT_TRUE(neighbour);
  EXPECT_EQ(neighbour->address, server);
}

TEST(Message, ParsesANeighbourWithoutAMac) {
  const auto address = Address::parse("10.0.0.11").value();
  const auto neighbour = parse_neighbour(nlmsg_hdr(make_resolve(7, address).get()));
  ASSERT_TRUE(neighbour);
  EXPECT_EQ(neighbour->address, address);
  EXPECT_EQ(neighbour->state, NeighbourState::kNone);
  EXPECT_FALSE(neighbour->owned);
  const MacAddress mac{{2, 0, 0, 0, 0, 0x11}};
  const auto fixed = parse_neighbour(nlmsg_hdr(make_neighbour(7, address, mac).get()));
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->mac, mac);
  EXPECT_EQ(fixed->state, NeighbourState::kPermanent);
  EXPECT_TRUE(fixed->owned);
}

// Messages that no kernel of today sends.
struct Part {
  int type;
  std::string bytes;
};

template <typename Header>
Message crafted(int type, const Header& header, const std::vector<Part>& parts) {
  Message message(nlmsg_alloc_simple(type, 0));
  Header copy = header;
  EXPECT_GE(nlmsg_append(message.get(), &copy, sizeof copy, NLMSG_ALIGNTO), 0);
  for (const Part& part : parts) {
    EXPECT_EQ(
        nla_put(message.get(), part.type, static_cast<int>(part.bytes.size()), part.bytes.data()),
        0);
  }
  return message;
}

const std::string kFour("\x0a\0\0\x0b", 4);
const std::string kSixteen = std::string("\x20\x01", 2) + std::string(14, '\x01');

std::optional<Link> link_of(const std::vector<Part>& parts) {
  ifinfomsg header{};
  header.ifi_index = 7;
  return parse_link(nlmsg_hdr(crafted(RTM_NEWLINK, header, parts).get()));
}

TEST(CraftedMessage, ReadsAnInterfaceNameWithoutNul) {
  // Whatever follows it is not part of it.
  const auto link = link_of({{IFLA_IFNAME, "wan0"}, {IFLA_IFALIAS, "secret"}});
  ASSERT_TRUE(link);
  EXPECT_EQ(link->name, "wan0");
  EXPECT_EQ(link_of({{IFLA_IFNAME, std::string("lan\0\0xx", 7)}})->name, "lan");
  EXPECT_FALSE(link_of({{IFLA_IFNAME, ""}}));
  EXPECT_FALSE(link_of({{IFLA_IFNAME, std::string("\0", 1)}}));
  EXPECT_FALSE(link_of({{IFLA_IFNAME, std::string(16, 'x')}}));
  EXPECT_EQ(link_of({{IFLA_IFNAME, std::string(15, 'x')}})->name, std::string(15, 'x'));
}

TEST(CraftedMessage, TakesNoNumberOfAnotherSize) {
  for (const std::size_t size : {0u, 1u, 2u, 3u, 5u, 8u}) {
    const auto link = link_of({{IFLA_IFNAME, "wan"},
                               {IFLA_MTU, std::string(size, '\x05')},
                               {IFLA_LINK, std::string(size, '\x05')},
                               {IFLA_ADDRESS, std::string(size, '\x05')}});
    ASSERT_TRUE(link) << size;
    EXPECT_EQ(link->mtu, 0u) << size;
    EXPECT_EQ(link->parent, 0) << size;
    EXPECT_EQ(link->mac, MacAddress{}) << size;
  }
}

TEST(CraftedMessage, ReadsAVlanWithinItsAttributes) {
  const auto vlan_of = [](const std::string& kind, const std::string& id) {
    const Message message = crafted(RTM_NEWLINK, ifinfomsg{}, {{IFLA_IFNAME, "wan.5"}});
    nl_msg* const m = message.get();
    nlattr* const info = nla_nest_start(m, IFLA_LINKINFO);
    nla_put(m, IFLA_INFO_KIND, static_cast<int>(kind.size()), kind.data());
    nlattr* const data = nla_nest_start(m, IFLA_INFO_DATA);
    nla_put(m, IFLA_VLAN_ID, static_cast<int>(id.size()), id.data());
    nla_nest_end(m, data);
    nla_nest_end(m, info);
    return parse_link(nlmsg_hdr(m)).value().vlan;
  };
  EXPECT_EQ(vlan_of("vlan", std::string("\x05\0", 2)), 5);
  EXPECT_FALSE(vlan_of("vla", std::string("\x05\0", 2)));
  EXPECT_FALSE(vlan_of("", std::string("\x05\0", 2)));
  EXPECT_FALSE(vlan_of("vlan", "\x05"));
  EXPECT_FALSE(vlan_of("vlan", ""));
  EXPECT_FALSE(vlan_of("vlan", std::string("\x05\0\0\0", 4)));
}

TEST(CraftedMessage, TakesNoAddressOfAnotherFamilyOrSize) {
  const auto address_of = [](unsigned char family, unsigned char length, const std::string& bytes,
                             const std::string& owner) {
    ifaddrmsg header{};
    header.ifa_family = family;
    header.ifa_prefixlen = length;
    return parse_address(
        nlmsg_hdr(crafted(RTM_NEWADDR, header, {{IFA_LOCAL, bytes}, {IFA_PROTO, owner}}).get()));
  };
  const std::string owner(1, static_cast<char>(kOwner));
  ASSERT_TRUE(address_of(AF_INET, 24, kFour, owner));
  EXPECT_TRUE(address_of(AF_INET, 24, kFour, owner)->owned);
  EXPECT_FALSE(address_of(AF_INET, 24, kFour, "")->owned);
  EXPECT_FALSE(address_of(AF_INET, 24, kFour, owner + "x")->owned);
  EXPECT_TRUE(address_of(AF_INET6, 64, kSixteen, owner));
  EXPECT_FALSE(address_of(AF_INET, 33, kFour, owner));
  EXPECT_FALSE(address_of(AF_INET6, 129, kSixteen, owner));
  EXPECT_FALSE(address_of(AF_INET, 24, kSixteen, owner));
  EXPECT_FALSE(address_of(AF_INET6, 24, kFour, owner));
  for (const std::size_t size : {0u, 3u, 5u, 15u, 17u}) {
    EXPECT_FALSE(address_of(AF_INET, 24, std::string(size, 'x'), owner)) << size;
  }
}

TEST(CraftedMessage, TakesNoNeighbourOfAnotherFamilyOrSize) {
  const auto neighbour_of = [](unsigned char family, const std::string& address,
                               const std::string& mac) {
    ndmsg header{};
    header.ndm_family = family;
    header.ndm_state = NUD_REACHABLE;
    return parse_neighbour(
        nlmsg_hdr(crafted(RTM_NEWNEIGH, header, {{NDA_DST, address}, {NDA_LLADDR, mac}}).get()));
  };
  EXPECT_EQ(neighbour_of(AF_INET, kFour, "123456")->state, NeighbourState::kConfirmed);
  for (const char* mac : {"", "12345", "1234567", "12345678901234567890"}) {
    EXPECT_EQ(neighbour_of(AF_INET, kFour, mac)->state, NeighbourState::kNone) << mac;
  }
  EXPECT_FALSE(neighbour_of(AF_INET6, kFour, "123456"));
  EXPECT_FALSE(neighbour_of(AF_INET, "abc", "123456"));
}

TEST(CraftedMessage, TakesNoNeighbourForOursWithoutAWholeMark) {
  const auto owned = [](const std::string& mark) {
    ndmsg header{};
    header.ndm_family = AF_INET;
    // Behind an empty mark the size of the next attribute would be read, which is 76.
    const Message message = crafted(
        RTM_NEWNEIGH, header,
        {{NDA_DST, kFour}, {NDA_PROTOCOL, mark}, {NDA_LLADDR, std::string(kOwner - 4, 'x')}});
    return parse_neighbour(nlmsg_hdr(message.get()))->owned;
  };
  const char owner = kOwner;
  EXPECT_TRUE(owned(std::string(1, owner)));
  EXPECT_FALSE(owned(""));
  EXPECT_FALSE(owned(std::string(2, owner)));
  EXPECT_FALSE(owned("x"));
}

// A notification that cannot be read leaves the state as it is.
TEST(CraftedMessage, ChangesTheStateIfItCanBeRead) {
  State state;
  ifinfomsg link{};
  link.ifi_index = 7;
  apply(nlmsg_hdr(crafted(RTM_NEWLINK, link, {{IFLA_IFNAME, "wan"}}).get()), state);
  EXPECT_TRUE(state.take_changes().links);
  apply(nlmsg_hdr(crafted(RTM_DELLINK, link, {{IFLA_IFNAME, ""}}).get()), state);
  EXPECT_FALSE(state.take_changes().any());
  apply(nlmsg_hdr(crafted(RTM_DELLINK, link, {{IFLA_IFNAME, "wan"}}).get()), state);
  EXPECT_TRUE(state.take_changes().links);
  EXPECT_TRUE(state.links().empty());
}

TEST(CraftedMessage, TakesNoRouteWithAGatewayThatItCannotRead) {
  const auto route_of = [](unsigned char length, const std::vector<Part>& parts) {
    rtmsg header{};
    header.rtm_family = AF_INET;
    header.rtm_type = RTN_UNICAST;
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_dst_len = length;
    return crafted(RTM_NEWROUTE, header, parts);
  };
  const auto parsed = [&](unsigned char length, const std::vector<Part>& parts) {
    return parse_route(nlmsg_hdr(route_of(length, parts).get())).has_value();
  };
  EXPECT_TRUE(parsed(32, {{RTA_DST, kFour}, {RTA_GATEWAY, kFour}}));
  EXPECT_TRUE(parsed(0, {}));
  EXPECT_FALSE(parsed(33, {{RTA_DST, kFour}, {RTA_GATEWAY, kFour}}));
  EXPECT_FALSE(parsed(32, {{RTA_DST, kSixteen}, {RTA_GATEWAY, kFour}}));
  EXPECT_FALSE(parsed(32, {{RTA_DST, kFour}, {RTA_GATEWAY, "abc"}}));
  const auto hop = [&](const std::string& gateway) {
    return parse_hop(
        nlmsg_hdr(
            route_of(32, {{RTA_OIF, std::string("\x07\0\0\0", 4)}, {RTA_GATEWAY, gateway}}).get()),
        Address::parse("198.51.100.1").value());
  };
  EXPECT_EQ(hop(kFour)->address.to_string(), "10.0.0.11");
  EXPECT_FALSE(hop("abc")) << "not taken for a neighbour on the link";
  EXPECT_FALSE(hop(""));
}

TEST(CraftedMessage, TakesNoHeaderThatIsCutOff) {
  const Message message(nlmsg_alloc_simple(RTM_NEWLINK, 0));
  EXPECT_FALSE(parse_link(nlmsg_hdr(message.get())));
  EXPECT_FALSE(parse_address(nlmsg_hdr(message.get())));
  EXPECT_FALSE(parse_neighbour(nlmsg_hdr(message.get())));
  EXPECT_FALSE(parse_route(nlmsg_hdr(message.get())));
  EXPECT_FALSE(parse_hop(nlmsg_hdr(message.get()), Address()));
}

}  // namespace
}  // namespace lb::netlink
