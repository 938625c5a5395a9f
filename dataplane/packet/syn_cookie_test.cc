#include "dataplane/packet/syn_cookie.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "dataplane/packet/testing/builder.h"

namespace lb {
namespace {

constexpr SipKey kKey{{1, 2}};
constexpr SipKey kOtherKey{{1, 3}};

SynCookieOf some_connection(std::mt19937& random) {
  const auto any16 = [&] { return Be16::from_host(static_cast<std::uint16_t>(random())); };
  return {{Be32{static_cast<std::uint32_t>(random())}, Be32{static_cast<std::uint32_t>(random())},
           any16(), any16()},
          static_cast<std::uint32_t>(random())};
}

TEST(SynCookie, HoldsWhatTheClientOffers) {
  std::mt19937 random(1);
  for (unsigned secret = 0; secret < 2; ++secret) {
    for (std::uint8_t scale = 0; scale <= kNoWindowScale; ++scale) {
      for (const bool sack : {false, true}) {
        for (const std::uint16_t mss : kCookieMss) {
          const SynCookieOf of = some_connection(random);
          const SynOffer offer{mss, scale, sack};
          const std::uint32_t cookie = make_syn_cookie(kKey, secret, of, offer);
          EXPECT_EQ(secret_of_syn_cookie(cookie), secret);
          EXPECT_EQ(read_syn_cookie(kKey, cookie, of), offer);
        }
      }
    }
  }
}

TEST(SynCookie, RoundsTheMssDown) {
  const auto kept = [](std::uint16_t mss) {
    return read_syn_cookie(kKey, make_syn_cookie(kKey, 0, {}, {.mss = mss}), {})->mss;
  };
  EXPECT_EQ(kept(1'459), 1'440);
  EXPECT_EQ(kept(1'460), 1'460);
  EXPECT_EQ(kept(8'959), 1'460);
  EXPECT_EQ(kept(65'535), 8'960);
  EXPECT_EQ(kept(535), 216);
  EXPECT_EQ(kept(1), 216) << "RFC 9293 allows less, nobody has it";
}

TEST(SynCookie, IsForOneConnectionAndOneSecret) {
  std::mt19937 random(2);
  for (int i = 0; i < 1'000; ++i) {
    const SynCookieOf of = some_connection(random);
    const std::uint32_t cookie = make_syn_cookie(kKey, 1, of, {1'460, 7, true});
    ASSERT_TRUE(read_syn_cookie(kKey, cookie, of));
    EXPECT_FALSE(read_syn_cookie(kOtherKey, cookie, of));
    SynCookieOf other = of;
    other.from_client.src.raw ^= 1U << random() % 32;
    EXPECT_FALSE(read_syn_cookie(kKey, cookie, other));
    other = of;
    other.from_client.dst.raw ^= 1U << random() % 32;
    EXPECT_FALSE(read_syn_cookie(kKey, cookie, other));
    other = of;
    other.from_client.sport.raw = static_cast<std::uint16_t>(other.from_client.sport.raw ^ 256);
    EXPECT_FALSE(read_syn_cookie(kKey, cookie, other));
    other = of;
    other.from_client.dport.raw = static_cast<std::uint16_t>(other.from_client.dport.raw ^ 1);
    EXPECT_FALSE(read_syn_cookie(kKey, cookie, other));
    other = of;
    other.client_isn ^= 1U << random() % 32;
    EXPECT_FALSE(read_syn_cookie(kKey, cookie, other));
    for (unsigned bit = 0; bit < 32; ++bit) {
      EXPECT_FALSE(read_syn_cookie(kKey, cookie ^ 1U << bit, of)) << bit;
    }
  }
}

// One that guesses hits once in 2^23.
TEST(SynCookie, IsSeldomGuessed) {
  constexpr unsigned kTries = 1U << 24;
  const SynCookieOf of{};
  unsigned hits = 0;
  for (std::uint32_t guess = 0; guess < kTries; ++guess) {
    hits += read_syn_cookie(kKey, guess * 2'654'435'761U, of) ? 1U : 0U;
  }
  EXPECT_LE(hits, 12U);  // 2 expected
}

// Clients that differ by little get numbers that do not.
TEST(SynCookie, LooksRandomInEveryBit) {
  std::array<unsigned, 32> set{};
  for (std::uint16_t port = 1; port <= 4'096; ++port) {
    SynCookieOf of{};
    of.from_client.sport = Be16::from_host(port);
    const std::uint32_t cookie = make_syn_cookie(kKey, 0, of, {1'460, 7, true});
    for (unsigned bit = 0; bit < 32; ++bit) set[bit] += cookie >> bit & 1;
  }
  for (unsigned bit = 0; bit < 32; ++bit) {
    EXPECT_NEAR(set[bit], 2'048, 256) << bit;
  }
}

}  // namespace
}  // namespace lb
