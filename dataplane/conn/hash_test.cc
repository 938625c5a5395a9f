#include "dataplane/conn/hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <vector>

#include "dataplane/conn/testing/test_table.h"

namespace lb {
namespace {

using test::flow;

constexpr HashKey kKey{
    {0x0123456789abcdef, 0xfedcba9876543210, 0x0f1e2d3c4b5a6978, 0x1122334455667788}};

TEST(FlowHash, DependsOnEveryBitOfFlowAndKey) {
  const FlowTuple base = flow(0x0a000001, 1024, 0xc000020a, 80);
  const std::uint64_t hash = flow_hash(base, kProtoTcp, kKey);
  std::set<std::uint64_t> hashes{hash};
  std::size_t changes = 0;
  const auto differs = [&](const FlowTuple& tuple, std::uint8_t proto, const HashKey& key) {
    const std::uint64_t other = flow_hash(tuple, proto, key);
    hashes.insert(other);
    ++changes;
    // No single change leaves most of the bits as they were.
    EXPECT_GE(std::popcount(hash ^ other), 12);
  };
  for (unsigned bit = 0; bit < 32; ++bit) {
    FlowTuple t = base;
    t.src.raw ^= 1U << bit;
    differs(t, kProtoTcp, kKey);
    t = base;
    t.dst.raw ^= 1U << bit;
    differs(t, kProtoTcp, kKey);
  }
  for (unsigned bit = 0; bit < 16; ++bit) {
    FlowTuple t = base;
    t.sport.raw = static_cast<std::uint16_t>(t.sport.raw ^ (1U << bit));
    differs(t, kProtoTcp, kKey);
    t = base;
    t.dport.raw = static_cast<std::uint16_t>(t.dport.raw ^ (1U << bit));
    differs(t, kProtoTcp, kKey);
  }
  differs(base, kProtoUdp, kKey);
  for (unsigned bit = 0; bit < 256; ++bit) {
    HashKey key = kKey;
    key.word[bit / 64] ^= std::uint64_t{1} << bit % 64;
    differs(base, kProtoTcp, key);
  }
  EXPECT_EQ(hashes.size(), changes + 1);
}

// With a linear hash the difference of two flows' hashes would be the same under every key.
TEST(FlowHash, DifferencesDependOnTheKey) {
  const FlowTuple a = flow(0x0a000001, 1024, 0xc000020a, 80);
  const FlowTuple b = flow(0x0a000002, 1025, 0xc000020a, 80);
  std::set<std::uint64_t> differences;
  for (std::uint64_t n = 0; n < 1'000; ++n) {
    HashKey key = kKey;
    key.word[n % 4] += n;
    differences.insert(flow_hash(a, kProtoTcp, key) ^ flow_hash(b, kProtoTcp, key));
  }
  EXPECT_EQ(differences.size(), 1'000U);
}

// The flows of a real service differ in few bits; they must fill buckets as random ones would.
TEST(FlowHash, SpreadsNeighbouringFlows) {
  constexpr std::uint32_t kBuckets = 1 << 14;
  constexpr std::uint32_t kFlows = kBuckets * 4;
  struct Part {
    const char* name;
    unsigned shift;
  };
  for (const Part part : {Part{"low half: bucket", 0}, Part{"high half: tag", 33}}) {
    std::vector<unsigned> load(kBuckets);
    for (std::uint32_t n = 0; n < kFlows; ++n) {
      const FlowTuple tuple = test::nat_conn(n).tuple[n % 2];
      const auto bits = static_cast<std::uint32_t>(flow_hash(tuple, kProtoTcp, kKey) >> part.shift);
      ++load[static_cast<std::size_t>(std::uint64_t{bits & 0x7fff'ffff} * kBuckets >> 31)];
    }
    double chi2 = 0;
    for (const unsigned l : load) chi2 += (l - 4.0) * (l - 4.0) / 4.0;
    // Mean kBuckets - 1, deviation sqrt(2 kBuckets) = 181: six of them either way.
    EXPECT_GT(chi2, kBuckets - 1'086.0) << part.name;
    EXPECT_LT(chi2, kBuckets + 1'086.0) << part.name;
  }
}

}  // namespace
}  // namespace lb
