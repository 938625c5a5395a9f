#include "dataplane/control/report.h"

#include <gtest/gtest.h>

#include "dataplane/control/test_messages.h"
#include "dataplane/service/build.h"

namespace lb {
namespace {

class ReportTest : public ::testing::Test {
 protected:
  ReportTest() {
    for (auto& worker : workers_) {
      worker.make_slots(kMaxRealServerSlots);
    }
  }

  std::unique_ptr<Snapshot> build(const api::Snapshot& message, const Snapshot* previous) {
    const auto spec = from_api(message);
    EXPECT_TRUE(spec);
    auto built =
        build_snapshot(*spec, test::two_ports(), previous, [](std::uint32_t) { return true; });
    EXPECT_TRUE(built);
    return std::move(*built);
  }

  std::array<WorkerCounters, 2> workers_;
  std::vector<const WorkerCounters*> views_{&workers_[0], &workers_[1]};
  Totals totals_{views_};
  Load load_{views_};
  Thresholds thresholds_{load_, 64};
};

TEST_F(ReportTest, EveryDropReasonHasItsText) {
  workers_[0].drop(DropReason::table_full);
  workers_[1].drop(DropReason::table_full);
  api::Stats stats;
  report_workers(views_, {4, 5}, stats);
  ASSERT_EQ(static_cast<std::size_t>(stats.drops_size()), kDropReasons - 1);
  for (const auto& drop : stats.drops()) {
    EXPECT_FALSE(drop.reason().empty());
    EXPECT_FALSE(drop.description().empty());
    EXPECT_EQ(drop.packets(), drop.reason() == "table_full" ? 2U : 0U);
  }
}

TEST_F(ReportTest, EveryClassOfPacketsForTheKernelByPort) {
  const auto arp = static_cast<std::size_t>(PuntClass::neighbours);
  workers_[0].ports[1].punts[arp].passed.add(3);
  workers_[1].ports[1].punts[arp].passed.add(4);
  workers_[1].ports[1].punts[arp].dropped.add(5);
  api::Stats stats;
  report_punts(views_, {"wan", "lan"}, stats);
  ASSERT_EQ(static_cast<std::size_t>(stats.punts_size()), 2 * kPuntClasses);
  for (const auto& punt : stats.punts()) {
    const bool is_it = punt.port() == "lan" && punt.kind() == "neighbours";
    EXPECT_FALSE(punt.description().empty());
    EXPECT_EQ(punt.passed(), is_it ? 7U : 0U);
    EXPECT_EQ(punt.dropped(), is_it ? 5U : 0U);
  }
}

TEST_F(ReportTest, WorkersApartAndConnectionsTogether) {
  workers_[0].packets.add(7);
  workers_[0].conns_created.add(1);
  workers_[1].conns_created.add(2);
  workers_[1].conns_expired.add(1);
  api::Stats stats;
  report_workers(views_, {4, 5}, stats);
  ASSERT_EQ(stats.lcores_size(), 2);
  EXPECT_EQ(stats.lcores(0).packets(), 7U);
  EXPECT_EQ(stats.lcores(1).lcore(), 1U);
  EXPECT_EQ(stats.lcores(1).cpu(), 5U);
  EXPECT_EQ(stats.connections_created(), 3U);
  EXPECT_EQ(stats.connections_expired(), 1U);
}

TEST_F(ReportTest, WhatEndedToMakeRoomByClass) {
  const auto idle = static_cast<std::size_t>(ShedClass::idle);
  workers_[0].shed[idle].add(2);
  workers_[1].shed[idle].add(3);
  workers_[1].shed[0].add(1);
  workers_[1].drop(DropReason::table_full);
  api::Stats stats;
  report_shed(views_, stats);
  ASSERT_EQ(static_cast<std::size_t>(stats.shed_size()), kShedClasses);
  for (const auto& shed : stats.shed()) {
    EXPECT_FALSE(shed.description().empty());
    EXPECT_EQ(shed.connections(), shed.kind() == "idle"        ? 5U
                                  : shed.kind() == "half_open" ? 1U
                                                               : 0U);
  }
  EXPECT_EQ(stats.connections_shed(), 6U);
  EXPECT_EQ(stats.table_full(), 1U);
}

TEST_F(ReportTest, SynProxies) {
  api::Snapshot message = test::web_snapshot();
  message.mutable_services(0)->set_syn_proxy(api::SYN_PROXY_ALWAYS);
  auto* const adaptive = test::add_service(message, "shop", "192.0.2.10", 81);
  test::add_real_server(*adaptive, "10.0.0.11", 81);
  adaptive->set_syn_proxy(api::SYN_PROXY_ADAPTIVE);
  adaptive->set_syn_proxy_threshold(5);
  const auto snapshot = build(message, nullptr);
  const SynProxy& shop = *snapshot->services[1].syn_proxy;
  shop.set_active(true);
  for (unsigned worker = 0; worker < 3; ++worker) shop.count_cookie(worker);
  shop.count_proven(1);
  workers_[0].real_servers[2].half_open.add(4);
  workers_[1].real_servers[2].half_open.add(-1);
  api::Stats stats;
  report_syn_proxies(*snapshot, stats);
  ASSERT_EQ(stats.adaptive_syn_proxies_size(), 1);
  EXPECT_EQ(stats.adaptive_syn_proxies(0).service(), "shop");
  EXPECT_EQ(stats.adaptive_syn_proxies(0).cookies(), 3U);
  report_services(*snapshot, totals_, thresholds_, 1'000, stats);
  EXPECT_EQ(stats.services(0).syn_proxy().mode(), api::SYN_PROXY_ALWAYS);
  EXPECT_TRUE(stats.services(0).syn_proxy().active());
  const api::SynProxyStats& row = stats.services(1).syn_proxy();
  EXPECT_EQ(row.mode(), api::SYN_PROXY_ADAPTIVE);
  EXPECT_TRUE(row.active());
  EXPECT_TRUE(row.timestamps());
  EXPECT_EQ(row.half_open(), 3);
  EXPECT_EQ(row.cookies(), 3U);
  EXPECT_EQ(row.proven(), 1U);
  EXPECT_EQ(row.refused(), 0U);
}

TEST_F(ReportTest, PlacesOfAServiceInTheTable) {
  const auto snapshot = build(test::web_snapshot(), nullptr);
  workers_[0].service_connections[0].add(7);
  workers_[1].service_connections[0].add(-2);
  api::Stats stats;
  report_services(*snapshot, totals_, thresholds_, 1'000, stats);
  EXPECT_EQ(stats.services(0).table_connections(), 5U);
  EXPECT_EQ(stats.services(0).table_kept(), 200U);
}

TEST_F(ReportTest, ServicesWithTheirServersInTheOrderOfTheFile) {
  const auto snapshot = build(test::web_snapshot(), nullptr);
  const std::uint32_t slot = snapshot->services[0].real_servers[1];
  workers_[0].real_servers[slot].packets_in.add(5);
  workers_[1].real_servers[slot].bytes_out.add(900);
  workers_[1].real_servers[slot].active.add(2);
  workers_[1].real_servers[slot].total.add(2);
  api::Stats stats;
  report_services(*snapshot, totals_, thresholds_, 1'000, stats);
  ASSERT_EQ(stats.services_size(), 1);
  const auto& web = stats.services(0);
  EXPECT_EQ(web.name(), "web");
  EXPECT_EQ(web.protocol(), api::TCP);
  ASSERT_EQ(web.addresses_size(), 1);
  EXPECT_EQ(web.addresses(0).address(), test::bytes("192.0.2.10"));
  EXPECT_EQ(web.addresses(0).first_port(), 80U);
  EXPECT_EQ(web.addresses(0).last_port(), 80U);
  EXPECT_EQ(web.traffic().packets_in(), 5U);
  ASSERT_EQ(web.real_servers_size(), 2);
  EXPECT_EQ(web.real_servers(0).address(), test::bytes("10.0.0.11"));
  EXPECT_EQ(web.real_servers(0).traffic().packets_in(), 0U);
  EXPECT_EQ(web.real_servers(1).address(), test::bytes("10.0.0.12"));
  EXPECT_EQ(web.real_servers(1).traffic().bytes_out(), 900U);
  EXPECT_EQ(web.real_servers(1).active_connections(), 2);
  EXPECT_TRUE(web.real_servers(1).next_hop_resolved());
}

TEST_F(ReportTest, RemovedServerIsShownWhileItHasConnections) {
  const auto before = build(test::web_snapshot(), nullptr);
  const std::uint32_t slot = before->services[0].real_servers[1];
  api::Snapshot smaller = test::web_snapshot();
  smaller.mutable_services(0)->mutable_real_servers()->RemoveLast();
  const auto after = build(smaller, before.get());
  workers_[0].real_servers[slot].packets_in.add(5);
  workers_[0].real_servers[slot].total.add(1);

  api::Stats stats;
  report_services(*after, totals_, thresholds_, 1'000, stats);
  ASSERT_EQ(stats.services(0).real_servers_size(), 2);
  EXPECT_TRUE(stats.services(0).real_servers(1).removed());
  EXPECT_EQ(stats.services(0).real_servers(1).inactive_connections(), 1);

  workers_[0].real_servers[slot].total.add(-1);
  stats.Clear();
  report_services(*after, totals_, thresholds_, 1'000, stats);
  EXPECT_EQ(stats.services(0).real_servers_size(), 1);
  EXPECT_EQ(stats.services(0).traffic().packets_in(), 5U);
}

}  // namespace
}  // namespace lb
