#include "controlplane/network/next_hop_table.h"

#include <gtest/gtest.h>

namespace lb::controlplane {
namespace {

const Address kNearServer = Ipv4Address::from_host(0x0a00000b);
const Address kRoutedServer = Ipv4Address::from_host(0x0a09000b);
const Address kGateway = Ipv4Address::from_host(0x0a000001);
const MacAddress kMac1{{2, 0, 0, 0, 0, 1}};
const MacAddress kMac2{{2, 0, 0, 0, 0, 2}};

Via via(Address address, std::uint16_t vlan = 0) {
  return {"lan", vlan, address};
}

TEST(NextHopTable, ResolvesANeighbour) {
  NextHopTable table;
  table.add(kNearServer, std::nullopt);
  EXPECT_FALSE(table.find(kNearServer));
  EXPECT_FALSE(table.set_route(kNearServer, via(kNearServer)));
  EXPECT_TRUE(table.set_mac(via(kNearServer), kMac1));
  EXPECT_EQ(table.find(kNearServer), (NextHopSpec{"lan", 0, kMac1}));
  EXPECT_FALSE(table.set_mac(via(kNearServer), kMac1));
  EXPECT_TRUE(table.direct(kNearServer));
}

TEST(NextHopTable, FollowsAMacThatChanges) {
  NextHopTable table;
  table.add(kNearServer, std::nullopt);
  table.set_route(kNearServer, via(kNearServer, 7));
  table.set_mac(via(kNearServer, 7), kMac1);
  EXPECT_FALSE(table.set_mac(via(kNearServer), kMac2));  // on another VLAN: another neighbour
  EXPECT_TRUE(table.set_mac(via(kNearServer, 7), kMac2));
  EXPECT_EQ(table.find(kNearServer), (NextHopSpec{"lan", 7, kMac2}));
}

TEST(NextHopTable, ForgetsWhatIsRemoved) {
  NextHopTable table;
  table.add(kNearServer, std::nullopt);
  table.add(kRoutedServer, std::nullopt);
  table.set_route(kNearServer, via(kGateway));
  table.set_route(kRoutedServer, via(kGateway));
  table.set_mac(via(kGateway), kMac1);
  table.remove(kNearServer);
  EXPECT_FALSE(table.find(kNearServer));
  EXPECT_TRUE(table.find(kRoutedServer));
  EXPECT_EQ(table.destinations(), std::set<Address>{kRoutedServer});
  table.remove(kRoutedServer);
  table.remove(kRoutedServer);
  EXPECT_TRUE(table.neighbours().empty());
  EXPECT_FALSE(table.set_mac(via(kGateway), kMac2));
}

TEST(NextHopTable, SharesAGateway) {
  NextHopTable table;
  table.add(kNearServer, std::nullopt);
  table.add(kRoutedServer, std::nullopt);
  table.set_route(kNearServer, via(kNearServer));
  EXPECT_TRUE(table.set_route(kRoutedServer, via(kGateway)));  // no longer direct
  EXPECT_FALSE(table.direct(kRoutedServer));
  EXPECT_TRUE(table.set_mac(via(kGateway), kMac1));
  EXPECT_TRUE(table.find(kRoutedServer));
  EXPECT_FALSE(table.find(kNearServer));
  EXPECT_EQ(table.neighbours().size(), 2u);
}

TEST(NextHopTable, UsesAKnownGatewayForALaterServer) {
  NextHopTable table;
  table.add(kNearServer, std::nullopt);
  table.set_route(kNearServer, via(kGateway));
  table.set_mac(via(kGateway), kMac1);
  table.add(kRoutedServer, NextHopSpec{"wan", 0, kMac2});
  EXPECT_TRUE(table.set_route(kRoutedServer, via(kGateway)));
  EXPECT_EQ(table.find(kRoutedServer), (NextHopSpec{"lan", 0, kMac1}));
  EXPECT_FALSE(table.set_mac(via(kGateway), kMac1));
  table.remove(kNearServer);
  table.remove(kRoutedServer);
  table.add(kRoutedServer, std::nullopt);
  table.set_route(kRoutedServer, via(kGateway));
  EXPECT_FALSE(table.find(kRoutedServer)) << "a MAC that nobody needed is forgotten";
}

TEST(NextHopTable, KeepsTheLastKnownUntilAnotherIsLearnt) {
  NextHopTable table;
  table.add(kRoutedServer, std::nullopt);
  table.set_route(kRoutedServer, via(kGateway));
  table.set_mac(via(kGateway), kMac1);
  const NextHopSpec known{"lan", 0, kMac1};
  table.set_route(kRoutedServer, std::nullopt);
  EXPECT_EQ(table.find(kRoutedServer), known);
  const Via moved = via(Ipv4Address::from_host(0x0a000002));
  table.set_route(kRoutedServer, moved);
  EXPECT_EQ(table.find(kRoutedServer), known);
  EXPECT_FALSE(table.set_mac(via(kGateway), kMac2));  // the old gateway counts no more
  EXPECT_TRUE(table.set_mac(moved, kMac2));
  EXPECT_EQ(table.find(kRoutedServer), (NextHopSpec{"lan", 0, kMac2}));
  EXPECT_EQ(table.neighbours().size(), 1u);
}

TEST(NextHopTable, StartsWithTheDataPlanesNextHops) {
  NextHopTable table;
  table.add(kNearServer, NextHopSpec{"lan", 0, kMac1});
  table.add(kNearServer, std::nullopt);  // the same server in another, new service
  EXPECT_EQ(table.find(kNearServer), (NextHopSpec{"lan", 0, kMac1}));
}

}  // namespace
}  // namespace lb::controlplane
