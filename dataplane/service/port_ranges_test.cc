#include "dataplane/service/port_ranges.h"

#include <gtest/gtest.h>

#include <random>

#include "config/base/testing/randomised.h"
#include "dataplane/packet/flow.h"

namespace lb {
namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};

PortRanges::Range range(std::uint32_t address, std::uint16_t first, std::uint16_t last,
                        std::uint32_t slot, std::uint8_t proto = kProtoTcp) {
  return {{Ipv4Address::from_host(address), first, last}, proto, slot};
}

std::uint32_t find(const PortRanges& ranges, std::uint32_t address, std::uint16_t port,
                   std::uint8_t proto = kProtoTcp) {
  return ranges.find(Be32::from_host(address), Be16::from_host(port), proto, kNone);
}

TEST(PortRanges, FindsNothingInNone) {
  EXPECT_TRUE(PortRanges().empty());
  EXPECT_EQ(find(PortRanges(), 1, 80), kNone);
}

TEST(PortRanges, EveryPartCounts) {
  const PortRanges ranges({range(9, 80, 90, 1), range(9, 80, 90, 2, kProtoUdp),
                           range(8, 1, 65'535, 3), range(9, 92, 99, 4)});
  EXPECT_EQ(find(ranges, 9, 79), kNone);
  EXPECT_EQ(find(ranges, 9, 80), 1U);
  EXPECT_EQ(find(ranges, 9, 90), 1U);
  EXPECT_EQ(find(ranges, 9, 91), kNone);
  EXPECT_EQ(find(ranges, 9, 92), 4U);
  EXPECT_EQ(find(ranges, 9, 85, kProtoUdp), 2U);
  EXPECT_EQ(find(ranges, 8, 1), 3U);
  EXPECT_EQ(find(ranges, 8, 65'535), 3U);
  EXPECT_EQ(find(ranges, 8, 0), kNone);
  EXPECT_EQ(find(ranges, 7, 80), kNone);
  EXPECT_EQ(find(ranges, 10, 80), kNone);
}

TEST(PortRanges, TheNarrowerWins) {
  const PortRanges ranges({range(9, 1, 65'535, 1), range(9, 100, 200, 2), range(9, 150, 160, 3),
                           range(9, 180, 210, 4)});
  EXPECT_EQ(find(ranges, 9, 99), 1U);
  EXPECT_EQ(find(ranges, 9, 149), 2U);
  EXPECT_EQ(find(ranges, 9, 150), 3U);
  EXPECT_EQ(find(ranges, 9, 160), 3U);
  EXPECT_EQ(find(ranges, 9, 161), 2U);
  EXPECT_EQ(find(ranges, 9, 180), 4U);
  EXPECT_EQ(find(ranges, 9, 210), 4U);
  EXPECT_EQ(find(ranges, 9, 211), 1U);
}

// Against a search of all ranges, port by port.
TEST(PortRanges, AgreesWithASearchOfAll) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    std::vector<PortRanges::Range> all;
    const auto count = 1 + random() % 20;
    for (std::uint32_t slot = 0; slot < count; ++slot) {
      const auto a = static_cast<std::uint16_t>(1 + random() % 300);
      const auto b = static_cast<std::uint16_t>(1 + random() % 300);
      all.push_back(range(random() % 2, std::min(a, b), std::max(a, b), slot));
    }
    const PortRanges ranges(all);
    for (std::uint32_t address = 0; address < 2; ++address) {
      for (std::uint16_t port = 0; port < 305; ++port) {
        std::uint32_t expected = kNone;
        unsigned width = ~0U;
        for (const auto& r : all) {
          if (r.address.address.host() != address || port < r.address.first ||
              port > r.address.last || r.address.width() >= width) {
            continue;
          }
          expected = r.slot;
          width = r.address.width();
        }
        ASSERT_EQ(find(ranges, address, port), expected) << "round " << round << " port " << port;
      }
    }
  }
}

}  // namespace
}  // namespace lb
