// Against the real kernel, in a namespace of its own. Each test ends a process: no address can be
// added after it.
#include "controlplane/network/vip_removal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "controlplane/os/test_namespace.h"

namespace lb::controlplane {
namespace {

Vip vip(const char* prefix, const char* interface = "wan") {
  return {Prefix::parse(prefix).value(), interface};
}

class VipRemovalInKernel : public testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    if (!test::enter_new_namespace()) GTEST_SKIP() << "needs root";
    test::shell("ip link add wan type veth peer name peer && ip link set wan up");
  }
};

struct Wan {
  Wan() {
    const auto links = requests.links().value();
    index = std::ranges::find(links, "wan", &netlink::Link::name)->index;
  }

  void add(const char* prefix) {
    if (!requests.add_address(index, Prefix::parse(prefix).value())) std::_Exit(11);
  }
  std::string addresses() {
    std::string text;
    const auto all = requests.addresses().value();
    for (const auto& each : all) {
      if (each.index == index) text += each.prefix.to_string() + ' ';
    }
    return text;
  }

  netlink::Requests requests = netlink::Requests::open().value();
  int index = 0;
};

TEST_F(VipRemovalInKernel, TakesTheVipsAndLeavesOtherAddresses) {
  EXPECT_EXIT(
      {
        Wan wan;
        for (const char* each : {"192.0.2.2/24", "192.0.2.10/24", "192.0.2.11/32"}) wan.add(each);
        const auto removal = VipRemoval::open().value();
        removal->set({vip("192.0.2.99/32")});
        removal->set({vip("192.0.2.10/24"), vip("192.0.2.12/32"), vip("192.0.2.2/24", "absent")});
        removal->add({vip("192.0.2.11/32")});
        removal->run();
        const bool refused = !wan.requests.add_address(wan.index, vip("192.0.2.10/24").prefix);
        std::_Exit(wan.addresses() == "192.0.2.2/24 " && refused ? 7 : 1);
      },
      testing::ExitedWithCode(7), "removed 2 VIPs in place of");
}

// A loop that lives adds what others remove.
TEST_F(VipRemovalInKernel, NoOtherThreadAddsThemAgain) {
  EXPECT_EXIT(
      {
        std::atomic<bool> end = false;
        std::atomic<unsigned> rounds = 0;
        std::thread loop([&] {
          Wan wan;
          for (; !end; ++rounds) {
            static_cast<void>(wan.requests.add_address(wan.index, vip("192.0.2.10/24").prefix));
          }
        });
        while (rounds == 0) std::this_thread::yield();
        const auto removal = VipRemoval::open().value();
        removal->set({vip("192.0.2.10/24")});
        removal->run();
        const std::string left = Wan().addresses();
        const unsigned before = rounds;
        while (rounds < before + 10) std::this_thread::yield();
        const std::string later = Wan().addresses();
        end = true;
        loop.join();
        std::_Exit(left.empty() && later.empty() ? 7 : 1);
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace lb::controlplane
