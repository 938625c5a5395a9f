#include "controlplane/view/ha.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/sync.h"
#include "controlplane/view/test_messages.h"

namespace lb::view {
namespace {

using nlohmann::json;

api::control::Status standby() {
  api::control::Status status;
  api::control::Ha& ha = *status.mutable_ha();
  api::control::HaGroup& group = *ha.add_groups();
  group.set_name("pair");
  group.set_state("BACKUP");
  group.set_since_ms(65'000);
  group.set_reason("start");
  group.set_gate("the table is not complete yet");
  group.set_health(2);
  group.set_peer_state("MASTER");
  group.set_peer_health(2);
  group.set_peer_priority(150);
  api::control::HaInstance& instance = *group.add_instances();
  instance.set_name("VI_1");
  instance.set_interface("wan");
  instance.set_virtual_router_id(51);
  instance.set_version(3);
  instance.set_base_priority(150);
  instance.set_priority(90);
  api::control::HaTerm& term = *instance.add_terms();
  term.set_what("script proxy");
  term.set_failing(true);
  term.set_weight(-60);
  term.set_adds(-60);
  instance.add_addresses("192.0.2.10/24");
  instance.set_master(bytes_of("192.0.2.2"));
  instance.set_heard_ms(40);
  instance.set_received(1234);
  instance.set_late(2);
  instance.set_latest_ms(2300);
  api::control::Count& reject = *instance.add_rejects();
  reject.set_name("checksum");
  reject.set_description("the checksum is wrong");
  reject.set_count(3);
  api::control::UnknownRouter& router = *instance.mutable_unknown_router();
  router.set_address(bytes_of("192.0.2.66"));
  router.set_mac("02:00:00:00:00:66");
  router.set_priority(254);
  router.set_heard_ms(40);
  api::control::HaResource& resource = *ha.add_resources();
  resource.set_name("haproxy");
  resource.set_instance("VI_1");
  resource.set_state("failed");
  resource.set_restarts(3);
  resource.set_failure("start: exit status 1");
  resource.set_last_step("stop");
  resource.set_last_unix_ms(1'790'000'000'000);
  api::control::HaPeer& peer = *ha.mutable_peer();
  peer.set_director("lb1");
  peer.set_release("0.1.0");
  peer.set_connected(true);
  peer.set_late(4);
  peer.set_latest_ms(310);
  peer.set_alive(true);
  peer.add_differences("service web (tcp 192.0.2.10:80) exists only here");
  return status;
}

TEST(ShowHa, ShowsAStandbyAndItsReason) {
  EXPECT_EQ(as_text(ha_of(standby())), R"(pair: BACKUP for 1m05s: start
  the peer: MASTER, priority 150, 2 working ports (here 2)
  gate closed: the table is not complete yet
  Instance  Interface  VRID  Version  Priority                      Master                Sent  Received  Addresses
  VI_1      wan          51        3  150 - 60 (script proxy) = 90  192.0.2.2 (40ms ago)     0      1234  192.0.2.10/24
  VI_1: 2 adverts came late, at most 2300 ms after the one before
  VI_1: 3 adverts refused: the checksum is wrong
  VI_1: unknown VRRP router 192.0.2.66 (02:00:00:00:00:66) claims VRID 51 with priority 254, 40ms ago
Resources:
  Resource  Instance  State   Restarts  Last result
  haproxy   VI_1      failed         3  2026-09-21 14:13:20.000 stop: OK
  haproxy: start: exit status 1; see `lbcli ha retry`
Peer: lb1 (release 0.1.0), alive on the sync link
  4 heartbeats came late, at most 310 ms after the one before
  configured differently: service web (tcp 192.0.2.10:80) exists only here
)");
}

TEST(ShowHa, CountsOneAdvertInTheSingular) {
  auto status = standby();
  auto& instance = *status.mutable_ha()->mutable_groups(0)->mutable_instances(0);
  instance.set_late(1);
  instance.mutable_rejects(0)->set_count(1);
  const std::string text = as_text(ha_of(status));
  EXPECT_NE(text.find("VI_1: 1 advert came late, at most 2300 ms"), std::string::npos) << text;
  EXPECT_NE(text.find("VI_1: 1 advert refused: the checksum"), std::string::npos) << text;
}

TEST(ShowHa, ShowsNoGateForAMaster) {
  auto status = standby();
  auto& group = *status.mutable_ha()->mutable_groups(0);
  group.set_state("MASTER");
  const std::string text = as_text(ha_of(status));
  EXPECT_EQ(text.find("gate"), std::string::npos);
  EXPECT_NE(text.find("  here  "), std::string::npos);
}

TEST(ShowHa, ShowsOperatorCommands) {
  auto status = standby();
  auto& group = *status.mutable_ha()->mutable_groups(0);
  group.set_frozen(true);
  group.set_held(true);
  group.set_peer_holds(true);
  auto& handover = *status.mutable_ha()->mutable_handover();
  handover.set_group("pair");
  EXPECT_NE(as_text(ha_of(status)).find("Last switchover of pair: under way\n"), std::string::npos);
  handover.set_done(true);
  handover.set_text("the peer is master");
  handover.set_took_ms(8);
  const std::string text = as_text(ha_of(status));
  EXPECT_NE(text.find("  frozen: no transitions until `lbcli ha thaw`\n"
                      "  held: gave mastership away, waits until the new master is gone\n"),
            std::string::npos);
  EXPECT_NE(text.find("  no adverts are received, but the peer reports over the sync link"),
            std::string::npos);
  EXPECT_NE(text.find("Last switchover of pair: the peer is master after 8 ms\n"),
            std::string::npos);
}

TEST(ShowHa, CountsOneWorkingPortInTheSingular) {
  auto status = standby();
  status.mutable_ha()->mutable_groups(0)->set_peer_health(1);
  EXPECT_NE(as_text(ha_of(status)).find("priority 150, 1 working port (here 2)\n"),
            std::string::npos);
}

TEST(ShowHa, ShowsLostPeers) {
  auto status = standby();
  auto& peer = *status.mutable_ha()->mutable_peer();
  peer.clear_differences();
  peer.set_alive(false);
  peer.set_heard_ms(2500);
  EXPECT_NE(as_text(ha_of(status)).find("Peer: lb1 (release 0.1.0), silent for 2s\n"),
            std::string::npos);
  peer.set_connected(false);
  EXPECT_NE(as_text(ha_of(status)).find("not connected, last heartbeat 2s ago\n"),
            std::string::npos);
  peer.Clear();
  EXPECT_NE(as_text(ha_of(status)).find("Peer: no heartbeat received yet\n"), std::string::npos);
}

TEST(ShowHa, PrintsJson) {
  const json j = json::parse(as_json(ha_of(standby())));
  EXPECT_EQ(j["groups"][0]["gate"], "the table is not complete yet");
  const auto& instance = j["instances"][0];
  EXPECT_EQ(instance["group"], "pair");
  EXPECT_EQ(instance["priority"], 90);
  EXPECT_EQ(instance["terms"][0]["adds"], -60);
  EXPECT_EQ(instance["master"], "192.0.2.2");
  EXPECT_EQ(instance["rejected_adverts"][0]["count"], 3);
  EXPECT_EQ(instance["unknown_router"]["address"], "192.0.2.66");
  EXPECT_EQ(j["peer"]["alive"], true);
  EXPECT_FALSE(j.contains("handover"));
}

TEST(ShowSync, PrintsTextAndJson) {
  api::control::Status status;
  api::control::Sync& sync = *status.mutable_sync();
  sync.set_connected(true);
  sync.set_listen("10.255.0.1:7000");
  sync.set_peer("10.255.0.2:7000");
  sync.set_sync_id(1);
  sync.set_sessions(1);
  sync.set_complete(true);
  sync.set_last_batch(20);
  sync.set_watermark(18);
  sync.set_lag_ms(6);
  sync.set_lag_bytes(4000);
  sync.mutable_table()->set_walks(2);
  api::control::Count& refusal = *sync.add_refusals();
  refusal.set_name("not_proved");
  refusal.set_description("the TLS handshake failed");
  refusal.set_count(5);
  const std::string text = as_text(sync_of(status));
  EXPECT_TRUE(text.starts_with(
      "Link: 10.255.0.1:7000 to 10.255.0.2:7000, sync_id 1: up (1 session)\n"
      "Table: complete here: yes, at the peer: no\n"
      "Watermark: batch 18 of 20; lag 6 ms, 4000 bytes; 0 entries wait in the rings\n"))
      << text;
  EXPECT_NE(text.find("not_proved        5  the TLS handshake failed"), std::string::npos) << text;
  const json j = json::parse(as_json(sync_of(status)));
  EXPECT_EQ(j["watermark"], 18);
  EXPECT_EQ(j["walks"], 2);
  EXPECT_EQ(j["refusals"][0]["name"], "not_proved");
}

}  // namespace
}  // namespace lb::view
