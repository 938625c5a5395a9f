#include "dataplane/forward/tcp_progress.h"

#include <gtest/gtest.h>

#include "dataplane/forward/tcp_state.h"

namespace lb {
namespace {

constexpr std::uint32_t kMb = 1U << 20;

TEST(Progress, KindsAreApart) {
  const Progress unknown;
  EXPECT_FALSE(unknown.is_known());
  EXPECT_FALSE(unknown.is_opening());
  for (const std::uint32_t n :
       {0U, 1U, 0x1fffU, 0x2000U, 0x4000U, 0x7fffU, 0x8000U, 0x7fffffffU, 0xffffffffU}) {
    EXPECT_TRUE(Progress::at(n).is_at());
    EXPECT_FALSE(Progress::at(n).is_ended() || Progress::at(n).is_opening());
    EXPECT_TRUE(Progress::ended(n).is_ended());
    EXPECT_FALSE(Progress::ended(n).is_at() || Progress::ended(n).is_opening());
    EXPECT_TRUE(Progress::opening(n).is_opening());
    EXPECT_FALSE(Progress::opening(n).is_known());
    EXPECT_EQ(Progress(Progress::at(n).word()), Progress::at(n));
  }
}

TEST(Progress, NearIsEightMegabytesOnEitherSide) {
  for (const std::uint32_t seq : {0U, 100U, 5 * kMb, 0x80000000U, 0xfffffff0U}) {
    const Progress kept = Progress::at(seq);
    for (const std::uint32_t off : {0U, 1U, kMb, 8 * kMb - 300'000}) {
      EXPECT_TRUE(kept.is_near(seq + off)) << seq << " + " << off;
      EXPECT_TRUE(kept.is_near(seq - off)) << seq << " - " << off;
    }
    for (const std::uint32_t off : {8 * kMb + 300'000, 100 * kMb, 2'000 * kMb}) {
      EXPECT_FALSE(kept.is_near(seq + off)) << seq << " + " << off;
      EXPECT_FALSE(kept.is_near(seq - off)) << seq << " - " << off;
    }
  }
  EXPECT_FALSE(Progress().is_near(0));
  EXPECT_FALSE(Progress::ended(100).is_near(100));
  EXPECT_FALSE(Progress::opening(100).is_near(100));
}

TEST(Progress, BeforeIsByAGranuleAtLeast) {
  for (const std::uint32_t seq : {0U, 0x80000000U, 0xfffc0000U}) {
    const Progress kept = Progress::at(seq);
    EXPECT_FALSE(kept.is_before(seq));
    EXPECT_FALSE(kept.is_before(seq + 262'143));
    EXPECT_TRUE(kept.is_before(seq + 262'144));
    EXPECT_TRUE(kept.is_before(seq + 2'000 * kMb));
    EXPECT_FALSE(kept.is_before(seq - 1));
    EXPECT_FALSE(kept.is_before(seq - 2'000 * kMb));
  }
  EXPECT_FALSE(Progress().is_before(1U << 30));
  EXPECT_FALSE(Progress::ended(0).is_before(1U << 30));
}

TEST(Progress, MovesForwardWithinTheWindow) {
  Progress kept;
  kept = kept.after(100 * kMb);
  EXPECT_EQ(kept, Progress::at(100 * kMb));
  EXPECT_EQ(kept.after(101 * kMb), Progress::at(101 * kMb));
  EXPECT_EQ(kept.after(99 * kMb), kept);
  EXPECT_EQ(kept.after(120 * kMb), kept);
  EXPECT_EQ(Progress::opening(7).after(5 * kMb), Progress::at(5 * kMb));
  EXPECT_EQ(Progress::ended(7).after(5 * kMb), Progress::ended(7));
}

TEST(Progress, AnEndedSideHasItsEndOnly) {
  const Progress kept = Progress::ended(5'000);
  EXPECT_TRUE(kept.admits({.flags = wire::kAck, .seq = 5'000, .end = 5'000}));
  EXPECT_TRUE(kept.admits({.flags = wire::kFin | wire::kAck, .seq = 4'000, .end = 5'000}));
  EXPECT_FALSE(kept.admits({.flags = wire::kAck, .seq = 4'999, .end = 4'999}));
}

// No cell of the table leads out of the TCP states, but to a new connection by a client's SYN.
TEST(TcpTable, IsWhole) {
  for (std::size_t view = 0; view < tcp_table::kNext.size(); ++view) {
    for (std::size_t event = 0; event < tcp_table::kNext[view].size(); ++event) {
      const tcp_table::Rows& rows = tcp_table::kNext[view][event];
      for (const tcp_table::Row& row : {rows.proven, rows.exact}) {
        for (const ConnState next : row) {
          const bool is_new = next == ConnState::kDead;
          EXPECT_TRUE(is_new || (next >= ConnState::kSynSent && next <= ConnState::kClosed));
          if (is_new) {
            EXPECT_EQ(static_cast<TcpEvent>(event), TcpEvent::kSyn);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace lb
