#include "controlplane/netlink/state.h"

#include <gtest/gtest.h>

namespace lb::netlink {
namespace {

Link make_link(int index, const char* name, bool running) {
  Link link;
  link.index = index;
  link.name = name;
  link.up = true;
  link.running = running;
  link.mtu = 1500;
  return link;
}

Prefix prefix(const char* text) {
  return Prefix::parse(text).value();
}

TEST(State, CountsStartsOfALink) {
  State state;
  state.put(make_link(3, "wan", false));
  EXPECT_EQ(state.link("wan")->times_started, 0u);
  state.put(make_link(3, "wan", true));
  EXPECT_EQ(state.link("wan")->times_started, 1u);
  state.put(make_link(3, "wan", false));
  state.put(make_link(3, "wan", true));
  EXPECT_EQ(state.link("wan")->times_started, 2u);
}

TEST(State, ReportsNoChangeForARepeatedNotification) {
  State state;
  state.put(make_link(3, "wan", true));
  state.put({.index = 3, .prefix = prefix("192.0.2.2/24"), .owned = true});
  state.take_changes();
  state.put(make_link(3, "wan", true));
  state.put({.index = 3, .prefix = prefix("192.0.2.2/24"), .owned = true});
  state.remove(InterfaceAddress{.index = 3, .prefix = prefix("192.0.2.3/24"), .owned = true});
  state.remove_link(9);
  EXPECT_FALSE(state.take_changes().any());
}

TEST(State, RemovesTheEntriesOfAVanishedLink) {
  State state;
  const Address server = Ipv4Address::from_host(0x0a00000b);
  state.put(make_link(3, "wan", true));
  state.put({.index = 3, .prefix = prefix("192.0.2.2/24"), .owned = true});
  state.put(Neighbour{3, server, NeighbourState::kConfirmed, {}});
  state.put(Neighbour{4, server, NeighbourState::kConfirmed, {}});
  state.remove_link(3);
  EXPECT_EQ(state.link("wan"), nullptr);
  EXPECT_TRUE(state.addresses(3).empty());
  EXPECT_EQ(state.neighbour({3, server}), nullptr);
  EXPECT_NE(state.neighbour({4, server}), nullptr);
}

TEST(State, ReplaceForgetsWhatIsGoneAndReportsEverything) {
  State state;
  state.put(make_link(3, "wan", true));
  state.put(make_link(4, "lan", true));
  state.put({.index = 4, .prefix = prefix("10.0.0.1/24"), .owned = true});
  state.take_changes();
  state.replace({make_link(3, "wan", true)}, {}, {});
  EXPECT_EQ(state.link("wan")->times_started, 1u);
  EXPECT_EQ(state.link("lan"), nullptr);
  EXPECT_TRUE(state.addresses(4).empty());
  const Changes changes = state.take_changes();
  EXPECT_TRUE(changes.links && changes.addresses && changes.routes && changes.all_neighbours);
}

}  // namespace
}  // namespace lb::netlink
