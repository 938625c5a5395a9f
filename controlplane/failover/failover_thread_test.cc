// The failover thread at work, against the real kernel in a namespace of our own: "wan" is a veth
// that plays the TAP. The test's own thread is the main loop, and is held up as long as it does not
// run it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/failover/failover.h"
#include "controlplane/failover/notifier.h"
#include "controlplane/netlink/requests.h"
#include "controlplane/os/test_namespace.h"

namespace lb::controlplane {
namespace {

using namespace std::chrono_literals;
using test::shell;

constexpr const char* kVip = "192.0.2.10/24";

config::Config make_config() {
  config::Config config;
  config.director.name = "lb1";
  config.director.run_dir = "/nonexistent";
  config::Port wan;
  wan.name = "wan";
  wan.addresses = {Prefix::parse("192.0.2.2/24").value()};
  config.ports = {wan};
  config::HaInstance instance;
  instance.name = "VI";
  instance.port = "wan";
  instance.virtual_router_id = 51;
  instance.priority = 150;
  instance.advert_interval = config::Milliseconds(100);
  instance.addresses = {Prefix::parse(kVip).value()};
  config.ha.instances = {instance};
  config.ha.garp_count = 1;
  return config;
}

class FailoverThread : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::enter_new_namespace()) GTEST_SKIP() << "needs root";
    shell("ip link add wan type veth peer name peer && ip link set wan up && ip link set peer up");
    shell("ip address add 192.0.2.2/24 dev wan && ip address add 192.0.2.3/24 dev peer");
    requests.emplace(netlink::Requests::open().value());
  }

  void start(const config::Config& config = make_config()) {
    failover = std::make_unique<Failover>(
        io, config,
        Failover::Host{.set_standby = [this](const std::set<Address>& vips) { standby = vips; },
                       .has_server_up = [this](const std::string&) { return has_server; },
                       .all_servers_checked = [] { return true; },
                       .transition = [this](const HaEvent& event) { became.push_back(event.to); },
                       .sync_link = [](bool, const std::string&) {},
                       .resource = [](const ResourceAlert&) {},
                       .unknown_router = [](const auto&, const auto&) {},
                       .late_advert = [](const auto&, const auto&) {},
                       .late_heartbeat = [](const auto&) {},
                       .check_opinions =
                           [](const sync::CheckKeys& keys) {
                             return sync::CheckOpinions(keys.size(), sync::CheckOpinion::kUp);
                           }});
    ASSERT_TRUE(failover->start());
  }

  // Whether the address is on wan; asked of the kernel, without the help of any loop.
  bool present(const char* prefix = kVip) {
    const auto addresses = requests->addresses().value();
    return std::ranges::find(addresses, Prefix::parse(prefix).value(),
                             &netlink::InterfaceAddress::prefix) != addresses.end();
  }
  // Without running the main loop.
  static bool wait_held_up(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!done() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
    return done();
  }
  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }

  api::control::Status status() {
    std::optional<api::control::Status> answer;
    failover->fill_status([&answer](const api::control::Status& status) { answer = status; });
    EXPECT_TRUE(wait([&answer] { return answer.has_value(); }));
    return answer.value_or(api::control::Status());
  }
  Result<std::string> command(api::control::HaCommand::Kind kind) {
    api::control::HaCommand command;
    command.set_kind(kind);
    std::optional<Result<std::string>> answer;
    failover->command(command, [&answer](Result<std::string> begun) { answer = std::move(begun); });
    EXPECT_TRUE(wait([&answer] { return answer.has_value(); }));
    return answer.value_or(fail("no answer"));
  }

  boost::asio::io_context io;
  std::optional<netlink::Requests> requests;
  std::unique_ptr<Failover> failover;
  std::optional<std::set<Address>> standby;
  bool has_server = true;
  std::vector<std::string> became;
};

// The walk of docs/architecture.md: adverts stay away -> state machine -> addresses.
using Walk9 = FailoverThread;

TEST_F(Walk9, TakesOverWhileTheMainLoopIsHeldUp) {
  start();
  EXPECT_TRUE(wait_held_up([this] { return present(); }));
  EXPECT_FALSE(standby);
  EXPECT_TRUE(became.empty());
  // Then it gets the transition.
  EXPECT_TRUE(wait([this] { return !became.empty() && became.back() == "MASTER"; }));
  EXPECT_TRUE(standby && standby->empty());
  ASSERT_EQ(status().vips_size(), 1);
  // The kernel's notification comes after the address.
  EXPECT_TRUE(wait([this] { return status().vips(0).present(); }));
  EXPECT_EQ(status().ha().groups(0).state(), "MASTER");
}

TEST_F(FailoverThread, KeepsAddressesWhileTheMainLoopBlocks) {
  start();
  ASSERT_TRUE(wait_held_up([this] { return present(); }));
  shell("ip address del 192.0.2.10/24 dev wan");
  EXPECT_TRUE(wait_held_up([this] { return present(); }));
  failover->stop();
  EXPECT_FALSE(present());
  EXPECT_TRUE(present("192.0.2.2/24"));
}

TEST_F(FailoverThread, LeavesForeignAddresses) {
  const auto links = requests->links().value();
  const int wan = std::ranges::find(links, "wan", &netlink::Link::name)->index;
  // A service's VIP, with our mark; and an operator's address.
  ASSERT_TRUE(requests->add_address(wan, Prefix::parse("192.0.2.20/32").value()));
  shell("ip address add 192.0.2.21/32 dev wan");
  start();
  ASSERT_TRUE(wait_held_up([this] { return present(); }));
  ASSERT_TRUE(command(api::control::HaCommand::RESIGN));
  EXPECT_TRUE(wait([this] { return !present(); }));
  EXPECT_TRUE(present("192.0.2.20/32"));
  EXPECT_TRUE(present("192.0.2.21/32"));
}

// Else the kernel would send from the VIP.
TEST_F(FailoverThread, KeepsTheInterfacesOwnAddressFirst) {
  config::Config config = make_config();
  config.ports[0].addresses.push_back(Prefix::parse("198.51.100.2/24").value());
  config.ha.instances[0].addresses.push_back(Prefix::parse("198.51.100.10/24").value());
  start(config);
  ASSERT_TRUE(wait_held_up([this] { return present(); }));
  EXPECT_FALSE(present("198.51.100.10/24"));
  shell("ip address add 198.51.100.2/24 dev wan");
  EXPECT_TRUE(wait_held_up([this] { return present("198.51.100.10/24"); }));
}

// The port gets its link after the start, as ports of a data plane do: operators are not alerted.
TEST_F(FailoverThread, IsNotInFaultWhileItStarts) {
  shell("ip link set wan down");
  start();
  EXPECT_TRUE(wait([this] {
    const auto group = status().ha().groups(0);
    return group.state() == "INIT" && group.instances(0).fault() == "interface wan has no link";
  }));
  EXPECT_FALSE(present());
  shell("ip link set wan up");
  EXPECT_TRUE(wait([this] { return !became.empty() && became.back() == "MASTER"; }));
  EXPECT_EQ(became, (std::vector<std::string>{"BACKUP", "MASTER"}));
}

// A restart of the control plane: what it tracks is not known at once.
TEST_F(FailoverThread, KeepsTheAddressesOfItsPredecessorWhileItStarts) {
  const auto links = requests->links().value();
  const int wan = std::ranges::find(links, "wan", &netlink::Link::name)->index;
  ASSERT_TRUE(requests->add_address(wan, Prefix::parse(kVip).value()));
  config::Config config = make_config();
  config.ha.instances[0].tracks.emplace_back().service = "web";
  has_server = false;
  start(config);
  EXPECT_TRUE(
      wait([this] { return status().ha().groups(0).instances(0).fault() == "service web fails"; }));
  EXPECT_TRUE(present());
  has_server = true;
  failover->update_facts();
  EXPECT_TRUE(wait([this] { return !became.empty() && became.back() == "MASTER"; }));
  EXPECT_TRUE(present());
}

TEST_F(FailoverThread, FollowsATrackedServiceAtOnce) {
  config::Config config = make_config();
  config::HaTrack track;
  track.service = "web";
  config.ha.instances[0].tracks = {track};
  has_server = false;
  start(config);
  EXPECT_TRUE(
      wait([this] { return status().ha().groups(0).instances(0).fault() == "service web fails"; }));
  EXPECT_FALSE(present());
  has_server = true;
  failover->update_facts();
  EXPECT_TRUE(wait_held_up([this] { return present(); }));
  has_server = false;
  failover->update_facts();
  EXPECT_TRUE(wait([this] { return status().ha().groups(0).state() == "FAULT"; }));
  EXPECT_FALSE(present());
  has_server = true;
  failover->update_facts();
  EXPECT_TRUE(wait_held_up([this] { return present(); }));
  // Another configuration no longer asks.
  has_server = false;
  failover->configure(make_config());
  EXPECT_EQ(status().ha().groups(0).instances(0).terms_size(), 0);
  EXPECT_TRUE(present());
}

// Sees the adverts that leave through wan.
class Adverts {
 public:
  Adverts() : fd_(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP))) {
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(ETH_P_IP);
    at.sll_ifindex = static_cast<int>(if_nametoindex("peer"));
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
  }
  ~Adverts() { close(fd_); }
  Adverts(const Adverts&) = delete;
  Adverts& operator=(const Adverts&) = delete;

  // Where the first one from now on comes from.
  std::string next() {
    std::array<char, 2048> packet{};
    while (recv(fd_, packet.data(), packet.size(), MSG_DONTWAIT) > 0) {
    }
    iphdr header{};
    do {
      if (recv(fd_, packet.data(), packet.size(), 0) < static_cast<ssize_t>(sizeof header)) {
        return "none";
      }
      std::memcpy(&header, packet.data(), sizeof header);
    } while (header.protocol != 112);
    return inet_ntoa({header.saddr});
  }

 private:
  const int fd_;
};

TEST_F(FailoverThread, RecoversWhenItsOwnAddressComesLateOrReturns) {
  Adverts adverts;
  const auto state = [this] { return status().ha().groups(0).state(); };
  const auto fault = [this] { return status().ha().groups(0).instances(0).fault(); };
  shell("ip address del 192.0.2.2/24 dev wan");
  start();
  ASSERT_TRUE(wait([&] { return fault() == "interface wan lacks its address 192.0.2.2"; }));
  shell("ip address add 192.0.2.2/24 dev wan");
  ASSERT_TRUE(wait([&] { return state() == "MASTER"; }));
  EXPECT_EQ(adverts.next(), "192.0.2.2");

  shell("ip address del 192.0.2.2/24 dev wan");
  ASSERT_TRUE(wait([&] { return state() == "FAULT"; }));
  shell("ip address add 192.0.2.2/24 dev wan");
  ASSERT_TRUE(wait([&] { return state() == "MASTER"; }));
  EXPECT_EQ(adverts.next(), "192.0.2.2");
  EXPECT_TRUE(wait([this] { return present(); }));

  shell("ip link set wan down");
  ASSERT_TRUE(wait([&] { return state() == "FAULT"; }));
  shell("ip link set wan up");
  ASSERT_TRUE(wait([&] { return state() == "MASTER"; }));
  EXPECT_EQ(adverts.next(), "192.0.2.2");
}

TEST_F(FailoverThread, SendsFromTheAddressOfANewConfiguration) {
  Adverts adverts;
  start();
  ASSERT_TRUE(wait([this] { return !became.empty() && became.back() == "MASTER"; }));
  EXPECT_EQ(adverts.next(), "192.0.2.2");
  shell("ip address add 192.0.2.4/24 dev wan");
  config::Config config = make_config();
  config.ports[0].addresses = {Prefix::parse("192.0.2.4/24").value()};
  failover->configure(config);
  EXPECT_TRUE(wait([&adverts] { return adverts.next() == "192.0.2.4"; }));
  shell("ip address del 192.0.2.2/24 dev wan; ip address replace 192.0.2.4/24 dev wan");
  EXPECT_TRUE(wait([this] { return status().ha().groups(0).state() == "MASTER"; }));
  EXPECT_EQ(adverts.next(), "192.0.2.4");
}

TEST_F(FailoverThread, ResignsWhenItLeaves) {
  start();
  ASSERT_TRUE(wait([this] { return !became.empty() && became.back() == "MASTER"; }));
  bool handed_over = false;
  bool left = false;
  failover->leave(
      [&handed_over](const std::string& what) { handed_over = what != "handing over to the peer"; },
      [&left] { left = true; });
  EXPECT_TRUE(wait([&left] { return left; }));
  EXPECT_TRUE(handed_over);
  EXPECT_EQ(became.back(), "BACKUP");
  EXPECT_FALSE(present());
}

// Both sides send all the time: nothing is lost or stays unsent.
TEST_F(FailoverThread, ReceivesCommandsQueriesAndFacts) {
  config::Config config = make_config();
  config::HaTrack track;
  track.service = "web";
  track.weight = -20;
  config.ha.instances[0].tracks = {track};
  start(config);
  ASSERT_TRUE(wait_held_up([this] { return present(); }));
  for (int round = 0; round < 50; ++round) {
    has_server = round % 2 == 0;
    failover->update_facts();
    failover->configure(config);
    EXPECT_EQ(status().ha().groups(0).instances(0).priority(), has_server ? 150 : 130);
    EXPECT_EQ(
        command(round % 2 == 0 ? api::control::HaCommand::FREEZE : api::control::HaCommand::THAW)
            .value(),
        round % 2 == 0 ? "frozen" : "thawed");
  }
  EXPECT_EQ(became.size(), 2U);  // BACKUP, MASTER
}

}  // namespace
}  // namespace lb::controlplane
