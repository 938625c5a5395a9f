#include "controlplane/view/workers.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/test_messages.h"

namespace lb::view {
namespace {

using nlohmann::json;

TEST(ShowPort, PrintsText) {
  EXPECT_EQ(
      as_text(ports_of(sample_stats())),
      R"(Port  Link          MTU  Queues  RxPkts  RxBytes  TxPkts  TxBytes  Missed  RxErr  TxErr  ToKernel  FromKernel
wan   10000Mbit/s  1500     1/2    1600   200000    1500   190000       0      0      0        90          80
wan: net_af_packet0,iface=eth1, driver net_af_packet, MAC 02:00:5e:10:00:ff
)");
}

TEST(ShowPort, PrintsJson) {
  const json j = json::parse(as_json(ports_of(sample_stats())));
  ASSERT_EQ(j["ports"].size(), 1u);
  EXPECT_EQ(j["ports"][0]["mac"], "02:00:5e:10:00:ff");
  EXPECT_EQ(j["ports"][0]["link_mbps"], 10'000);
  EXPECT_EQ(j["ports"][0]["rx_bytes"], 200'000);
}

TEST(ShowPort, SaysWhichPortNeedsARestart) {
  api::Stats stats = sample_stats();
  stats.mutable_ports(0)->set_link_up(false);
  stats.mutable_ports(0)->set_restart_needed(true);
  const std::string text = as_text(ports_of(stats));
  EXPECT_NE(text.find("wan   gone  1500"), std::string::npos) << text;
  EXPECT_NE(text.find("; its interface is gone: restart lb-dataplane when it is back\n"),
            std::string::npos);
  const json j = json::parse(as_json(ports_of(stats)));
  EXPECT_EQ(j["ports"][0]["restart_needed"], true);
  EXPECT_EQ(j["ports"][0]["link_up"], false);
}

TEST(ShowLcore, PrintsText) {
  EXPECT_EQ(
      as_text(workers_of(sample_stats())),
      R"(Worker  CPU  Busy%  Packets   Bytes  Forwarded  Punted  Dropped  Pkts/Burst  Cycles/Pkt
     0    1   25.0     1600  200000       1500      90       10        16.0         100
     1    0    0.0        0       0          0       0        0           -           -
)");
}

TEST(ShowLcore, PrintsJson) {
  const json j = json::parse(as_json(workers_of(sample_stats())));
  EXPECT_EQ(j["tsc_hz"], 2'000'000'000);
  EXPECT_EQ(j["lcores"][0]["busy_percent"], 25.0);
  EXPECT_EQ(j["lcores"][0]["packets_per_burst"], 16.0);
  EXPECT_EQ(j["lcores"][0]["cycles_per_packet"], 100.0);
  EXPECT_TRUE(j["lcores"][1]["cycles_per_packet"].is_null());
}

TEST(ShowDrops, PrintsTextAndJson) {
  EXPECT_EQ(as_text(drops_of(sample_stats())), R"(Reason          Packets  Meaning
truncated             0  a header reaches beyond the end
no_real_server       10  no real server is up
total                10
)");
  const json j = json::parse(as_json(drops_of(sample_stats())));
  EXPECT_EQ(j["total_packets"], 10);
  EXPECT_EQ(j["drops"][1]["reason"], "no_real_server");
}

TEST(ShowPunt, PrintsTextAndJson) {
  EXPECT_EQ(as_text(punts_of(sample_stats())), R"(Port  Class  Passed  Dropped  Packets
wan   vrrp       40        0  VRRP adverts
wan   other      50     7000  everything else
)");
  const json j = json::parse(as_json(punts_of(sample_stats())));
  EXPECT_EQ(j["punts"][1]["port"], "wan");
  EXPECT_EQ(j["punts"][1]["class"], "other");
  EXPECT_EQ(j["punts"][1]["passed_packets"], 50);
  EXPECT_EQ(j["punts"][1]["dropped_packets"], 7000);
}

}  // namespace
}  // namespace lb::view
