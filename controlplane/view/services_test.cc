#include "controlplane/view/services.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/test_messages.h"

namespace lb::view {
namespace {

using nlohmann::json;

TEST(ShowService, LooksLikeIpvsadm) {
  EXPECT_EQ(as_text(services_of(sample_stats(), nullptr)),
            R"(Ballast 0.1.0 (connections=42 max=1000000)
Prot LocalAddress:Port Scheduler Service
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn  State
TCP  192.0.2.10:80 wrr web
  -> 10.0.0.11:80                 Masq    2      12         3          up
  -> 10.0.0.12:80                 Masq    1      0          0          down
  -> 10.0.0.13:8080               Masq    65535  0          0          unresolved
  -> 10.0.0.14:80                 Masq    0      0          0          removed
UDP  192.0.2.10:53 rr dns
  -> 192.0.2.21:53                Route   1      0          0          up
)");
}

TEST(ShowService, PrintsJson) {
  const json j = json::parse(as_json(services_of(sample_stats(), nullptr)));
  EXPECT_EQ(j["connections"], 42);
  EXPECT_EQ(j["generation"], 7);
  const json& web = j["services"][0];
  EXPECT_EQ(web["name"], "web");
  EXPECT_EQ(web["protocol"], "tcp");
  EXPECT_EQ(web["address"], "192.0.2.10");
  EXPECT_EQ(web["port"], 80);
  EXPECT_EQ(web["mode"], "nat");
  EXPECT_EQ(web["scheduler"], "wrr");
  EXPECT_EQ(web["real_servers"][0], json::parse(R"({"address": "10.0.0.11", "port": 80, "weight": 2,
      "state": "up", "active_connections": 12, "inactive_connections": 3, "policy": null})"));
  EXPECT_EQ(web["real_servers"][1]["state"], "down");
  EXPECT_EQ(web["real_servers"][2]["state"], "unresolved");
  EXPECT_EQ(web["real_servers"][3]["state"], "removed");
  EXPECT_EQ(j["services"][1]["mode"], "dr");
}

TEST(ShowService, ShowsRefusalsAndAllAddresses) {
  api::Stats stats = sample_stats();
  api::ServiceStats& dns = *stats.mutable_services(1);
  dns.mutable_refused();
  EXPECT_EQ(as_text(services_of(stats, nullptr)).find("refused"), std::string::npos);
  dns.mutable_refused()->set_denied(12);
  dns.mutable_refused()->set_client_rate_limited(3);
  dns.mutable_addresses(0)->set_last_port(60);
  EXPECT_NE(as_text(services_of(stats, nullptr))
                .find("UDP  192.0.2.10:53-60 rr dns\n"
                      "     refused: denied 12, client_rate_limited 3\n"),
            std::string::npos);
  const json j = json::parse(as_json(services_of(stats, nullptr)));
  EXPECT_EQ(j["services"][0]["addresses"], json::parse(R"(["192.0.2.10:80"])"));
  EXPECT_TRUE(j["services"][0]["refused"].is_null());
  EXPECT_EQ(j["services"][1]["addresses"], json::parse(R"(["192.0.2.10:53-60"])"));
  EXPECT_EQ(j["services"][1]["refused"]["denied"], 12);
  EXPECT_EQ(j["services"][1]["refused"]["service_rate_limited"], 0);
}

TEST(ShowService, ShowsTheSynProxy) {
  api::Stats stats = sample_stats();
  api::SynProxyStats& proxy = *stats.mutable_services(0)->mutable_syn_proxy();
  proxy.set_mode(api::SYN_PROXY_ADAPTIVE);
  proxy.set_half_open(12);
  proxy.set_cookies(18);
  proxy.set_proven(5);
  proxy.set_refused(3);
  const auto shows = [&](const char* line) {
    return as_text(services_of(stats, nullptr)).find(line) != std::string::npos;
  };
  EXPECT_TRUE(
      shows("     syn_proxy adaptive (idle): 12 half-open, cookies 18, proven 5, refused 3\n"));
  proxy.set_active(true);
  EXPECT_TRUE(shows("     syn_proxy adaptive (active): 12 half-open, "));
  proxy.set_mode(api::SYN_PROXY_ALWAYS);
  EXPECT_TRUE(shows("     syn_proxy always: 12 half-open, "));
  const json j = json::parse(as_json(services_of(stats, nullptr)));
  EXPECT_EQ(j["services"][0]["syn_proxy"],
            json::parse(R"({"mode": "always", "active": true, "timestamps": false,
      "half_open": 12, "cookies": 18, "proven": 5, "refused": 3})"));
  EXPECT_TRUE(j["services"][1]["syn_proxy"].is_null());
}

TEST(ShowService, PrintsAnEmptyConfiguration) {
  EXPECT_TRUE(json::parse(as_json(services_of({}, nullptr)))["services"].empty());
  EXPECT_NE(as_text(services_of({}, nullptr)).find("InActConn"), std::string::npos);
}

// The sample, with what policies and operators make of it.
api::control::Status changed_status() {
  auto status = sample_status();
  api::control::Target& drained = *status.mutable_targets(0);
  drained.set_admin_state("drain");
  drained.set_drain_left_ms(598'000);
  drained.set_weight(9);
  api::control::ServiceState& web = *status.add_services();
  web.set_name("web");
  web.set_quorum_known(true);
  web.set_quorum_weight(3);
  web.set_quorum_hysteresis(1);
  web.set_weight_up(1);
  web.set_sorry_address(bytes_of("10.0.0.13"));
  web.set_sorry_port(8080);
  web.set_sorry_in_use(true);
  web.set_scheduler("lc");
  web.set_file_scheduler("wrr");
  return status;
}

TEST(ShowService, ShowsQuorumAndChanges) {
  const auto status = changed_status();
  const std::string text = as_text(services_of(sample_stats(), &status));
  EXPECT_NE(text.find(R"(
     quorum lost: 1 up of 3, hysteresis 1
  -> 10.0.0.11:80                 Masq    9*     12         3          drain, 9m58s left
  -> 10.0.0.12:80                 Masq    1      0          0          down
  -> 10.0.0.13:8080               Masq    65535  0          0          sorry server, unresolved
)"),
            std::string::npos)
      << text;
  const json j = json::parse(as_json(services_of(sample_stats(), &status)))["services"][0];
  EXPECT_EQ(j["quorum"], json::parse(R"({"reached": false, "weight_up": 1, "quorum": 3,
      "hysteresis": 1, "sorry_server_in_use": true})"));
  EXPECT_EQ(j["real_servers"][0]["policy"]["drain_left_ms"], 598'000);
  EXPECT_EQ(j["real_servers"][0]["policy"]["weight_in_file"], 2);
  EXPECT_EQ(j["real_servers"][2]["policy"]["sorry_server"], true);
}

TEST(ShowRs, PrintsHealth) {
  const auto status = sample_status();
  EXPECT_EQ(
      as_text(real_servers_of(sample_stats(), &status)),
      R"(Service  RealServer:Port  Forward  Weight  State       Health  Since  Check  ActiveConn  InActConn  MaxConn  Conns  LastResult
web      10.0.0.11:80     Masq          2  up          up      3m05s  http           12          3   100/75     20  L7OK/200 in 2ms
web      10.0.0.12:80     Masq          1  down        down    500ms  http            0          0        -      0  L4TOUT after 1000ms
web      10.0.0.13:8080   Masq      65535  unresolved  -           -  -               0          0        -      0  -
web      10.0.0.14:80     Masq          0  removed     -           -  -               0          0        -      0  -
dns      192.0.2.21:53    Route         1  up          -           -  -               0          0        -      5  -
)");
}

TEST(ShowRs, ShowsHeldServers) {
  auto status = sample_status();
  status.mutable_targets(1)->set_held("held: check failed, 7 of 10 checks fail at once");
  EXPECT_NE(as_text(real_servers_of(sample_stats(), &status))
                .find("held    500ms  http            0          0        -      0  held: check "
                      "failed, 7 of "
                      "10 checks fail at once (L4TOUT after 1000ms)\n"),
            std::string::npos);
  const json j = json::parse(as_json(real_servers_of(sample_stats(), &status)));
  EXPECT_EQ(j["real_servers"][1]["health"]["held"],
            "held: check failed, 7 of 10 checks fail at once");
  EXPECT_EQ(j["real_servers"][1]["health"]["up"], false);
}

TEST(ShowRs, PrintsWithoutTheControlPlane) {
  EXPECT_EQ(
      as_text(real_servers_of(sample_stats(), nullptr)),
      R"(Service  RealServer:Port  Forward  Weight  State       Health  Since  Check  ActiveConn  InActConn  MaxConn  Conns  LastResult
web      10.0.0.11:80     Masq          2  up          -           -  -              12          3   100/75     20  -
web      10.0.0.12:80     Masq          1  down        -           -  -               0          0        -      0  -
web      10.0.0.13:8080   Masq      65535  unresolved  -           -  -               0          0        -      0  -
web      10.0.0.14:80     Masq          0  removed     -           -  -               0          0        -      0  -
dns      192.0.2.21:53    Route         1  up          -           -  -               0          0        -      5  -
)");
}

TEST(ShowRs, PrintsJson) {
  const auto status = sample_status();
  const json j = json::parse(as_json(real_servers_of(sample_stats(), &status)));
  EXPECT_EQ(j["health_known"], true);
  const json& server = j["real_servers"][0];
  EXPECT_EQ(server["service"], "web");
  EXPECT_EQ(server["bytes_in"], 20'000);
  EXPECT_EQ(server["health"], json::parse(R"({"up": true, "since_ms": 185000, "check": "http",
      "last_result": "L7OK/200 in 2ms", "rise_count": 5, "fall_count": 0,
      "held": null})"));
  EXPECT_EQ(j["real_servers"][1]["health"]["up"], false);
  EXPECT_TRUE(j["real_servers"][2]["health"].is_null());

  const json unknown = json::parse(as_json(real_servers_of(sample_stats(), nullptr)));
  EXPECT_EQ(unknown["health_known"], false);
  EXPECT_TRUE(unknown["real_servers"][0]["health"].is_null());
}

TEST(ShowStats, PrintsText) {
  EXPECT_EQ(as_text(statistics_of(sample_stats())),
            R"(Up 1h02m, connections 42 of 1000000: created 1000, expired 958, shed 0
Prot LocalAddress:Port   Conns  InPkts  OutPkts  InBytes  OutBytes  SynUnansw  SynRefused
  -> RemoteAddress:Port
TCP  192.0.2.10:80 web      30     300      270    30000   1500000          3           6
  -> 10.0.0.11:80           20     200      180    20000   1000000          2           4
  -> 10.0.0.12:80            0       0        0        0         0          0           0
  -> 10.0.0.13:8080          0       0        0        0         0          0           0
  -> 10.0.0.14:80            0       0        0        0         0          0           0
UDP  192.0.2.10:53 dns       5      50       45     5000    250000          0           1
  -> 192.0.2.21:53           5      50       45     5000    250000          0           1
)");
}

TEST(ShowStats, PrintsJson) {
  const json j = json::parse(as_json(statistics_of(sample_stats())));
  EXPECT_EQ(j["uptime_ms"], 3'725'000);
  EXPECT_EQ(j["connections_expired"], 958);
  EXPECT_EQ(j["services"][0]["packets_in"], 300);
  EXPECT_EQ(j["services"][1]["real_servers"][0]["bytes_out"], 250'000);
}

}  // namespace
}  // namespace lb::view
