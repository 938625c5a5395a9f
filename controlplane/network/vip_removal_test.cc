// Against the real kernel, in a namespace of its own. Each test ends a process: no address can be
// added after it.
#include "controlplane/network/vip_removal.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
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
      testing::ExitedWithCode(7),
      "192.0.2.10/24, which was left(.|\n)*192.0.2.11/32, which was left");
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

// What the thread may do to network interfaces.
void may_administer(bool may) {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &head, data) != 0) std::_Exit(12);
  constexpr std::uint32_t kBit = 1U << CAP_NET_ADMIN;
  data[0].effective = may ? data[0].effective | kBit : data[0].effective & ~kBit;
  if (::syscall(SYS_capset, &head, data) != 0) std::_Exit(12);
}

TEST_F(VipRemovalInKernel, WhatTheKernelRefusesIsTriedAgain) {
  EXPECT_EXIT(
      {
        Wan().add("192.0.2.10/24");
        const auto removal = VipRemoval::open().value();
        removal->set({vip("192.0.2.10/24")});
        may_administer(false);
        std::signal(SIGUSR1, [](int) { may_administer(true); });
        // The log is read as it comes: once it says so, the kernel allows it.
        int ends[2];
        const int log = ::dup(2);
        if (::pipe(ends) != 0 || ::dup2(ends[1], 2) < 0) std::_Exit(12);
        std::thread reader([&, caller = ::pthread_self()] {
          std::string text;
          char byte = 0;
          while (text.find("left") == std::string::npos && ::read(ends[0], &byte, 1) == 1) {
            text += byte;
            if (text.ends_with("is still there")) ::pthread_kill(caller, SIGUSR1);
          }
          if (::write(log, text.data(), text.size()) < 0) std::_Exit(12);
        });
        removal->run();
        reader.join();
        std::_Exit(Wan().addresses().empty() ? 7 : 1);
      },
      testing::ExitedWithCode(7),
      "192.0.2.10/24 is still there, trying again(.|\n)*removed VIP 192.0.2.10/24, which was left");
}

}  // namespace
}  // namespace lb::controlplane
