#include "dataplane/service/access_list.h"

#include <gtest/gtest.h>

#include <random>

#include "config/base/testing/randomised.h"

namespace lb {
namespace {

AccessListSpec rules(const std::vector<const char*>& allow, const std::vector<const char*>& deny,
                     bool others) {
  AccessListSpec out;
  for (const char* text : allow) out.allow.push_back(*Prefix::parse(text));
  for (const char* text : deny) out.deny.push_back(*Prefix::parse(text));
  out.others = others;
  return out;
}

bool allows(const AccessList& list, const char* address) {
  return list.allows(Ipv4Address::parse(address)->be);
}

TEST(AccessList, WithoutRulesTheOthersAreAll) {
  for (const bool others : {false, true}) {
    const AccessList list(rules({}, {}, others));
    EXPECT_EQ(allows(list, "0.0.0.0"), others);
    EXPECT_EQ(allows(list, "127.255.255.255"), others);
    EXPECT_EQ(allows(list, "255.255.255.255"), others);
  }
}

TEST(AccessList, TheLongestPrefixDecides) {
  const AccessList list(rules({"10.1.0.0/16", "10.1.2.3/32"}, {"10.0.0.0/8", "10.1.2.0/24"}, true));
  EXPECT_TRUE(allows(list, "9.255.255.255"));
  EXPECT_FALSE(allows(list, "10.0.0.0"));
  EXPECT_FALSE(allows(list, "10.0.255.255"));
  EXPECT_TRUE(allows(list, "10.1.0.0"));
  EXPECT_FALSE(allows(list, "10.1.2.2"));
  EXPECT_TRUE(allows(list, "10.1.2.3"));
  EXPECT_FALSE(allows(list, "10.1.2.4"));
  EXPECT_TRUE(allows(list, "10.1.3.0"));
  EXPECT_FALSE(allows(list, "10.2.0.0"));
  EXPECT_FALSE(allows(list, "10.255.255.255"));
  EXPECT_TRUE(allows(list, "11.0.0.0"));
}

TEST(AccessList, PrefixesOfIpv6AreOfNoClientOfIpv4) {
  const AccessList list(rules({"::/0", "10.0.0.0/8"}, {"a00::/8"}, false));
  EXPECT_TRUE(allows(list, "10.0.0.1"));
  EXPECT_FALSE(allows(list, "192.0.2.1"));
}

TEST(AccessList, TheEndsOfTheAddressSpace) {
  const AccessList list(rules({"0.0.0.0/1", "255.255.255.255/32"}, {"0.0.0.0/32"}, false));
  EXPECT_FALSE(allows(list, "0.0.0.0"));
  EXPECT_TRUE(allows(list, "0.0.0.1"));
  EXPECT_TRUE(allows(list, "127.255.255.255"));
  EXPECT_FALSE(allows(list, "128.0.0.0"));
  EXPECT_TRUE(allows(list, "255.255.255.255"));
  EXPECT_TRUE(allows(AccessList(rules({"0.0.0.0/0"}, {}, false)), "1.2.3.4"));
  EXPECT_FALSE(allows(AccessList(rules({}, {"0.0.0.0/0"}, true)), "255.255.255.255"));
}

TEST(AccessList, DenyWinsOverTheSamePrefixAllowed) {
  EXPECT_FALSE(allows(AccessList(rules({"10.0.0.0/8"}, {"10.0.0.0/8"}, true)), "10.1.1.1"));
}

// Every rule is looked at, and the longest that contains the client taken.
bool expected(const AccessListSpec& rules, Ipv4Address client) {
  int length = -1;
  bool answer = rules.others;
  for (const bool allow : {true, false}) {
    for (const Prefix& prefix : allow ? rules.allow : rules.deny) {
      if (!prefix.contains(client) || prefix.length < length) continue;
      length = prefix.length;
      answer = allow;
    }
  }
  return answer;
}

TEST(AccessList, AgreesWithASearchOfAllRules) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 60; ++round) {
    AccessListSpec all;
    all.others = random() % 2 == 0;
    const auto count = round < 50 ? random() % 40 : 2'000;
    // Close together, so that many are nested; or anywhere.
    const std::uint32_t spread = round % 2 == 0 ? 0xffffffff : 0x00000fff;
    std::vector<Ipv4Address> probes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t address = 0x0a000000 + (static_cast<std::uint32_t>(random()) & spread);
      const Ipv4Prefix prefix{Ipv4Address::from_host(address),
                              static_cast<std::uint8_t>(random() % 33)};
      (random() % 2 == 0 ? all.allow : all.deny).push_back(prefix);
      const std::uint32_t first = prefix.network().host();
      const std::uint32_t last = first | ~prefix.mask();
      for (const std::uint32_t near : {first - 1, first, address, last, last + 1}) {
        probes.push_back(Ipv4Address::from_host(near));
      }
    }
    for (int i = 0; i < 200; ++i) {
      probes.push_back(Ipv4Address::from_host(static_cast<std::uint32_t>(random())));
    }
    if (probes.size() > 2'000) probes.resize(2'000);
    const AccessList list(all);
    for (const Ipv4Address probe : probes) {
      ASSERT_EQ(list.allows(probe.be), expected(all, probe))
          << probe.to_string() << " in round " << round;
    }
  }
}

}  // namespace
}  // namespace lb
