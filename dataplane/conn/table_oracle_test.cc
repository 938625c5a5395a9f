// Millions of random operations on tables of several shapes, each compared with a plain model.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "config/base/testing/randomised.h"
#include "dataplane/conn/testing/oracle.h"

namespace lb {
namespace {

using test::flow;
using test::Oracle;

// Endpoints are so few that forward keys meet forward keys, reverse keys reverse keys, and each
// other.
class Driver {
 public:
  Driver(Oracle& oracle, unsigned workers, std::uint32_t endpoints, std::uint32_t seed)
      : oracle_(oracle), random_(seed), workers_(workers), endpoints_(endpoints) {}

  // `fill` of 100 operations are new connections.
  void step(unsigned fill) {
    const unsigned worker = below(workers_);
    const unsigned kind = below(100);
    if (kind < fill) return oracle_.create(worker, conn(), any_state());
    if (kind < 50) return oracle_.find(tuple(), proto());
    if (kind < 70) return oracle_.kill(worker, random_());
    if (kind < 80) return oracle_.packet(random_());
    if (kind < 88) return oracle_.change_state(random_(), any_state());
    if (kind < 92) return oracle_.pass_time(below(2));
    if (kind < 96) return oracle_.quiescent(worker);
    if (kind < 99) return oracle_.expire(worker, 64 * below(4));
    if (below(32) == 0) return oracle_.expire(worker, std::size_t{1} << 20);
  }

 private:
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() * std::uint64_t{bound} >> 32);
  }
  std::uint8_t proto() { return below(4) == 0 ? kProtoUdp : kProtoTcp; }
  ConnState any_state() {
    return static_cast<ConnState>(1 + below(static_cast<std::uint32_t>(ConnState::kDead) - 1));
  }
  FlowTuple tuple() {
    const std::uint32_t a = below(endpoints_), b = below(endpoints_);
    return flow(a, 1, b, static_cast<std::uint16_t>(b));
  }
  NewConn conn() {
    NewConn conn;
    conn.tuple[0] = tuple();
    conn.tuple[1] = tuple();
    conn.rs = below(1000);
    conn.service = below(1000);
    conn.proto = proto();
    conn.mode = static_cast<std::uint8_t>(below(2));
    conn.keys = below(4) == 0 ? 1 : 2;
    return conn;
  }

  Oracle& oracle_;
  std::mt19937 random_;
  std::uint32_t workers_;
  std::uint32_t endpoints_;
};

struct Shape {
  const char* name;
  std::uint32_t max_connections;
  unsigned workers;
  std::uint32_t buckets, chain_buckets;
  std::uint32_t endpoints;
  unsigned steps;
};

class OracleTest : public testing::TestWithParam<Shape> {};

TEST_P(OracleTest, AgreesWithTheModel) {
  const Shape& shape = GetParam();
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  Oracle::Setup setup;
  setup.options = {
      shape.max_connections, shape.workers, {seed, 6, 7, 8}, shape.buckets, shape.chain_buckets};
  setup.index_may_fill = shape.chain_buckets != 0;
  setup.start_tick = ~std::uint32_t{0} - 300;  // wraps soon
  Oracle oracle(setup);
  Driver driver(oracle, shape.workers, shape.endpoints, seed);
  const unsigned steps = test::rounds(shape.steps);
  // Waves of filling and emptying.
  for (unsigned step = 0; step < steps; ++step) {
    driver.step(step / 4'096 % 2 == 0 ? 45 : 5);
    ASSERT_EQ(oracle.failure(), "") << "step " << step;
    if (step % 65'536 == 65'535) oracle.compare_all();
  }
  oracle.compare_all();
  ASSERT_EQ(oracle.failure(), "");
  EXPECT_GT(oracle.ended(), steps / 50);

  while (oracle.live() > 0 && oracle.failure().empty()) oracle.kill(0, 0);
  oracle.compare_all();
  EXPECT_EQ(oracle.failure(), "");
  const ConnIndex::Usage usage = oracle.table().index_usage();
  EXPECT_EQ(usage.keys + usage.overflowed + usage.chain_buckets_used, 0U);
}

INSTANTIATE_TEST_SUITE_P(Shapes, OracleTest,
                         testing::Values(Shape{"ample", 3'000, 3, 0, 0, 200, 3'500'000},
                                         Shape{"at_the_limit", 150, 3, 0, 0, 60, 2'500'000},
                                         Shape{"few_permits", 20, 2, 0, 0, 60, 1'000'000},
                                         Shape{"alternates", 400, 2, 120, 40, 100, 2'000'000},
                                         Shape{"chains", 300, 2, 6, 80, 100, 1'500'000},
                                         Shape{"one_bucket", 100, 1, 1, 40, 100, 1'000'000},
                                         Shape{"no_room", 300, 2, 8, 4, 60, 1'500'000}),
                         [](const testing::TestParamInfo<Shape>& shape) {
                           return shape.param.name;
                         });

}  // namespace
}  // namespace lb
