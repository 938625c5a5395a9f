#include "controlplane/netlink/message.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

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
}

}  // namespace
}  // namespace lb::netlink
