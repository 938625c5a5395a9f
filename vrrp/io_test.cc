// Real sockets on both ends of a cable, in network namespaces of the test's own.
#include "vrrp/io.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <optional>

#include "vrrp/testing/rig.h"

namespace lb::vrrp {
namespace {

using std::chrono::milliseconds;
using test::ip;

constexpr milliseconds kQuiet{50};  // nothing arrives any more after so long

// One virtual router on one end of the cable, and what it received.
struct Router {
  Router(boost::asio::io_context& io, Io::Options options)
      : socket(
            io, std::move(options),
            [this](const Advert& advert, Ipv4Address from) {
              if (answer) return answer;
              heard.push_back(advert);
              sources.push_back(from);
              return std::optional<Reject>();
            },
            [this](const Io::Refused& advert, std::uint64_t) {
              refused.emplace_back(name_of(advert.reject));
              last_refused = advert;
            }) {}

  std::uint64_t rejected(Reject reject) const {
    return socket.counters().rejected[static_cast<std::size_t>(reject)];
  }

  std::vector<Advert> heard;
  std::vector<Ipv4Address> sources;
  std::vector<std::string> refused;
  Io::Refused last_refused;
  std::optional<Reject> answer;  // to the next adverts
  Io socket;
};

// A network namespace; sockets and interfaces stay in the one in which they were made.
class Namespace {
 public:
  Namespace() {
    if (unshare(CLONE_NEWNET) == 0) fd_ = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  }
  ~Namespace() {
    if (fd_ >= 0) close(fd_);
  }
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;

  bool good() const { return fd_ >= 0; }
  void enter() const { ASSERT_EQ(setns(fd_, CLONE_NEWNET), 0); }
  std::string path() const {
    return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_);
  }

 private:
  int fd_ = -1;
};

// The ends of a cable: "left" with 192.0.2.1 and 192.0.2.2, in a namespace of its own as another
// machine would be, and "right" with 192.0.2.3.
class VrrpSockets : public testing::Test {
 protected:
  void SetUp() override {
    if (!left.good() || !right.good()) GTEST_SKIP() << "needs root";
    make_cable();
  }

  static void shell(const std::string& command) {
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  void make_cable() {
    left.enter();
    shell("ip link add left type veth peer name right netns " + right.path());
    shell(
        "ip address add 192.0.2.1/24 dev left && ip address add 192.0.2.2/24 dev left && "
        "ip link set left up");
    right.enter();
    shell("ip address add 192.0.2.3/24 dev right && ip link set right up");
    wait_until_up("right");
    left.enter();
    wait_until_up("left");
  }
  // The kernel drops what is sent before.
  static void wait_until_up(const std::string& interface) {
    shell("timeout 20 sh -c 'until ip link show " + interface +
          " | grep -q state.UP; do sleep 0.01; done'");
  }
  // On its end of the cable.
  Result<void> open(Io& socket, const char* source) {
    const bool is_right = ip(source) == ip("192.0.2.3");
    (is_right ? right : left).enter();
    return socket.open(index_of(is_right ? "right" : "left"), ip(source));
  }
  static int index_of(const char* name) { return static_cast<int>(if_nametoindex(name)); }

  // In the present namespace; sysfs shows the one that it was mounted in.
  static std::string mac_of(const char* name) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request{};
    std::strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
    EXPECT_EQ(ioctl(fd, SIOCGIFHWADDR, &request), 0);
    close(fd);
    MacAddress mac;
    std::memcpy(mac.bytes.data(), request.ifr_hwaddr.sa_data, mac.bytes.size());
    return mac.to_string();
  }

  static Io::Options options(const char* interface, std::uint8_t vrid = 51) {
    Io::Options options;
    options.interface = interface;
    options.own = {3, vrid, 100, milliseconds(100), "", {ip("192.0.2.10")}};
    return options;
  }
  // Until `done`, or for as long as something may still come.
  bool run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io.restart();
      io.run_one_for(milliseconds(100));
    }
    return true;
  }
  void run_quiet() {
    io.restart();
    io.run_for(kQuiet);
  }

  Namespace left;
  Namespace right;
  boost::asio::io_context io;
};

TEST_F(VrrpSockets, MulticastArrives) {
  Router a(io, options("left"));
  Router b(io, options("right"));
  EXPECT_FALSE(a.socket.is_open());
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  EXPECT_TRUE(a.socket.is_open());
  a.socket.send(150);
  ASSERT_TRUE(run_until([&] { return !b.heard.empty(); }));
  Advert expected = options("left").own;
  expected.priority = 150;
  EXPECT_EQ(b.heard[0], expected);
  EXPECT_EQ(b.sources[0], ip("192.0.2.2"));  // as asked, not the first one of the interface
  b.socket.send(0);
  ASSERT_TRUE(run_until([&] { return !a.heard.empty(); }));
  EXPECT_EQ(a.heard[0].priority, 0);
  run_quiet();
  EXPECT_EQ(a.heard.size(), 1U);  // not what it sent itself
  EXPECT_EQ(a.socket.counters().sent, 1U);
  EXPECT_EQ(a.socket.counters().send_errors, 0U);
  EXPECT_EQ(a.socket.counters().received, 1U);
  EXPECT_TRUE(a.refused.empty() && b.refused.empty());
}

TEST_F(VrrpSockets, UnicastArrives) {
  Io::Options to_b = options("left");
  to_b.unicast_peers = {ip("192.0.2.99"), ip("192.0.2.3")};
  Io::Options to_a = options("right");
  to_a.unicast_peers = {ip("192.0.2.2")};
  Router a(io, to_b);
  Router b(io, to_a);
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  a.socket.send(150);
  ASSERT_TRUE(run_until([&] { return !b.heard.empty(); }));
  EXPECT_EQ(b.heard[0].priority, 150);
  EXPECT_EQ(b.sources[0], ip("192.0.2.2"));
  EXPECT_EQ(a.socket.counters().sent, 2U);  // one to each peer
  b.socket.send(120);
  ASSERT_TRUE(run_until([&] { return !a.heard.empty(); }));
  EXPECT_EQ(a.heard[0].priority, 120);
}

TEST_F(VrrpSockets, RefusesUnicastFromAnUnknownSender) {
  Io::Options to_b = options("left");
  to_b.unicast_peers = {ip("192.0.2.3")};
  Io::Options to_another = options("right");
  to_another.unicast_peers = {ip("192.0.2.77")};
  Router a(io, to_b);
  Router b(io, to_another);
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  a.socket.send(150);
  ASSERT_TRUE(run_until([&] { return !b.refused.empty(); }));
  EXPECT_EQ(b.refused, std::vector<std::string>{"bad_sender"});
}

TEST_F(VrrpSockets, AnotherVirtualRouterIsNotMeant) {
  Io::Options left52 = options("left", 52);
  Io::Options right52 = options("right", 52);
  left52.own.addresses = right52.own.addresses = {ip("192.0.2.20")};
  Router a(io, left52);
  Router b51(io, options("right", 51));
  Router b52(io, right52);
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(b51.socket, "192.0.2.3"));
  ASSERT_TRUE(open(b52.socket, "192.0.2.3"));
  a.socket.send(150);
  ASSERT_TRUE(run_until([&] { return !b52.heard.empty(); }));
  run_quiet();
  EXPECT_TRUE(b51.heard.empty());
  EXPECT_TRUE(b51.refused.empty());
}

TEST_F(VrrpSockets, OurAddressesUnderAnotherId) {
  Router a(io, options("left", 52));
  Router b(io, options("right", 51));
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  for (int i = 0; i < 2; ++i) a.socket.send(150);
  ASSERT_TRUE(run_until([&] { return b.rejected(Reject::bad_vrid) == 2; }));
  EXPECT_EQ(b.refused, std::vector<std::string>{"bad_vrid"});
  EXPECT_TRUE(b.heard.empty());
}

TEST_F(VrrpSockets, CountsRefusalsAndReportsThemOncePerSource) {
  Io::Options wrong = options("left");
  wrong.own.addresses = {ip("192.0.2.11")};
  Router stranger(io, wrong);
  Router a(io, options("left"));
  Router b(io, options("right"));
  ASSERT_TRUE(open(stranger.socket, "192.0.2.1"));
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  for (int i = 0; i < 3; ++i) stranger.socket.send(150);
  ASSERT_TRUE(run_until([&] { return b.rejected(Reject::bad_address_list) == 3; }));
  EXPECT_EQ(b.refused.size(), 1U);
  // Good ones in between do not make it report each bad one.
  for (std::uint64_t i = 1; i <= 5; ++i) {
    a.socket.send(100);
    stranger.socket.send(150);
    ASSERT_TRUE(run_until([&] { return b.rejected(Reject::bad_address_list) == 3 + i; }));
    EXPECT_EQ(b.socket.counters().received, i);
  }
  EXPECT_EQ(b.refused, std::vector<std::string>{"bad_address_list"});
}

TEST_F(VrrpSockets, LowTtlIsRefused) {
  Router b(io, options("right"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  left.enter();
  const int fd = socket(AF_INET, SOCK_RAW, kProtocol);
  ASSERT_GE(fd, 0);
  const int ttl = 64;
  ip_mreqn out{};
  out.imr_ifindex = index_of("left");
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = kMulticastGroup.be.raw;
  const auto payload = encode(options("left").own, ip("192.0.2.1"), kMulticastGroup);
  setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl));
  setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out));
  EXPECT_GT(
      sendto(fd, payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)),
      0);
  close(fd);
  ASSERT_TRUE(run_until([&] { return !b.refused.empty(); }));
  EXPECT_EQ(b.refused[0], "bad_ttl");
}

TEST_F(VrrpSockets, DrainReceivesPendingAdverts) {
  Router a(io, options("left"));
  Router b(io, options("right"));
  b.socket.drain();  // closed: nothing
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  a.socket.send(150);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (b.heard.empty() && std::chrono::steady_clock::now() < deadline) b.socket.drain();
  EXPECT_EQ(b.heard.size(), 1U);
}

TEST_F(VrrpSockets, TheInterfaceIsReplaced) {
  Router a(io, options("left"));
  Router b(io, options("right"));
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  left.enter();
  const int before = index_of("left");
  shell("ip link del left");
  a.socket.send(150);  // no harm
  EXPECT_EQ(a.socket.counters().send_errors, 1U);
  run_quiet();
  make_cable();
  left.enter();
  ASSERT_NE(index_of("left"), before);
  ASSERT_TRUE(open(a.socket, "192.0.2.1"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  a.socket.send(150);
  ASSERT_TRUE(run_until([&] { return !b.heard.empty(); }));
  EXPECT_EQ(b.sources[0], ip("192.0.2.1"));
  EXPECT_EQ(a.socket.counters().sent, 1U);
}

TEST_F(VrrpSockets, AnInterfaceThatIsNotThere) {
  for (const bool unicast : {false, true}) {
    Io::Options given = options("gone");
    if (unicast) given.unicast_peers = {ip("192.0.2.3")};
    Router router(io, given);
    const Result<void> opened = router.socket.open(4711, ip("192.0.2.2"));
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().message.starts_with("gone: VRRP socket: "))
        << opened.error().message;
    EXPECT_FALSE(router.socket.is_open());
    router.socket.send(100);
    EXPECT_EQ(router.socket.counters().sent, 0U);
  }
}

TEST_F(VrrpSockets, ClosedIsSilent) {
  Router a(io, options("left"));
  Router b(io, options("right"));
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  b.socket.close();
  a.socket.send(150);
  run_quiet();
  EXPECT_TRUE(b.heard.empty());
  EXPECT_FALSE(b.socket.is_open());
}

// With the MAC address that it was sent from.
TEST_F(VrrpSockets, ReportsAnUnknownRouter) {
  Router a(io, options("left"));
  Router b(io, options("right"));
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(b.socket, "192.0.2.3"));
  right.enter();
  shell("ip neigh flush dev right");
  b.answer = Reject::unknown_router;
  a.socket.send(200);
  ASSERT_TRUE(run_until([&] { return !b.refused.empty(); }));
  EXPECT_EQ(b.refused, std::vector<std::string>{"unknown_router"});
  EXPECT_EQ(b.last_refused.source, ip("192.0.2.2"));
  EXPECT_EQ(b.last_refused.priority, 200);
  left.enter();
  ASSERT_TRUE(b.last_refused.mac);
  EXPECT_EQ(b.last_refused.mac->to_string(), mac_of("left"));
  EXPECT_EQ(b.rejected(Reject::unknown_router), 1);
  EXPECT_EQ(b.socket.counters().received, 0);
  ASSERT_TRUE(b.socket.unknown());
  EXPECT_EQ(b.socket.unknown()->advert.source, ip("192.0.2.2"));
}

TEST_F(VrrpSockets, OpenedAnewFromItsOwnCallback) {
  Router a(io, options("left"));
  int heard = 0;
  std::optional<Io> b;
  b.emplace(
      io, options("right"),
      [&](const Advert&, Ipv4Address) {
        ++heard;
        EXPECT_TRUE(open(*b, "192.0.2.3"));
        return std::optional<Reject>();
      },
      [](const Io::Refused&, std::uint64_t) {});
  ASSERT_TRUE(open(a.socket, "192.0.2.2"));
  ASSERT_TRUE(open(*b, "192.0.2.3"));
  for (int i = 1; i <= 5; ++i) {
    a.socket.send(150);
    ASSERT_TRUE(run_until([&] { return heard == i; }));
  }
  b.reset();
  run_quiet();
  EXPECT_EQ(heard, 5);
}

}  // namespace
}  // namespace lb::vrrp
