#include "controlplane/actions.h"

#include <gtest/gtest.h>

namespace lb::controlplane {
namespace {

using api::control::ConfigCommand;
using api::control::HaCommand;
using api::control::Request;

std::string words(const Request& request) {
  const auto action = action_of(request);
  return action ? action->command : "";
}

Request config_request(ConfigCommand::Kind kind) {
  Request request;
  request.mutable_config()->set_kind(kind);
  return request;
}

TEST(Action, HasNoneForQueries) {
  Request request;
  EXPECT_EQ(action_of(request), std::nullopt);
  request.mutable_status();
  EXPECT_EQ(action_of(request), std::nullopt);
  request.mutable_alert();
  EXPECT_EQ(action_of(request), std::nullopt);
  EXPECT_EQ(action_of(config_request(ConfigCommand::STATUS)), std::nullopt);
  EXPECT_EQ(action_of(config_request(ConfigCommand::CHANGES)), std::nullopt);
}

TEST(Action, NamesCommandsAsTyped) {
  Request request;
  request.mutable_ha()->set_kind(HaCommand::SWITCHOVER);
  EXPECT_EQ(words(request), "ha switchover");
  request.mutable_ha()->set_kind(HaCommand::FREEZE);
  request.mutable_ha()->set_group("G1");
  EXPECT_EQ(words(request), "ha freeze --group G1");
  request.mutable_ha()->set_kind(HaCommand::RETRY);
  EXPECT_EQ(words(request), "ha retry --group G1");
  request.mutable_ha()->set_kind(HaCommand::CONFIRM);
  EXPECT_EQ(words(request), "ha confirm --group G1");
  request.mutable_alert()->set_test(true);
  EXPECT_EQ(words(request), "alert test");
  auto& set = *request.mutable_set();
  set.set_service("web");
  set.set_scheduler("lc");
  EXPECT_EQ(words(request), "set service web scheduler lc");
  set.Clear();
  set.set_service("web");
  set.set_real_server("10.0.0.11:80");
  set.set_weight(0);
  set.set_save(true);
  EXPECT_EQ(words(request), "set rs web 10.0.0.11:80 weight 0 --save");
  set.clear_weight();
  set.set_admin_state(api::control::SetCommand::DRAIN);
  set.set_deadline_ms(600'000);
  set.clear_save();
  EXPECT_EQ(words(request), "set rs web 10.0.0.11:80 drain --deadline 10m");
  set.Clear();
  set.set_release_held(true);
  EXPECT_EQ(words(request), "set health believe");
  EXPECT_EQ(words(config_request(ConfigCommand::RELOAD)), "reload");
  EXPECT_EQ(words(config_request(ConfigCommand::ROLLBACK)), "rollback");
  request = config_request(ConfigCommand::COMMIT);
  request.mutable_config()->set_file("next.toml");
  EXPECT_EQ(words(request), "commit next.toml");
  request.mutable_config()->set_confirm_ms(60'000);
  EXPECT_EQ(words(request), "commit next.toml --confirm 1m");
  request.mutable_config()->set_kind(ConfigCommand::DIFF);
  EXPECT_EQ(words(request), "diff next.toml");
}

}  // namespace
}  // namespace lb::controlplane
