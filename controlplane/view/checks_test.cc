#include "controlplane/view/checks.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/test_messages.h"

namespace lb::view {
namespace {

api::control::Status check_status() {
  api::control::Status out;
  api::control::CheckStatus& check = *out.add_checks();
  check.set_address(bytes_of("10.0.0.11"));
  check.set_port(80);
  check.set_type("http");
  check.set_last_result("L7OK/200 in 2ms");
  check.set_last_ms(400);
  check.set_next_ms(1'600);
  for (const char* name : {"web", "shop"}) {
    api::control::CheckTarget& target = *check.add_targets();
    target.set_service(name);
    target.set_address(bytes_of("10.0.0.11"));
    target.set_port(80);
    target.set_up(name == std::string("web"));
    target.set_since_ms(name == std::string("web") ? 60'000 : 5'000);
    target.set_transitions(3);
    target.set_up_ms(90'000);
    target.set_known_ms(120'000);
  }
  return out;
}

TEST(ShowCheck, ShowsOneRowPerCheck) {
  EXPECT_EQ(
      as_text(checks_of(check_status())),
      R"(Target        Check  State      Since  Changes  UpTime   Last   Next  Services         LastResult
10.0.0.11:80  http   1 of 2 up     5s        3  75.00%  400ms  in 1s  shop and 1 more  L7OK/200 in 2ms
)");
}

TEST(ShowCheck, ListsEveryTargetInJson) {
  const auto json = nlohmann::json::parse(as_json(checks_of(check_status())));
  const auto& check = json["checks"][0];
  EXPECT_EQ(check["address"], "10.0.0.11");
  EXPECT_EQ(check["next_ms"], 1'600);
  EXPECT_EQ(check["targets"].size(), 2u);
  EXPECT_EQ(check["targets"][1]["service"], "shop");
  EXPECT_EQ(check["targets"][1]["transitions"], 3);
}

TEST(ShowCheck, ShowsThePanicGuard) {
  api::control::Status held = check_status();
  EXPECT_TRUE(nlohmann::json::parse(as_json(checks_of(held)))["panic"].is_null());
  for (auto& target : *held.mutable_checks(0)->mutable_targets()) {
    target.set_up(false);
    target.set_held(true);
  }
  api::control::Panic& panic = *held.mutable_panic();
  panic.set_threshold(50);
  EXPECT_EQ(as_text(checks_of(held)).find("Panic"), std::string::npos);
  panic.set_holds(true);
  panic.set_since_ms(12'000);
  panic.set_failing(7);
  panic.set_all(10);
  panic.set_peer("3 up, 4 down, 0 not known");
  EXPECT_EQ(as_text(checks_of(held)).substr(0, 115),
            "Panic guard: holds since 12s, 7 of 10 checks fail (threshold 50%); the peer's checks: "
            "3 up, 4 down, 0 not known\n\nTa");
  EXPECT_NE(as_text(checks_of(held)).find("http   held"), std::string::npos);
  const auto json = nlohmann::json::parse(as_json(checks_of(held)));
  EXPECT_EQ(json["panic"]["failing"], 7);
  EXPECT_EQ(json["checks"][0]["state"], "held");
  EXPECT_EQ(json["checks"][0]["targets"][0]["held"], true);
}

}  // namespace
}  // namespace lb::view
