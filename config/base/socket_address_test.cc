#include "config/base/socket_address.h"

#include <gtest/gtest.h>

namespace lb {
namespace {

TEST(SocketAddress, ComesBackAsItWas) {
  for (const char* text : {"192.0.2.10:80", "[2001:db8::10]:80"}) {
    const Endpoint endpoint = Endpoint::parse(text).value();
    EXPECT_EQ(SocketAddress(endpoint).endpoint(), endpoint);
  }
}

TEST(SocketAddress, HasTheFormOfItsFamily) {
  const SocketAddress ipv4(Endpoint::parse("192.0.2.10:80").value());
  EXPECT_EQ(ipv4.family(), AF_INET);
  EXPECT_EQ(ipv4.size(), sizeof(sockaddr_in));
  EXPECT_EQ(reinterpret_cast<const sockaddr_in*>(ipv4.data())->sin_port, htons(80));
  const SocketAddress ipv6(Endpoint::parse("[2001:db8::10]:80").value());
  EXPECT_EQ(ipv6.family(), AF_INET6);
  EXPECT_EQ(ipv6.size(), sizeof(sockaddr_in6));
}

TEST(SocketAddress, OfAnotherFamilyIsNoEndpoint) {
  EXPECT_EQ(SocketAddress().endpoint(), std::nullopt);
  SocketAddress local;
  local.data()->sa_family = AF_UNIX;
  EXPECT_EQ(local.endpoint(), std::nullopt);
}

}  // namespace
}  // namespace lb
