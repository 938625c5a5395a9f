#include "dataplane/control/actions.h"

#include <gtest/gtest.h>

#include "dataplane/api/snapshot_codec.h"

namespace lb {
namespace {

std::string words(const api::Request& request) {
  const auto action = action_of(request);
  return action ? action->command : "";
}

const std::string kClient("\xc6\x33\x64\x07", 4);  // 198.51.100.7

TEST(Action, HasNoneForQueries) {
  api::Request request;
  EXPECT_EQ(action_of(request), std::nullopt);
  request.mutable_stats();
  EXPECT_EQ(action_of(request), std::nullopt);
  request.mutable_snapshot();
  EXPECT_EQ(action_of(request), std::nullopt);
  request.mutable_conns()->set_service("web");
  EXPECT_EQ(action_of(request), std::nullopt);
  request.mutable_persistence()->set_service("web");
  EXPECT_EQ(action_of(request), std::nullopt);
  request.mutable_flush()->set_job(7);
  EXPECT_EQ(action_of(request), std::nullopt);
}

TEST(Action, NamesFlushesAsTyped) {
  api::Request request;
  request.mutable_flush()->mutable_filter();
  EXPECT_EQ(words(request), "flush conn --all");
  auto& filter = *request.mutable_flush()->mutable_filter();
  filter.set_service("web");
  filter.set_client(kClient);
  filter.set_client_prefix(24);
  filter.set_real_server(kClient);
  filter.set_real_server_port(80);
  filter.set_state("ESTABLISHED");
  EXPECT_EQ(words(request),
            "flush conn --service web --client 198.51.100.7/24 --rs 198.51.100.7:80 --state "
            "ESTABLISHED");
  filter.Clear();
  filter.set_client("nonsense");
  EXPECT_EQ(words(request), "flush conn --client ?");

  auto& persistence = *request.mutable_persistence();
  persistence.set_flush(true);
  EXPECT_EQ(words(request), "flush persistence");
  persistence.set_group("shop");
  persistence.set_client(kClient);
  persistence.set_client_prefix(32);
  EXPECT_EQ(words(request), "flush persistence --group shop --client 198.51.100.7");
}

TEST(Action, NamesRequestsOfTheControlPlane) {
  api::Request request;
  request.mutable_apply()->mutable_snapshot()->add_services();
  EXPECT_EQ(words(request), "a snapshot of 1 services");
  request.mutable_sync()->set_pull_bytes(1);
  EXPECT_FALSE(action_of(request)->logged);
  request.mutable_sync()->set_begin(true);
  EXPECT_TRUE(action_of(request)->logged);
  request.mutable_handshake_failures();
  EXPECT_FALSE(action_of(request)->logged);

  api::HopsRequest& hops = *request.mutable_hops();
  hops.set_read(true);
  EXPECT_FALSE(action_of(request)->logged);
  api::HopMove& move = *hops.add_moves();
  *move.mutable_from() = to_api(NextHopSpec{"wan", 0, {{2, 0, 0, 0, 0, 1}}});
  *move.mutable_to() = to_api(NextHopSpec{"lan", 7, {{2, 0, 0, 0, 0, 2}}});
  EXPECT_TRUE(action_of(request)->logged);
  EXPECT_EQ(words(request),
            "move connections from 02:00:00:00:00:01 on wan to 02:00:00:00:00:02 on lan VLAN 7");
  hops.add_moves();
  EXPECT_EQ(words(request),
            "move connections from 02:00:00:00:00:01 on wan to 02:00:00:00:00:02 on lan VLAN 7, "
            "from ? to ?");
}

}  // namespace
}  // namespace lb
