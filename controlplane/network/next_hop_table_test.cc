#include "controlplane/network/next_hop_table.h"

#include <gtest/gtest.h>

namespace lb::controlplane {
namespace {

const Address kServer = Ipv4Address::from_host(0x0a00000b);
const Address kFarServer = Ipv4Address::from_host(0x0a09000b);
const Address kGateway = Ipv4Address::from_host(0x0a000001);
const MacAddress kMac1{{2, 0, 0, 0, 0, 1}};
const MacAddress kMac2{{2, 0, 0, 0, 0, 2}};

Via via(Address address, std::uint16_t vlan = 0) {
  return {"lan", vlan, address};
}

TEST(NextHopTable, ResolvesANeighbour) {
  NextHopTable table;
  table.add(kServer, std::nullopt);
  EXPECT_FALSE(table.find(kServer));
  EXPECT_FALSE(table.set_route(kServer, via(kServer)));
  EXPECT_TRUE(table.set_mac(via(kServer), kMac1));
  EXPECT_EQ(table.find(kServer), (NextHopSpec{"lan", 0, kMac1}));
  EXPECT_FALSE(table.set_mac(via(kServer), kMac1));
  EXPECT_TRUE(table.direct(kServer));
}

TEST(NextHopTable, FollowsAMacThatChanges) {
  NextHopTable table;
  table.add(kServer, std::nullopt);
  table.set_route(kServer, via(kServer, 7));
  table.set_mac(via(kServer, 7), kMac1);
  EXPECT_FALSE(table.set_mac(via(kServer), kMac2));  // on another VLAN: another neighbour
  EXPECT_TRUE(table.set_mac(via(kServer, 7), kMac2));
  EXPECT_EQ(table.find(kServer), (NextHopSpec{"lan", 7, kMac2}));
}

TEST(NextHopTable, ForgetsWhatIsRemoved) {
  NextHopTable table;
  table.add(kServer, std::nullopt);
  table.add(kFarServer, std::nullopt);
  table.set_route(kServer, via(kGateway));
  table.set_route(kFarServer, via(kGateway));
  table.set_mac(via(kGateway), kMac1);
  table.remove(kServer);
  EXPECT_FALSE(table.find(kServer));
  EXPECT_TRUE(table.find(kFarServer));
  EXPECT_EQ(table.destinations(), std::set<Address>{kFarServer});
  table.remove(kFarServer);
  table.remove(kFarServer);
  EXPECT_TRUE(table.neighbours().empty());
  EXPECT_FALSE(table.set_mac(via(kGateway), kMac2));
}

TEST(NextHopTable, SharesAGateway) {
  NextHopTable table;
  table.add(kServer, std::nullopt);
  table.add(kFarServer, std::nullopt);
  table.set_route(kServer, via(kServer));
  EXPECT_TRUE(table.set_route(kFarServer, via(kGateway)));  // no longer direct
  EXPECT_FALSE(table.direct(kFarServer));
  EXPECT_TRUE(table.set_mac(via(kGateway), kMac1));
  EXPECT_TRUE(table.find(kFarServer));
  EXPECT_FALSE(table.find(kServer));
  EXPECT_EQ(table.neighbours().size(), 2u);
}

TEST(NextHopTable, UsesAKnownGatewayForALaterServer) {
  NextHopTable table;
  table.add(kServer, std::nullopt);
  table.set_route(kServer, via(kGateway));
  table.set_mac(via(kGateway), kMac1);
  table.add(kFarServer, NextHopSpec{"wan", 0, kMac2});
  EXPECT_TRUE(table.set_route(kFarServer, via(kGateway)));
  EXPECT_EQ(table.find(kFarServer), (NextHopSpec{"lan", 0, kMac1}));
  EXPECT_FALSE(table.set_mac(via(kGateway), kMac1));
  table.remove(kServer);
  table.remove(kFarServer);
  table.add(kFarServer, std::nullopt);
  table.set_route(kFarServer, via(kGateway));
  EXPECT_FALSE(table.find(kFarServer)) << "a MAC that nobody needed is forgotten";
}

TEST(NextHopTable, KeepsTheLastKnownUntilAnotherIsLearnt) {
  NextHopTable table;
  table.add(kFarServer, std::nullopt);
  table.set_route(kFarServer, via(kGateway));
  table.set_mac(via(kGateway), kMac1);
  const NextHopSpec known{"lan", 0, kMac1};
  table.set_route(kFarServer, std::nullopt);
  EXPECT_EQ(table.find(kFarServer), known);
  const Via moved = via(Ipv4Address::from_host(0x0a000002));
  table.set_route(kFarServer, moved);
  EXPECT_EQ(table.find(kFarServer), known);
  EXPECT_FALSE(table.set_mac(via(kGateway), kMac2));  // the old gateway counts no more
  EXPECT_TRUE(table.set_mac(moved, kMac2));
  EXPECT_EQ(table.find(kFarServer), (NextHopSpec{"lan", 0, kMac2}));
  EXPECT_EQ(table.neighbours().size(), 1u);
}

TEST(NextHopTable, StartsWithTheDataPlanesNextHops) {
  NextHopTable table;
  table.add(kServer, NextHopSpec{"lan", 0, kMac1});
  table.add(kServer, std::nullopt);  // the same server in another, new service
  EXPECT_EQ(table.find(kServer), (NextHopSpec{"lan", 0, kMac1}));
}

}  // namespace
}  // namespace lb::controlplane
