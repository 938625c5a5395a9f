#include "controlplane/netlink/announce.h"

#include <gtest/gtest.h>

namespace lb::netlink {
namespace {

TEST(Announce, EncodesARequest) {
  const MacAddress mac{{0x02, 0, 0, 0, 0, 0x2a}};
  const ArpFrame expected = {
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0,  0, 0x2a, 0x08, 0x06,  // Ethernet
      0,    1,    8,    0,    6,    4,    0,    1,                              // request
      0x02, 0,    0,    0,    0,    0x2a, 192,  0, 2, 10,                       // sender
      0,    0,    0,    0,    0,    0,    192,  0, 2, 10,                       // target
  };
  EXPECT_EQ(make_gratuitous_arp(mac, Ipv4Address::from_host(0xc000020a), ArpForm::kRequest),
            expected);
}

TEST(Announce, EncodesAReply) {
  const MacAddress mac{{0x02, 0, 0, 0, 0, 0x2a}};
  const ArpFrame expected = {
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0,  0, 0x2a, 0x08, 0x06,  // Ethernet
      0,    1,    8,    0,    6,    4,    0,    2,                              // reply
      0x02, 0,    0,    0,    0,    0x2a, 192,  0, 2, 10,                       // sender
      0x02, 0,    0,    0,    0,    0x2a, 192,  0, 2, 10,                       // target
  };
  EXPECT_EQ(make_gratuitous_arp(mac, Ipv4Address::from_host(0xc000020a), ArpForm::kReply),
            expected);
}

}  // namespace
}  // namespace lb::netlink
