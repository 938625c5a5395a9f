#include "dataplane/service/source_routes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

namespace lb {
namespace {

using Route = SourceRoutes::Route;

constexpr Place kWan = Place::make(0, 0);
constexpr Place kWan7 = Place::make(7, 0);
constexpr Place kLan = Place::make(0, 1);

Route route(std::uint32_t network, unsigned length, Place place) {
  const std::uint64_t size = std::uint64_t{1} << (32 - length);
  const std::uint64_t begin = network & ~(size - 1);
  return {begin, begin + size, place};
}

bool lead(const SourceRoutes& routes, std::uint32_t address, Place place) {
  return routes.lead(Be32::from_host(address), place);
}

TEST(SourceRoutes, LeadNowhereWhenThereAreNone) {
  EXPECT_FALSE(lead(SourceRoutes(), 0x0a000001, kWan));
  EXPECT_FALSE(lead(SourceRoutes(std::vector<Route>()), 0x0a000001, kWan));
}

TEST(SourceRoutes, TheLongestPrefixDecides) {
  const SourceRoutes routes({route(0, 0, kWan), route(0x0a000000, 8, kLan),
                             route(0x0a010000, 16, kWan7), route(0xc0000200, 24, kWan)});
  EXPECT_TRUE(lead(routes, 0xc6336407, kWan));
  EXPECT_FALSE(lead(routes, 0xc6336407, kWan7)) << "another VLAN";
  EXPECT_TRUE(lead(routes, 0x0a000001, kLan));
  EXPECT_FALSE(lead(routes, 0x0a000001, kWan));
  EXPECT_TRUE(lead(routes, 0x0a01ffff, kWan7));
  EXPECT_FALSE(lead(routes, 0x0a01ffff, kLan));
  EXPECT_TRUE(lead(routes, 0x0a020000, kLan)) << "behind the narrower one";
  EXPECT_TRUE(lead(routes, 0x0b000000, kWan));
  EXPECT_TRUE(lead(routes, 0xffffffff, kWan));
}

TEST(SourceRoutes, MayBeSeveralOfOneNetwork) {
  const SourceRoutes routes({route(0, 0, kWan), route(0, 0, kWan7)});
  EXPECT_TRUE(lead(routes, 5, kWan));
  EXPECT_TRUE(lead(routes, 5, kWan7));
  EXPECT_FALSE(lead(routes, 5, kLan));
}

TEST(SourceRoutes, AgreeWithALinearSearch) {
  std::mt19937 random(1);
  const auto below = [&random](std::uint32_t n) {
    return static_cast<std::uint32_t>(random()) % n;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<Route> all;
    for (unsigned n = below(12); n > 0; --n) {
      // Of few networks, so that they are nested.
      const unsigned length = below(9) * 4;
      const std::uint32_t network = below(4) << 30 | below(4) << 12 | below(4);
      all.push_back(route(network, length, Place::make(0, static_cast<std::uint8_t>(below(3)))));
    }
    const SourceRoutes routes(all);
    for (int i = 0; i < 200; ++i) {
      const std::uint32_t address = below(4) << 30 | below(4) << 12 | below(8);
      std::optional<std::uint64_t> narrowest;
      for (const Route& each : all) {
        if (address < each.begin || address >= each.end) continue;
        narrowest = std::min(narrowest.value_or(~std::uint64_t{0}), each.end - each.begin);
      }
      for (std::uint8_t port = 0; port < 3; ++port) {
        const Place place = Place::make(0, port);
        const bool expected = std::ranges::any_of(all, [&](const Route& each) {
          return address >= each.begin && address < each.end &&
                 narrowest == each.end - each.begin && each.place == place;
        });
        EXPECT_EQ(lead(routes, address, place), expected) << round << ' ' << address;
      }
    }
  }
}

}  // namespace
}  // namespace lb
