// A network namespace for each test.
#include "dataplane/kernel/tap.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "dataplane/kernel/readiness.h"

namespace lb {
namespace {

class TapTest : public testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "needs CAP_NET_ADMIN";
  }
  static std::unique_ptr<Tap> open(unsigned queues = 2) {
    auto tap = Tap::open({"lbtap0", kMac, 9000, queues});
    EXPECT_TRUE(tap) << tap.error().message;
    return tap ? std::move(*tap) : nullptr;
  }
  static ifreq ask(unsigned long what) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lbtap0");
    EXPECT_EQ(::ioctl(fd, what, &request), 0) << std::strerror(errno);
    ::close(fd);
    return request;
  }
  static MacAddress mac() {
    const ifreq answer = ask(SIOCGIFHWADDR);
    MacAddress found;
    std::memcpy(found.bytes.data(), answer.ifr_hwaddr.sa_data, found.bytes.size());
    return found;
  }
  static bool shell(const std::string& command) { return std::system(command.c_str()) == 0; }
  // The packets that are in the queue.
  static unsigned drain(int queue) {
    std::array<char, 70'000> packet;
    unsigned count = 0;
    while (::read(queue, packet.data(), packet.size()) > 0) ++count;
    return count;
  }

  static constexpr MacAddress kMac{{2, 0, 0, 0, 0, 7}};
};

TEST_F(TapTest, HasNameAddressAndMtuAndIsUp) {
  const auto tap = open();
  ASSERT_NE(tap, nullptr);
  EXPECT_EQ(mac(), kMac);
  EXPECT_EQ(ask(SIOCGIFMTU).ifr_mtu, 9000);
  EXPECT_NE(ask(SIOCGIFFLAGS).ifr_flags & IFF_UP, 0);
}

TEST_F(TapTest, HasSegmentationAndChecksumsLeftToIt) {
  const auto tap = open();
  ASSERT_NE(tap, nullptr);
  for (const char* feature : {"tcp-segmentation-offload", "tx-checksumming", "tx-tcp6-segmentation",
                              "tx-tcp-ecn-segmentation"}) {
    EXPECT_TRUE(shell(std::string("ethtool -k lbtap0 | grep -q '") + feature + ": on'")) << feature;
  }
}

TEST_F(TapTest, IsGoneWithItsOwner) {
  open().reset();
  EXPECT_EQ(if_nametoindex("lbtap0"), 0U);
  EXPECT_NE(open(), nullptr);  // and can be made again at once
}

TEST_F(TapTest, TakesNoInterfaceOfOthers) {
  ASSERT_TRUE(shell("ip tuntap add lbtap0 mode tap multi_queue vnet_hdr"));
  const auto tap = Tap::open({"lbtap0", kMac, 1500, 1});
  ASSERT_FALSE(tap);
  EXPECT_NE(tap.error().message.find("there is an interface lbtap0 already"), std::string::npos)
      << tap.error().message;
}

TEST_F(TapTest, ChangesItsMacWhileItIsUpAndRenamed) {
  const auto tap = open();
  ASSERT_NE(tap, nullptr);
  const MacAddress other{{0, 0, 0x5e, 0, 1, 51}};
  EXPECT_TRUE(tap->set_mac(other));
  EXPECT_EQ(mac(), other);
  ASSERT_TRUE(shell("ip link set lbtap0 down && ip link set lbtap0 name lbtap1 up"));
  EXPECT_TRUE(tap->set_mac(kMac));
  ASSERT_TRUE(shell("ip link set lbtap1 down && ip link set lbtap1 name lbtap0"));
  EXPECT_EQ(mac(), kMac);
}

TEST_F(TapTest, SaysWhatIsMissing) {
  const auto tap = Tap::open({"name/with/slashes", kMac, 1500, 1});
  ASSERT_FALSE(tap);
  EXPECT_NE(tap.error().message.find("kernel interface name/with/slas"), std::string::npos)
      << tap.error().message;
}

TEST_F(TapTest, ReadinessReportsThePortWithPackets) {
  const auto tap = open(2);
  ASSERT_NE(tap, nullptr);
  Readiness readiness;
  ASSERT_TRUE(readiness.add(tap->queue(0), 3));
  ASSERT_TRUE(readiness.add(tap->queue(1), 7));
  // An address makes the kernel send, too; that shall be over.
  ASSERT_TRUE(
      shell("sysctl -qw net.ipv6.conf.lbtap0.disable_ipv6=1 2>/dev/null;"
            "ip address add 192.0.2.1/24 dev lbtap0"));
  drain(tap->queue(0));
  drain(tap->queue(1));
  EXPECT_EQ(readiness.now(), 0U);
  EXPECT_EQ(readiness.wait(1'000), 0U);

  ASSERT_TRUE(shell("ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev lbtap0"));
  ASSERT_TRUE(shell("bash -c 'echo hello > /dev/udp/192.0.2.9/9'"));
  const std::uint32_t ports = readiness.wait(999'999'999);
  EXPECT_TRUE(ports == 1U << 3 || ports == 1U << 7) << ports;
  EXPECT_EQ(readiness.now(), ports);  // until it was read
  EXPECT_EQ(drain(tap->queue(0)) + drain(tap->queue(1)), 1U);
  EXPECT_EQ(readiness.now(), 0U);
}

TEST_F(TapTest, ReadinessForgetsARemovedInterface) {
  const auto tap = open(1);
  ASSERT_NE(tap, nullptr);
  Readiness readiness;
  ASSERT_TRUE(readiness.add(tap->queue(0), 0));
  ASSERT_TRUE(shell("ip link delete lbtap0"));
  readiness.wait(1'000'000);
  EXPECT_EQ(readiness.wait(1'000), 0U);
}

}  // namespace
}  // namespace lb
