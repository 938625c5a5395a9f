// What needs DPDK's memory, but no port and no hugepages.
#include <gtest/gtest.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <sched.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "dataplane/lcore/eal.h"
#include "dataplane/lcore/fragment_packet.h"
#include "dataplane/lcore/qsbr.h"
#include "dataplane/lcore/tx_buffer.h"

namespace lb {
namespace {

rte_mempool* pool = nullptr;

class Dpdk : public ::testing::Environment {
 public:
  void SetUp() override {
    EalOptions options;
    options.main_cpu = static_cast<std::uint32_t>(sched_getcpu());
    options.worker_cpus = {options.main_cpu};
    options.hugepages = false;
    options.memory_mb = 64;
    options.run_dir = "/test-" + std::to_string(::getpid());
    const auto started = start_eal(options);
    ASSERT_TRUE(started) << started.error().message;
    pool = rte_pktmbuf_pool_create("test", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    ASSERT_NE(pool, nullptr);
  }
  void TearDown() override {
    rte_mempool_free(pool);
    stop_eal();
  }
};

const auto* const kDpdk = ::testing::AddGlobalTestEnvironment(new Dpdk);

// ---- fragment_packet

struct Frame {
  unsigned l3 = 14;
  std::uint16_t ip_len = 0;
  std::uint16_t offset_and_flags = 0;
  unsigned padding = 0;
};

rte_mbuf* make(const Frame& frame) {
  rte_mbuf* buffer = rte_pktmbuf_alloc(pool);
  auto* data = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(
      buffer, static_cast<std::uint16_t>(frame.l3 + frame.ip_len + frame.padding)));
  for (unsigned i = 0; i < frame.l3; ++i) data[i] = static_cast<std::uint8_t>(0xa0 + i);
  auto* ip = reinterpret_cast<rte_ipv4_hdr*>(data + frame.l3);
  std::memset(ip, 0, sizeof(*ip));
  ip->version_ihl = 0x45;
  ip->total_length = rte_cpu_to_be_16(frame.ip_len);
  ip->packet_id = rte_cpu_to_be_16(0x1234);
  ip->fragment_offset = rte_cpu_to_be_16(frame.offset_and_flags);
  ip->time_to_live = 63;
  ip->next_proto_id = IPPROTO_UDP;
  for (unsigned i = 20; i < frame.ip_len; ++i) {
    data[frame.l3 + i] = static_cast<std::uint8_t>(i * 7);
  }
  return buffer;
}

class FragmentPacket : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(rte_mempool_in_use_count(pool), 0U); }

  // Cuts and checks each piece; returns the offsets (bytes) of the fragments.
  std::vector<unsigned> fragment_and_check(const Frame& frame, std::uint16_t mtu) {
    rte_mbuf* whole = make(frame);
    std::array<rte_mbuf*, kMaxFragments> fragments;
    const unsigned count = fragment_packet(whole, frame.l3, frame.ip_len, mtu, pool, fragments);
    std::vector<unsigned> offsets;
    unsigned payload = 0;
    for (unsigned i = 0; i < count; ++i) {
      const auto* data = rte_pktmbuf_mtod(fragments[i], const std::uint8_t*);
      for (unsigned b = 0; b < frame.l3; ++b) EXPECT_EQ(data[b], 0xa0 + b);
      const auto* ip = reinterpret_cast<const rte_ipv4_hdr*>(data + frame.l3);
      const unsigned length = rte_be_to_cpu_16(ip->total_length);
      EXPECT_LE(length, mtu);
      EXPECT_EQ(fragments[i]->pkt_len, frame.l3 + length);
      EXPECT_EQ(fragments[i]->nb_segs, 1);
      EXPECT_EQ(fragments[i]->ol_flags, 0U);
      EXPECT_EQ(rte_raw_cksum(ip, sizeof(*ip)), 0xffff);
      EXPECT_EQ(rte_be_to_cpu_16(ip->packet_id), 0x1234);
      const unsigned field = rte_be_to_cpu_16(ip->fragment_offset);
      const bool more = (field & RTE_IPV4_HDR_MF_FLAG) != 0;
      const bool whole_had_more = (frame.offset_and_flags & RTE_IPV4_HDR_MF_FLAG) != 0;
      EXPECT_EQ(more, i + 1 < count || whole_had_more);
      const unsigned offset = (field & RTE_IPV4_HDR_OFFSET_MASK) * 8;
      offsets.push_back(offset);
      const unsigned start = offset - (frame.offset_and_flags & RTE_IPV4_HDR_OFFSET_MASK) * 8;
      EXPECT_EQ(start, payload);
      for (unsigned b = 20; b < length; ++b) {
        EXPECT_EQ(data[frame.l3 + b], static_cast<std::uint8_t>((start + b) * 7));
      }
      payload += length - 20;
      rte_pktmbuf_free(fragments[i]);
    }
    EXPECT_EQ(payload, count == 0 ? 0 : frame.ip_len - 20U);
    rte_pktmbuf_free(whole);
    return offsets;
  }
};

TEST_F(FragmentPacket, CarriesTheWholePayloadInOrder) {
  EXPECT_EQ(fragment_and_check({.ip_len = 1500}, 600), (std::vector<unsigned>{0, 576, 1152}));
}

TEST_F(FragmentPacket, KeepsTheVlanTag) {
  EXPECT_EQ(fragment_and_check({.l3 = 18, .ip_len = 1500}, 1000), (std::vector<unsigned>{0, 976}));
}

TEST_F(FragmentPacket, FragmentsAFragment) {
  const std::uint16_t middle = RTE_IPV4_HDR_MF_FLAG | 185;
  EXPECT_EQ(fragment_and_check({.ip_len = 1000, .offset_and_flags = middle}, 600),
            (std::vector<unsigned>{1480, 1480 + 576}));
}

TEST_F(FragmentPacket, LeavesOutEthernetPadding) {
  EXPECT_EQ(fragment_and_check({.ip_len = 700, .padding = 30}, 600),
            (std::vector<unsigned>{0, 576}));
}

TEST_F(FragmentPacket, RefusesTooManyFragments) {
  EXPECT_TRUE(fragment_and_check({.ip_len = 1500}, 60).empty());
}

TEST_F(FragmentPacket, RefusesDontFragment) {
  EXPECT_TRUE(
      fragment_and_check({.ip_len = 1500, .offset_and_flags = RTE_IPV4_HDR_DF_FLAG}, 600).empty());
}

TEST_F(FragmentPacket, FailsWithoutABuffer) {
  std::vector<rte_mbuf*> taken;
  rte_mbuf* whole = make({.ip_len = 1500});
  while (rte_mbuf* buffer = rte_pktmbuf_alloc(pool)) taken.push_back(buffer);
  rte_pktmbuf_free(taken.back());  // one is left, three are needed
  taken.pop_back();
  std::array<rte_mbuf*, kMaxFragments> fragments;
  EXPECT_EQ(fragment_packet(whole, 14, 1500, 600, pool, fragments), 0U);
  rte_pktmbuf_free(whole);
  for (rte_mbuf* buffer : taken) rte_pktmbuf_free(buffer);
}

// ---- Qsbr

TEST(QsbrTest, PassesWhenEveryWorkerWasQuiescent) {
  Qsbr qsbr(2);
  EXPECT_TRUE(qsbr.passed(qsbr.start()));  // nobody reads yet
  for (unsigned w = 0; w < 2; ++w) {
    rte_rcu_qsbr_thread_register(qsbr.raw(), w);
    rte_rcu_qsbr_thread_online(qsbr.raw(), w);
  }
  const std::uint64_t token = qsbr.start();
  EXPECT_FALSE(qsbr.passed(token));
  rte_rcu_qsbr_quiescent(qsbr.raw(), 0);
  EXPECT_FALSE(qsbr.passed(token));
  rte_rcu_qsbr_quiescent(qsbr.raw(), 1);
  EXPECT_TRUE(qsbr.passed(token));
  EXPECT_FALSE(qsbr.passed(qsbr.start()));
}

TEST(QsbrTest, SleepingWorkerIsQuiescent) {
  Qsbr qsbr(1);
  rte_rcu_qsbr_thread_register(qsbr.raw(), 0);
  rte_rcu_qsbr_thread_online(qsbr.raw(), 0);
  const std::uint64_t token = qsbr.start();
  EXPECT_FALSE(qsbr.passed(token));
  rte_rcu_qsbr_thread_offline(qsbr.raw(), 0);
  EXPECT_TRUE(qsbr.passed(token));
}

}  // namespace
}  // namespace lb
