// ClientHops against the real kernel, in a namespace of our own, and a data plane that stores what
// it is sent. Neighbours are set by the test as ARP would.
#include "controlplane/servers/client_hops.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/link/dataplane_client.h"
#include "controlplane/link/fake_dataplane.h"
#include "controlplane/netlink/monitor.h"
#include "controlplane/os/test_namespace.h"
#include "dataplane/api/snapshot_codec.h"

namespace lb::controlplane {
namespace {

using test::shell;
using Texts = std::vector<std::string>;

std::string text(const api::NextHop& message) {
  const auto hop = from_api(message).value();
  return hop.port + (hop.vlan == 0 ? "" : "." + std::to_string(hop.vlan)) + " " +
         hop.mac.to_string().substr(15);
}

config::Config two_ports() {
  config::Config config;
  for (const char* name : {"wan", "lan"}) config.ports.emplace_back().name = name;
  config.routes.emplace_back().via = *Address::parse("10.0.0.1");
  return config;
}

class ClientHopsInKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::enter_new_namespace()) GTEST_SKIP() << "needs root";
    for (const std::string port : {"wan", "lan"}) {
      shell("ip link add " + port + " type veth peer name p" + port + " && ip link set p" + port +
            " up && ip link set " + port + " up");
    }
    shell("ip address add 10.0.0.2/24 dev wan && ip address add 10.9.0.2/24 dev lan");
    start_dataplane();
    client.emplace(
        io, path,
        DataplaneClient::Events{.connected = [this](const auto&) { hops->on_connected(); },
                                .disconnected = [this] { hops->on_disconnected(); },
                                .applied = {},
                                .refused = {}});
    start();
    client->start();
  }
  void TearDown() override {
    if (client) client->stop();
  }
  void start_dataplane() {
    dataplane.emplace(io, path);
    ASSERT_EQ(dataplane->failure, "");
  }
  // A control plane's part.
  void start() {
    requests.emplace(netlink::Requests::open().value());
    monitor.emplace(io, *requests, [this](const auto& changes) { hops->on_change(changes); });
    hops.emplace(io, *client, *requests, monitor->state(), two_ports());
    ASSERT_TRUE(monitor->start());
  }

  static void neighbour(const std::string& address, const std::string& mac,
                        const std::string& port = "wan", const std::string& state = "stale") {
    shell("ip neigh replace " + address + " lladdr 02:00:00:00:00:" + mac + " dev " + port +
          " nud " + state);
  }
  Texts moves() const {
    Texts all;
    for (const api::HopsRequest& request : dataplane->hops) {
      for (const api::HopMove& move : request.moves()) {
        all.push_back(text(move.from()) + " to " + text(move.to()));
      }
    }
    return all;
  }
  bool remembered(const std::string& address, const std::string& hop) const {
    std::string last;
    for (const api::HopsRequest& request : dataplane->hops) {
      for (const api::Neighbour& each : request.neighbours()) {
        if (address_from_bytes(each.address()) != *Address::parse(address)) continue;
        last = each.has_next_hop() ? text(each.next_hop()) : "";
      }
    }
    return last == hop;
  }
  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }
  // Known, and so is that the data plane remembers it.
  void expect_known(const std::string& address, const std::string& hop) {
    EXPECT_TRUE(wait([&] { return remembered(address, hop); })) << address << " at " << hop;
  }

  boost::asio::io_context io;
  TestFolder folder;
  const std::string path = folder.path + "/dataplane.sock";
  std::optional<FakeDataplane> dataplane;
  std::optional<DataplaneClient> client;
  std::optional<netlink::Requests> requests;
  std::optional<netlink::Monitor> monitor;
  std::optional<ClientHops> hops;
};

TEST_F(ClientHopsInKernel, MoveWithANeighboursMac) {
  neighbour("10.0.0.9", "09");
  expect_known("10.0.0.9", "wan 09");
  neighbour("10.0.0.9", "19");
  EXPECT_TRUE(wait([&] { return moves() == Texts{"wan 09 to wan 19"}; }));
  expect_known("10.0.0.9", "wan 19");
  // Through a failure.
  shell("ip neigh replace 10.0.0.9 dev wan nud failed");
  neighbour("10.0.0.9", "29", "wan", "reachable");
  EXPECT_TRUE(wait([&] { return moves() == Texts({"wan 09 to wan 19", "wan 19 to wan 29"}); }));
}

TEST_F(ClientHopsInKernel, MoveWithAGatewayThatLeavesALivingRouter) {
  neighbour("10.0.0.1", "01");
  neighbour("10.0.0.8", "01", "wan", "reachable");
  expect_known("10.0.0.1", "wan 01");
  expect_known("10.0.0.8", "wan 01");
  neighbour("10.0.0.1", "02");
  EXPECT_TRUE(wait([&] { return moves() == Texts{"wan 01 to wan 02"}; }));
}

// Nobody answers on the other end of the wire: the machine that had both addresses is gone.
TEST_F(ClientHopsInKernel, MoveWhenNobodyAnswersFromTheOldMac) {
  neighbour("10.0.0.8", "01", "wan", "reachable");
  neighbour("10.0.0.9", "01");
  expect_known("10.0.0.8", "wan 01");
  expect_known("10.0.0.9", "wan 01");
  neighbour("10.0.0.9", "02");
  const int index = monitor->state().link("wan")->index;
  ASSERT_TRUE(wait([&] {
    const auto* other = monitor->state().neighbour({index, *Address::parse("10.0.0.8")});
    return other == nullptr || other->state == netlink::NeighbourState::kNone;
  })) << "it is not asked";
  EXPECT_EQ(moves(), Texts{});
  EXPECT_TRUE(wait([&] { return moves() == Texts{"wan 01 to wan 02"}; }));
}

TEST_F(ClientHopsInKernel, StayWhereAnotherAddressAnswers) {
  neighbour("10.0.0.7", "01", "wan", "permanent");
  neighbour("10.0.0.9", "01");
  expect_known("10.0.0.7", "wan 01");
  expect_known("10.0.0.9", "wan 01");
  neighbour("10.0.0.9", "02");
  expect_known("10.0.0.9", "wan 02");
  // By then the first is decided.
  neighbour("10.0.0.9", "03");
  EXPECT_TRUE(wait([&] { return moves() == Texts{"wan 02 to wan 03"}; }));
}

TEST_F(ClientHopsInKernel, FollowTheRouteToAnotherPort) {
  neighbour("10.0.0.1", "01");
  expect_known("10.0.0.1", "wan 01");
  // A stranger on another network claims it: the kernel would not send there.
  neighbour("10.0.0.1", "66", "lan");
  neighbour("10.0.0.5", "05");
  expect_known("10.0.0.5", "wan 05");
  EXPECT_EQ(moves(), Texts{});
  shell("ip route add 10.0.0.1/32 dev lan");
  EXPECT_TRUE(wait([&] { return moves() == Texts{"wan 01 to lan 66"}; }));
}

TEST_F(ClientHopsInKernel, MoveAfterARestartOfTheControlPlane) {
  api::Neighbour& known = *dataplane->remembered.add_neighbours();
  known.set_address(to_bytes(*Address::parse("10.0.0.9")));
  *known.mutable_next_hop() = to_api(NextHopSpec{"wan", 0, {{2, 0, 0, 0, 0, 9}}});
  // It moved while no control plane was there.
  neighbour("10.0.0.9", "19");
  EXPECT_TRUE(wait([&] { return moves() == Texts{"wan 09 to wan 19"}; }));
}

TEST_F(ClientHopsInKernel, AreSentToARestartedDataPlane) {
  neighbour("10.0.0.9", "09");
  expect_known("10.0.0.9", "wan 09");
  dataplane.reset();
  ASSERT_TRUE(wait([&] { return !client->connected(); }));
  neighbour("10.0.0.9", "19");
  start_dataplane();
  expect_known("10.0.0.9", "wan 19");
  EXPECT_EQ(moves(), Texts{}) << "it has no connections";
}

TEST_F(ClientHopsInKernel, IgnoreWhatIsNoMachineOnOurNetworks) {
  shell(
      "ip link add other type veth peer name pother && ip link set pother up &&"
      " ip link set other up && ip address add 172.16.0.1/24 dev other");
  neighbour("172.16.0.9", "09", "other");
  neighbour("10.0.0.9", "09");
  expect_known("10.0.0.9", "wan 09");
  EXPECT_TRUE(remembered("172.16.0.9", ""));
  shell("ip neigh replace 10.0.0.8 lladdr 01:00:5e:00:00:01 dev wan nud permanent");
  neighbour("10.0.0.10", "10");
  expect_known("10.0.0.10", "wan 10");
  EXPECT_TRUE(remembered("10.0.0.8", ""));
}

}  // namespace
}  // namespace lb::controlplane
