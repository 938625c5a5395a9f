#include "config/base/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>
#include <unordered_set>

namespace lb {
namespace {

template <typename T>
std::string address_error_of(std::string_view text) {
  const auto result = T::parse(text);
  return result ? "parsed as " + result->to_string() : result.error().message;
}

Address address(const char* text) {
  return Address::parse(text).value();
}

TEST(Address, PrintsIpv6AsRfc5952) {
  const std::pair<const char*, const char*> kTexts[] = {
      {"2001:DB8::1", "2001:db8::1"},                    // 4.3 small letters
      {"2001:0db8::0001", "2001:db8::1"},                // 4.1 no leading zeros
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},         // 4.2.1 as short as can be
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // 4.2.2 not for a single zero
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // 4.2.3 the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // 4.2.3 the first of equal ones
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"fe80::1", "fe80::1"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
  };
  for (const auto& [text, canonical] : kTexts) {
    const auto parsed = Address::parse(text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_TRUE(parsed->is_ipv6());
    EXPECT_EQ(parsed->to_string(), canonical);
  }
}

TEST(Address, TakesIpv4AsItIs) {
  const Address parsed = address("192.0.2.10");
  EXPECT_TRUE(parsed.is_ipv4());
  EXPECT_EQ(parsed.to_string(), "192.0.2.10");
  EXPECT_EQ(parsed.to_ipv4(), *Ipv4Address::parse("192.0.2.10"));
  EXPECT_EQ(parsed, Address(*Ipv4Address::parse("192.0.2.10")));
  EXPECT_EQ(address("2001:db8::1").to_ipv4(), std::nullopt);
  EXPECT_EQ(Address().to_string(), "0.0.0.0");
}

TEST(Address, ExplainsMistakes) {
  EXPECT_EQ(address_error_of<Address>("10.0.0.256"),
            "\"10.0.0.256\" is not an IPv4 address: 256 is larger than 255");
  EXPECT_EQ(address_error_of<Address>("::ffff:192.0.2.1"),
            "\"::ffff:192.0.2.1\" is not an IPv6 address: it stands for an IPv4 address; write "
            "\"192.0.2.1\"");
  EXPECT_EQ(address_error_of<Address>("fe80::1%eth0"),
            "\"fe80::1%eth0\" is not an IPv6 address: remove the interface after it: \"fe80::1\"");
  for (const char* text : {":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::",
                           "g::1", "::1 ", " ::1", "[::1]", "::1/64", "1:2:3:4:5:6:7::8:"}) {
    EXPECT_NE(address_error_of<Address>(text).find("is not an IPv6 address"), std::string::npos)
        << text;
  }
  EXPECT_FALSE(Address::parse(std::string_view("::1\0", 4)));
}

TEST(Address, HasItsBytesInMessages) {
  EXPECT_EQ(to_bytes(address("192.0.2.10")), std::string("\xc0\x00\x02\x0a", 4));
}

TEST(Address, ComesBackFromItsBytes) {
  for (const char* text : {"192.0.2.10", "0.0.0.0", "2001:db8::1", "::"}) {
    EXPECT_EQ(address_from_bytes(to_bytes(address(text))), address(text)) << text;
  }
  for (const std::size_t size : {0u, 3u, 5u, 15u, 17u}) {
    EXPECT_EQ(address_from_bytes(std::string(size, 'x')), std::nullopt) << size;
  }
}

TEST(Address, IsOrderedIpv4First) {
  EXPECT_LT(address("10.0.0.2"), address("10.0.0.10"));
  EXPECT_LT(address("255.255.255.255"), address("::"));
  EXPECT_LT(address("2001:db8::2"), address("2001:db8::10"));
  EXPECT_NE(address("0.0.0.0"), address("::"));
}

TEST(Address, HashesSpread) {
  std::unordered_set<std::size_t> hashes;
  for (unsigned host = 0; host < 1000; ++host) {
    hashes.insert(std::hash<Address>{}(Ipv4Address::from_host(0x0a000000 + host)));
    std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
    bytes[14] = static_cast<std::uint8_t>(host >> 8);
    bytes[15] = static_cast<std::uint8_t>(host);
    hashes.insert(std::hash<Address>{}(Address::from_ipv6(bytes)));
  }
  EXPECT_EQ(hashes.size(), 2000u);
}

// Whatever the address, its text is one that the C library reads as the same.
TEST(Address, PrintsWhatOthersRead) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t group = 0; group < 8; ++group) {
      if (random() % 2 == 0) continue;
      bytes[2 * group] = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : 0);
      bytes[2 * group + 1] = static_cast<std::uint8_t>(random());
    }
    const std::string text = Address::from_ipv6(bytes).to_string();
    std::array<std::uint8_t, 16> read{};
    ASSERT_EQ(::inet_pton(AF_INET6, text.c_str(), read.data()), 1) << text;
    EXPECT_EQ(read, bytes) << text;
  }
}

TEST(Prefix, KnowsItsNetwork) {
  const auto prefix = Prefix::parse("2001:db8::1:2/64");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->to_string(), "2001:db8::1:2/64");
  EXPECT_EQ(prefix->network().to_string(), "2001:db8::");
  EXPECT_TRUE(prefix->contains(address("2001:db8::ffff:ffff:ffff:ffff")));
  EXPECT_FALSE(prefix->contains(address("2001:db8:0:1::")));
  EXPECT_EQ(Prefix::parse("2001:db8:8000::/33")->network().to_string(), "2001:db8:8000::");
  EXPECT_TRUE(Prefix::parse("2001:db8::/33")->contains(address("2001:db8:7fff::1")));
  EXPECT_FALSE(Prefix::parse("2001:db8::/33")->contains(address("2001:db8:8000::1")));
  EXPECT_TRUE(Prefix::parse("192.0.2.2/24")->contains(address("192.0.2.255")));
}

TEST(Prefix, HoldsOneFamily) {
  EXPECT_FALSE(Prefix::parse("::/0")->contains(address("192.0.2.1")));
  EXPECT_FALSE(Prefix::parse("0.0.0.0/0")->contains(address("2001:db8::1")));
  EXPECT_TRUE(Prefix::parse("::/0")->contains(address("2001:db8::1")));
  EXPECT_EQ(Prefix::parse("::/0")->to_ipv4(), std::nullopt);
  EXPECT_EQ(Prefix::parse("192.0.2.2/24")->to_ipv4(), *Ipv4Prefix::parse("192.0.2.2/24"));
}

TEST(Prefix, WantsALength) {
  EXPECT_EQ(address_error_of<Prefix>("2001:db8::1"),
            "\"2001:db8::1\" has no prefix length; write it as \"2001:db8::1/64\", with the "
            "subnet's own length");
  EXPECT_EQ(address_error_of<Prefix>("2001:db8::1/129"),
            "\"2001:db8::1/129\" has a bad prefix length: \"129\" is not a number from 0 to 128");
  EXPECT_EQ(address_error_of<Prefix>("192.0.2.2/33"),
            "\"192.0.2.2/33\" has a bad prefix length: \"33\" is not a number from 0 to 32");
  for (const char* text : {"2001:db8::1/", "2001:db8::1/-1", "2001:db8::1/064", "::/0/0"}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

TEST(Endpoint, HasIpv6InBrackets) {
  const auto endpoint = Endpoint::parse("[2001:db8::10]:80");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->address, address("2001:db8::10"));
  EXPECT_EQ(endpoint->port, 80);
  EXPECT_EQ(endpoint->to_string(), "[2001:db8::10]:80");
  EXPECT_EQ(Endpoint::parse("192.0.2.10:80")->to_string(), "192.0.2.10:80");
  EXPECT_EQ(Endpoint::parse("192.0.2.10:80")->to_ipv4(), *Ipv4Endpoint::parse("192.0.2.10:80"));
}

TEST(Endpoint, MayLeaveThePortOpen) {
  EXPECT_EQ(Endpoint::parse_port_optional("[2001:db8::10]")->to_string(), "[2001:db8::10]");
  EXPECT_EQ(Endpoint::parse_port_optional("[2001:db8::10]:80")->to_string(), "[2001:db8::10]:80");
  EXPECT_EQ(Endpoint::parse_port_optional("10.0.0.11")->to_string(), "10.0.0.11");
  EXPECT_FALSE(Endpoint::parse_port_optional("2001:db8::10:80"));
}

TEST(Endpoint, ExplainsMistakes) {
  EXPECT_EQ(address_error_of<Endpoint>("2001:db8::10:80"),
            "\"2001:db8::10:80\" has an ambiguous port; put brackets around the "
            "address, as \"[2001:db8::1]:80\"");
  EXPECT_EQ(address_error_of<Endpoint>("[2001:db8::10]"),
            "\"[2001:db8::10]\" has no port; write it as \"[2001:db8::10]:80\", with its own port");
  EXPECT_EQ(address_error_of<Endpoint>("[2001:db8::10]:0"),
            "\"[2001:db8::10]:0\" has a bad port: \"0\" is not a number from 1 to 65535");
  EXPECT_EQ(address_error_of<Endpoint>("[192.0.2.1]:80"),
            "\"[192.0.2.1]:80\" has brackets, which are for IPv6 addresses; remove them");
  for (const char* text : {"[2001:db8::10", "[2001:db8::10]80", "[2001:db8::10]:", "[]:80",
                           "[192.0.2.1]:80", "[::1]:80:80", "[::ffff:10.0.0.1]:80"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
    EXPECT_FALSE(Endpoint::parse_port_optional(text)) << text;
  }
}

TEST(EndpointRange, ParsesAndPrints) {
  for (const char* text : {"192.0.2.10:80", "192.0.2.10:8000-8100", "[2001:db8::10]:80",
                           "[2001:db8::10]:8000-8100", "[2001:db8::10]:*"}) {
    const auto range = EndpointRange::parse(text);
    ASSERT_TRUE(range) << range.error().message;
    EXPECT_EQ(range->to_string(), text);
  }
  EXPECT_EQ(address_error_of<EndpointRange>("[2001:db8::10]:90-80"),
            "\"[2001:db8::10]:90-80\" has a range that runs backwards; write the lower port first: "
            "\"[2001:db8::10]:80-90\"");
  EXPECT_FALSE(EndpointRange::parse("[2001:db8::10]"));
  EXPECT_EQ(EndpointRange::parse("[2001:db8::10]:*")->width(), 65'535u);
}

}  // namespace
}  // namespace lb
