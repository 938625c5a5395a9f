#include "controlplane/view/rates.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/test_messages.h"

namespace lb::view {
namespace {

// Two seconds after sample_stats().
api::Stats later() {
  api::Stats stats = sample_stats();
  stats.set_uptime_ms(stats.uptime_ms() + 2000);
  stats.set_monotonic_ns(stats.monotonic_ns() + 2'000'000'000);
  stats.set_connections_created(1200);
  api::ServiceStats& web = *stats.mutable_services(0);
  fill_traffic(*web.mutable_traffic(), 230);
  fill_traffic(*web.mutable_real_servers(0)->mutable_traffic(), 220);
  api::LcoreStats& lcore = *stats.mutable_lcores(0);
  lcore.set_packets(5600);
  lcore.set_bytes(1'200'000);
  lcore.set_bursts(300);
  lcore.set_busy_cycles(560'000);
  lcore.set_total_cycles(2'240'000);
  lcore.set_forwarded(5500);
  stats.mutable_ports(0)->set_rx_packets(5600);
  stats.mutable_ports(0)->set_rx_bytes(1'200'000);
  stats.mutable_drops(1)->set_packets(15);
  return stats;
}

TEST(Rates, ComputeDifferencesPerSecond) {
  const auto rates = rates_between(sample_stats(), later());
  ASSERT_TRUE(rates);
  EXPECT_DOUBLE_EQ(rates->seconds, 2);
  EXPECT_DOUBLE_EQ(rates->connections_created, 100);
  EXPECT_DOUBLE_EQ(rates->services[0].traffic.connections, 100);
  EXPECT_DOUBLE_EQ(rates->services[0].traffic.packets_in, 1000);
  EXPECT_DOUBLE_EQ(rates->services[0].traffic.bits_in, 800'000);
  EXPECT_DOUBLE_EQ(rates->services[0].real_servers[0].traffic.packets_out, 900);
  EXPECT_DOUBLE_EQ(rates->services[1].traffic.packets_in, 0);
  EXPECT_DOUBLE_EQ(rates->lcores[0].packets, 2000);
  EXPECT_DOUBLE_EQ(rates->lcores[0].bits, 4'000'000);
  EXPECT_DOUBLE_EQ(rates->lcores[0].busy_percent, 25);
  EXPECT_DOUBLE_EQ(*rates->lcores[0].cycles_per_packet, 100);
  EXPECT_DOUBLE_EQ(*rates->lcores[0].packets_per_burst, 20);
  EXPECT_FALSE(rates->lcores[1].cycles_per_packet);
  EXPECT_FALSE(rates->lcores[1].packets_per_burst);
  EXPECT_DOUBLE_EQ(rates->lcores[1].busy_percent, 0);
  EXPECT_DOUBLE_EQ(rates->ports[0].rx_bits, 4'000'000);
  EXPECT_DOUBLE_EQ(rates->drops[1].packets, 2.5);
}

TEST(Rates, CountWhatIsNewFromZero) {
  api::Stats before = sample_stats();
  before.mutable_services()->DeleteSubrange(0, 1);
  // The other service lives on under another number, and its counters began again.
  fill_traffic(*before.mutable_services(0)->mutable_traffic(), 1000);
  const auto rates = rates_between(before, later());
  EXPECT_DOUBLE_EQ(rates->services[0].traffic.connections, 115);
  EXPECT_DOUBLE_EQ(rates->services[1].traffic.connections, 2.5);
}

TEST(Rates, NeedTwoReadingsOfOneDataPlane) {
  EXPECT_FALSE(rates_between(sample_stats(), sample_stats()));
  EXPECT_FALSE(rates_between(later(), sample_stats()));
  api::Stats restarted = later();
  restarted.set_uptime_ms(10);
  EXPECT_FALSE(rates_between(sample_stats(), restarted));
}

TEST(Rates, PrintAsText) {
  EXPECT_EQ(as_text(*rates_between(sample_stats(), later())),
            R"(2.0 s: connections 42, created 100/s, expired 0/s, shed 0/s
Worker  CPU  Busy%  Pkts/s  Mbit/s  Pkts/Burst  Cycles/Pkt  Forwarded/s  Punted/s  Dropped/s
0         1   25.0    2000    4.00        20.0         100         2000         0          0
1         0    0.0       0    0.00           -           -            0         0          0
Port  RxPkts/s  RxMbit/s  TxPkts/s  TxMbit/s  Missed/s
wan       2000      4.00         0      0.00         0
Prot LocalAddress:Port   Conns/s  InPkts/s  OutPkts/s  InMbit/s  OutMbit/s
  -> RemoteAddress:Port
TCP  192.0.2.10:80 web       100      1000        900      0.80      40.00
  -> 10.0.0.11:80            100      1000        900      0.80      40.00
  -> 10.0.0.12:80              0         0          0      0.00       0.00
  -> 10.0.0.13:8080            0         0          0      0.00       0.00
  -> 10.0.0.14:80              0         0          0      0.00       0.00
UDP  192.0.2.10:53 dns         0         0          0      0.00       0.00
  -> 192.0.2.21:53             0         0          0      0.00       0.00
dropped 2.5/s: no_real_server
)");
}

TEST(Rates, PrintOfTheWorkersAlone) {
  const Rates rates = *rates_between(sample_stats(), later());
  EXPECT_EQ(
      as_text(worker_rates_of(rates)),
      R"(Worker  CPU  Busy%  Pkts/s  Mbit/s  Pkts/Burst  Cycles/Pkt  Forwarded/s  Punted/s  Dropped/s
0         1   25.0    2000    4.00        20.0         100         2000         0          0
1         0    0.0       0    0.00           -           -            0         0          0
)");
  const std::string text = as_json(worker_rates_of(rates));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto parsed = nlohmann::json::parse(text);
  EXPECT_EQ(parsed["interval_s"], 2.0);
  EXPECT_EQ(parsed["lcores"][0]["packets_per_s"], 2000.0);
  EXPECT_FALSE(parsed.contains("services"));
}

TEST(Rates, PrintAsOneLineOfJson) {
  const std::string text = as_json(*rates_between(sample_stats(), later()));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto parsed = nlohmann::json::parse(text);
  EXPECT_EQ(parsed["interval_s"], 2.0);
  EXPECT_EQ(parsed["lcores"][0]["cycles_per_packet"], 100.0);
  EXPECT_EQ(parsed["lcores"][0]["packets_per_burst"], 20.0);
  EXPECT_TRUE(parsed["lcores"][1]["cycles_per_packet"].is_null());
  EXPECT_TRUE(parsed["lcores"][1]["packets_per_burst"].is_null());
  EXPECT_EQ(parsed["ports"][0]["rx_bits_per_s"], 4e6);
  EXPECT_EQ(parsed["services"][0]["real_servers"][0]["packets_in_per_s"], 1000.0);
  EXPECT_EQ(parsed["drops"][1]["packets_per_s"], 2.5);
}

}  // namespace
}  // namespace lb::view
