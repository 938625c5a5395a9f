#include "dataplane/packet/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace lb {
namespace {

// RFC 1071 section 1, word by word in big-endian; the result as it lies in the packet.
std::uint16_t plain_checksum(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return Be16::from_host(static_cast<std::uint16_t>(~sum)).raw;
}

TEST(Checksum, KnowsTheExampleOfRfc1071) {
  const std::vector<std::uint8_t> bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(fold(sum_bytes(bytes.data(), bytes.size())), Be16::from_host(0xddf2).raw);
}

TEST(Checksum, AgreesWithThePlainOneAtEveryLength) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    for (int round = 0; round < 20; ++round) {
      std::vector<std::uint8_t> bytes(size);
      for (auto& byte : bytes) byte = round == 0 ? 0xff : static_cast<std::uint8_t>(random());
      EXPECT_EQ(checksum_of(sum_bytes(bytes.data(), size)), plain_checksum(bytes)) << size;
    }
  }
}

TEST(Checksum, SumsAHeaderLikeAnyBytes) {
  std::mt19937 random(2);
  for (int round = 0; round < 1000; ++round) {
    std::vector<std::uint8_t> ip(20);
    for (auto& byte : ip) byte = round == 0 ? 0xff : static_cast<std::uint8_t>(random());
    EXPECT_EQ(fold(sum_ip_header(ip.data())), fold(sum_bytes(ip.data(), 20)));
  }
}

TEST(Checksum, SumsOverflowIntoTheLowEnd) {
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  EXPECT_EQ(add_sums(kAll, kAll), kAll);
  EXPECT_EQ(add_sums(kAll, 1), 1u);
  EXPECT_EQ(fold(kAll), 0xffff);
  EXPECT_EQ(fold(0), 0);
  EXPECT_EQ(fold(0x1'0000'0000), 1);
  EXPECT_EQ(fold(0xffff'ffff'0000'0001), 1);
  EXPECT_EQ(fold32(0xffff'ffff), 0xffff);
  EXPECT_EQ(fold32(0x0001'ffff), 1);
}

// The case in RFC 1624 section 4: equation 2 of RFC 1141 gave 0xffff for it.
TEST(Checksum, KnowsTheExampleOfRfc1624) {
  const std::uint16_t old_checksum = Be16::from_host(0xdd2f).raw;
  const std::uint32_t delta = static_cast<std::uint16_t>(~Be16::from_host(0x5555).raw) +
                              std::uint32_t{Be16::from_host(0x3285).raw};
  EXPECT_EQ(update_checksum(old_checksum, delta), 0x0000);
}

// For every value of one changing word the updated checksum is one that a receiver finds right,
// whichever of the two zeros it is. Some other word is never zero, as in any header.
TEST(Checksum, UpdatesLikeAFullSum) {
  for (const std::uint32_t other : {0x0001u, 0x1234u, 0x8000u, 0xfffeu, 0xffffu}) {
    for (const std::uint32_t from : {0x0000u, 0x0001u, 0x7fffu, 0xfffeu, 0xffffu}) {
      for (std::uint32_t to = 0; to <= 0xffff; to += 0x11) {
        const std::uint16_t before = checksum_of(other + from);
        const std::uint16_t after = update_checksum(before, (~from & 0xffff) + to);
        EXPECT_EQ(fold(std::uint64_t{other} + to + after), 0xffff)
            << other << " " << from << " " << to;
      }
    }
  }
}

TEST(Checksum, UpdatesBackByTheComplement) {
  for (std::uint32_t checksum = 1; checksum <= 0xffff; checksum += 7) {
    for (const std::uint32_t delta : {0x0000u, 0x0001u, 0x8421u, 0xfffeu, 0xffffu}) {
      const std::uint16_t there = update_checksum(static_cast<std::uint16_t>(checksum), delta);
      const std::uint16_t back = update_checksum(there, ~delta & 0xffff);
      EXPECT_EQ(back % 0xffff, checksum % 0xffff);
    }
  }
}

TEST(Checksum, KeepsUdpsZeroForNoChecksum) {
  for (const std::uint32_t delta : {0x0000u, 0x0001u, 0x8421u, 0xfffeu, 0xffffu}) {
    EXPECT_EQ(update_udp_checksum(0, delta), 0);
  }
  for (std::uint32_t checksum = 1; checksum <= 0xffff; ++checksum) {
    for (const std::uint32_t delta : {0x0000u, checksum, checksum ^ 0xffff, 0xffffu}) {
      EXPECT_NE(update_udp_checksum(static_cast<std::uint16_t>(checksum), delta), 0);
    }
  }
  EXPECT_EQ(udp_checksum_of(0xffff), 0xffff);
  EXPECT_EQ(udp_checksum_of(0), 0xffff);
  EXPECT_EQ(udp_checksum_of(0xfffe), 1);
}

}  // namespace
}  // namespace lb
