#include "config/base/net.h"

#include <gtest/gtest.h>

namespace lb {
namespace {

template <typename T>
std::string error_of(std::string_view text) {
  const auto result = T::parse(text);
  return result ? "parsed as " + result->to_string() : result.error().message;
}

TEST(Ipv4Address, ParsesAndPrints) {
  for (const char* text : {"0.0.0.0", "192.0.2.10", "255.255.255.255", "10.0.0.1"}) {
    const auto address = Ipv4Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
  EXPECT_EQ(Ipv4Address::parse("192.0.2.1")->host(), 0xc0000201u);
}

TEST(Ipv4Address, ExplainsMistakes) {
  EXPECT_EQ(error_of<Ipv4Address>("10.0.0.256"),
            "\"10.0.0.256\" is not an IPv4 address: 256 is larger than 255");
  EXPECT_EQ(error_of<Ipv4Address>("10.0.0.01"),
            "\"10.0.0.01\" is not an IPv4 address: write \"01\" without the leading zero");
  EXPECT_EQ(error_of<Ipv4Address>("10.0..1"),
            "\"10.0..1\" is not an IPv4 address: a number is missing between the dots");
  EXPECT_EQ(error_of<Ipv4Address>("10.0.0.x"),
            "\"10.0.0.x\" is not an IPv4 address: \"x\" is not a number from 0 to 255");
  for (const char* text : {"", "10.0.0", "10.0.0.0.1", "2001:db8::1"}) {
    EXPECT_NE(error_of<Ipv4Address>(text).find("four numbers"), std::string::npos) << text;
  }
  for (const char* text : {" 10.0.0.1", "10.0.0.1 ", "+1.0.0.1", "-1.0.0.1", "1.0.0.99999999999"}) {
    EXPECT_FALSE(Ipv4Address::parse(text)) << text;
  }
}

TEST(Ipv4Prefix, KeepsHostBits) {
  const auto prefix = Ipv4Prefix::parse("192.0.2.2/24");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->to_string(), "192.0.2.2/24");
  EXPECT_EQ(prefix->network().to_string(), "192.0.2.0");
  EXPECT_TRUE(prefix->contains(*Ipv4Address::parse("192.0.2.255")));
  EXPECT_FALSE(prefix->contains(*Ipv4Address::parse("192.0.3.0")));
  EXPECT_TRUE(Ipv4Prefix::parse("0.0.0.0/0")->contains(*Ipv4Address::parse("203.0.113.7")));
}

TEST(Ipv4Prefix, RequiresALength) {
  EXPECT_EQ(error_of<Ipv4Prefix>("192.0.2.2"),
            "\"192.0.2.2\" has no prefix length; write it as \"192.0.2.2/24\", with the subnet's "
            "own length");
  EXPECT_EQ(error_of<Ipv4Prefix>("192.0.2.2/33"),
            "\"192.0.2.2/33\" has a bad prefix length: \"33\" is not a number from 0 to 32");
  for (const char* text : {"192.0.2.2/", "192.0.2.2/-1", "192.0.2.2/024", "192.0.2.2/24/24"}) {
    EXPECT_FALSE(Ipv4Prefix::parse(text)) << text;
  }
}

TEST(Ipv4Endpoint, RequiresAPort) {
  EXPECT_EQ(Ipv4Endpoint::parse("192.0.2.10:80")->to_string(), "192.0.2.10:80");
  EXPECT_EQ(Ipv4Endpoint::parse("192.0.2.10:65535")->port, 65535);
  EXPECT_EQ(error_of<Ipv4Endpoint>("192.0.2.10"),
            "\"192.0.2.10\" has no port; write it as \"192.0.2.10:80\", with its own port");
  EXPECT_EQ(error_of<Ipv4Endpoint>("192.0.2.10:0"),
            "\"192.0.2.10:0\" has a bad port: \"0\" is not a number from 1 to 65535");
  for (const char* text : {"192.0.2.10:", "192.0.2.10:65536", "192.0.2.10:http", "192.0.2.10:80:80",
                           ":80", "[::1]:80"}) {
    EXPECT_FALSE(Ipv4Endpoint::parse(text)) << text;
  }
}

TEST(Ipv4Endpoint, MayLeaveThePortOpen) {
  EXPECT_EQ(Ipv4Endpoint::parse_port_optional("10.0.0.11")->to_string(), "10.0.0.11");
  EXPECT_EQ(Ipv4Endpoint::parse_port_optional("10.0.0.11:80")->to_string(), "10.0.0.11:80");
  EXPECT_FALSE(Ipv4Endpoint::parse_port_optional("10.0.0.11:0"));
  EXPECT_FALSE(Ipv4Endpoint::parse_port_optional("10.0.0"));
}

TEST(Ipv4EndpointRange, ParsesAndPrints) {
  for (const char* text : {"192.0.2.10:80", "192.0.2.10:8000-8100", "192.0.2.10:*"}) {
    const auto range = Ipv4EndpointRange::parse(text);
    ASSERT_TRUE(range) << range.error().message;
    EXPECT_EQ(range->to_string(), text);
  }
  EXPECT_EQ(Ipv4EndpointRange::parse("192.0.2.10:1-65535")->to_string(), "192.0.2.10:*");
  EXPECT_EQ(Ipv4EndpointRange::parse("192.0.2.10:80-80")->to_string(), "192.0.2.10:80");
  EXPECT_EQ(Ipv4EndpointRange::parse("192.0.2.10:8000-8100")->width(), 101u);
}

TEST(Ipv4EndpointRange, OverlapsWhereBothHaveAPort) {
  const auto range = [](const char* text) { return *Ipv4EndpointRange::parse(text); };
  EXPECT_TRUE(range("192.0.2.10:80-90").overlaps(range("192.0.2.10:90-99")));
  EXPECT_FALSE(range("192.0.2.10:80-90").overlaps(range("192.0.2.10:91-99")));
  EXPECT_FALSE(range("192.0.2.10:80-90").overlaps(range("192.0.2.11:80-90")));
}

TEST(MacAddress, ParsesAndPrints) {
  EXPECT_EQ(MacAddress::parse("02:00:5E:10:00:ff")->to_string(), "02:00:5e:10:00:ff");
  for (const char* text :
       {"", "02:00:5e:10:00", "02-00-5e-10-00-01", "02:00:5e:10:00:0g", "02:00:5e:10:00:01:"}) {
    EXPECT_FALSE(MacAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace lb
