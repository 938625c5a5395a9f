#include "dataplane/control/hops.h"

#include <gtest/gtest.h>

#include "dataplane/api/snapshot_codec.h"
#include "dataplane/conn/testing/test_table.h"

namespace lb {
namespace {

NextHopSpec hop(const std::string& port, std::uint8_t number, std::uint16_t vlan = 0) {
  return {port, vlan, {{2, 0, 0, 0, 0, number}}};
}

std::vector<PortInfo> two_ports() {
  std::vector<PortInfo> ports(2);
  ports[0].name = "wan";
  ports[1].name = "lan";
  return ports;
}

class HopsEndpointTest : public testing::Test {
 protected:
  void move(const NextHopSpec& from, const NextHopSpec& to) {
    api::HopMove& move = *request.add_moves();
    *move.mutable_from() = to_api(from);
    *move.mutable_to() = to_api(to);
  }
  void neighbour(const std::string& address, const std::optional<NextHopSpec>& at) {
    api::Neighbour& neighbour = *request.add_neighbours();
    neighbour.set_address(address);
    if (at) *neighbour.mutable_next_hop() = to_api(*at);
  }
  Result<bool> send() {
    reply.Clear();
    auto moved = hops.change(request, reply);
    request.Clear();
    return moved;
  }

  test::TestTable table{ConnTable::Options{100}};
  HopsEndpoint hops{table->hops(), two_ports()};
  api::HopsRequest request;
  api::HopsReply reply;
};

TEST_F(HopsEndpointTest, MoveTheHopsOfConnections) {
  const std::uint8_t mac[] = {2, 0, 0, 0, 0, 1};
  const std::uint32_t known = table->hops().look_up(ClientHop::make(mac, 7, 1));
  const std::uint32_t other = table->hops().look_up(ClientHop::make(mac, 0, 1));
  move(hop("lan", 1, 7), hop("wan", 2));
  EXPECT_EQ(send(), true);
  const std::uint8_t to[] = {2, 0, 0, 0, 0, 2};
  EXPECT_EQ(table->hops().at(known), ClientHop::make(to, 0, 0));
  EXPECT_EQ(table->hops().at(other), ClientHop::make(mac, 0, 1)) << "on another VLAN";
  move(hop("lan", 1, 7), hop("wan", 2));
  EXPECT_EQ(send(), false) << "no connection goes there any more";
}

TEST_F(HopsEndpointTest, AreRefusedAsAWhole) {
  const std::uint8_t mac[] = {2, 0, 0, 0, 0, 1};
  const std::uint32_t known = table->hops().look_up(ClientHop::make(mac, 0, 1));
  move(hop("lan", 1), hop("lan", 2));
  move(hop("dmz", 1), hop("lan", 2));
  neighbour({10, 0, 0, 1}, hop("lan", 1));
  EXPECT_EQ(send().error().message, "there is no port \"dmz\"");
  EXPECT_EQ(table->hops().at(known), ClientHop::make(mac, 0, 1));
  request.add_moves();
  EXPECT_EQ(send().error().message, "a MAC address has 6 bytes");
  neighbour("x", hop("lan", 1));
  EXPECT_FALSE(send());
  request.set_read(true);
  ASSERT_EQ(send(), false);
  EXPECT_EQ(reply.neighbours_size(), 0);
}

TEST_F(HopsEndpointTest, RememberNeighbours) {
  neighbour({10, 0, 0, 1}, hop("lan", 1));
  neighbour({10, 0, 0, 2}, hop("lan", 2));
  neighbour({10, 0, 0, 1}, hop("wan", 3, 9));
  EXPECT_EQ(send(), false);
  EXPECT_EQ(reply.neighbours_size(), 0);
  neighbour({10, 0, 0, 2}, std::nullopt);
  request.set_read(true);
  EXPECT_EQ(send(), false);
  ASSERT_EQ(reply.neighbours_size(), 1);
  EXPECT_EQ(reply.neighbours(0).address(), std::string({10, 0, 0, 1}));
  EXPECT_EQ(from_api(reply.neighbours(0).next_hop()), hop("wan", 3, 9));
}

TEST_F(HopsEndpointTest, RememberABoundedNumber) {
  const auto address = [](std::uint32_t n) {
    return std::string(reinterpret_cast<const char*>(&n), sizeof n);
  };
  for (std::uint32_t n = 0; n <= HopsEndpoint::kMostNeighbours; ++n) {
    neighbour(address(n), hop("lan", 1));
  }
  neighbour(address(0), hop("lan", 2));
  request.set_read(true);
  ASSERT_TRUE(send());
  EXPECT_EQ(reply.neighbours_size(), static_cast<int>(HopsEndpoint::kMostNeighbours));
  for (const api::Neighbour& each : reply.neighbours()) {
    EXPECT_EQ(from_api(each.next_hop()), hop("lan", each.address() == address(0) ? 2 : 1));
  }
}

}  // namespace
}  // namespace lb
