#include "dataplane/lcore/device.h"

#include <gtest/gtest.h>

namespace lb {
namespace {

TEST(Device, FindsTheInterfaceInTheArguments) {
  EXPECT_EQ(interface_of("net_af_packet0,iface=eth1"), "eth1");
  EXPECT_EQ(interface_of("net_af_xdp0,start_queue=1,iface=eth1,queue_count=2"), "eth1");
  EXPECT_EQ(interface_of("net_null0"), "");
  EXPECT_EQ(interface_of("0000:03:00.0"), "");
}

TEST(Device, HasArguments) {
  EXPECT_EQ(argument_of("net_af_packet0,iface=eth1,framesz=4096", "framesz"), "4096");
  EXPECT_EQ(argument_of("net_af_packet0,iface=eth1,framesz=4096", "framecnt"), "");
}

}  // namespace
}  // namespace lb
