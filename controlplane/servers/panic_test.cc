#include "controlplane/servers/panic.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/alert/alerts.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/os/test_namespace.h"
#include "controlplane/service/inventory_fixture.h"

namespace lb::controlplane {
namespace {

using sync::CheckOpinion;

// Of one service with real servers 10.0.0.1, 10.0.0.2, ...
config::ConfigPtr config_with_guard(unsigned servers) {
  config::Config config;
  config.health.panic_threshold = 50;
  config.health.panic_window = config::Milliseconds(60'000);
  config.services.push_back(test::service("web", {"192.0.2.10:80"}, {}));
  for (unsigned i = 1; i <= servers; ++i) {
    config.services[0].real_servers.emplace_back().address = {
        Ipv4Address::from_host(0x0a000000 + i), 80};
  }
  return config::seal(std::move(config));
}

// A director with so many real servers, and a peer that is asked about them.
struct PanicWorld {
  explicit PanicWorld(unsigned servers)
      : inventory(config_with_guard(servers)),
        alerts(io, *inventory.config()),
        panic(io, inventory, alerts, host()) {}

  Panic::Host host() {
    return {.ask =
                [this](const sync::CheckKeys& keys, sync::OnCheckOpinions done) {
                  if (!connected) return false;
                  EXPECT_EQ(keys.front().service, "tcp 192.0.2.10:80");
                  questions.emplace_back(keys.size(), std::move(done));
                  return true;
                },
            .changed = [this] { ++changes; }};
  }

  std::vector<RealServer>& servers() { return inventory.services().front().servers; }

  void update(RealServer& server, bool up) {
    health::State state;
    state.question = static_cast<std::uint64_t>(server.id);
    state.passes = state.up = up;
    server.health = std::make_shared<const health::State>(state);
    panic.update(server);
  }

  // All were good, and have failed at once.
  void fail() {
    for (RealServer& server : servers()) update(server, true);
    for (RealServer& server : servers()) update(server, false);
  }

  bool holds(std::size_t number) { return panic.holds(servers()[number - 1]); }

  std::string peer() const {
    api::control::Panic status;
    panic.fill(status);
    return status.peer();
  }

  bool wait_questions(std::size_t count) {
    return test::run_until(io, [&] { return questions.size() >= count; });
  }

  boost::asio::io_context io;
  Inventory inventory;
  Alerts alerts;
  Panic panic;
  bool connected = true;
  std::deque<std::pair<std::size_t, sync::OnCheckOpinions>> questions;  // keys, and their answer
  int changes = 0;
};

TEST(Panic, ReleasesServersThatThePeerFindsDown) {
  PanicWorld world(4);
  world.fail();
  ASSERT_TRUE(world.holds(1));
  ASSERT_EQ(world.questions.size(), 1u);
  EXPECT_EQ(world.questions[0].first, 3u);  // the guard trips with the third of four
  world.questions[0].second({CheckOpinion::kUp, CheckOpinion::kDown, CheckOpinion::kUnknown});
  EXPECT_TRUE(world.holds(1));
  EXPECT_FALSE(world.holds(2));
  EXPECT_TRUE(world.holds(3));
  EXPECT_TRUE(world.holds(4));
  EXPECT_EQ(world.peer(), "1 up, 1 down, 1 not known");
  ASSERT_TRUE(world.wait_questions(2)) << "it is asked again";
  EXPECT_EQ(world.questions[1].first, 3u) << "about those that are still held";
}

TEST(Panic, AsksInParts) {
  PanicWorld world(2 * sync::kMaxCheckKeys);
  world.fail();  // the guard trips with one more than half of them
  ASSERT_EQ(world.questions.size(), 1u);
  EXPECT_EQ(world.questions[0].first, sync::kMaxCheckKeys);
  world.questions[0].second(sync::CheckOpinions(sync::kMaxCheckKeys, CheckOpinion::kUp));
  ASSERT_EQ(world.questions.size(), 2u) << "about the one that is left, at once";
  EXPECT_EQ(world.questions[1].first, 1u);
  world.questions[1].second({CheckOpinion::kUp});
  EXPECT_EQ(world.peer(), "1001 up, 0 down, 0 not known");
}

TEST(Panic, IgnoresALateAnswer) {
  PanicWorld world(3);
  world.fail();
  ASSERT_EQ(world.questions.size(), 1u);
  ASSERT_TRUE(world.wait_questions(2)) << "asked again when no answer came in time";
  EXPECT_EQ(world.peer(), "it does not answer");
  const std::size_t count = world.questions[0].first;
  world.questions[0].second(sync::CheckOpinions(count, CheckOpinion::kDown));
  EXPECT_TRUE(world.holds(1));
  world.questions[1].second(sync::CheckOpinions(world.questions[1].first, CheckOpinion::kUp));
  EXPECT_EQ(world.peer(), "3 up, 0 down, 0 not known");
}

TEST(Panic, IgnoresAnAnswerWhenNothingIsHeld) {
  PanicWorld world(3);
  world.fail();
  for (RealServer& server : world.servers()) world.update(server, true);
  ASSERT_FALSE(world.holds(1));
  world.questions[0].second(sync::CheckOpinions(world.questions[0].first, CheckOpinion::kDown));
  EXPECT_EQ(world.peer(), "");
  EXPECT_EQ(world.questions.size(), 1u);
}

TEST(Panic, WorksWithoutAPeer) {
  PanicWorld world(3);
  world.connected = false;
  world.fail();
  EXPECT_TRUE(world.holds(1));
  EXPECT_EQ(world.peer(), "");
  world.connected = true;
  ASSERT_TRUE(world.wait_questions(1)) << "it is asked when it is there";
}

TEST(Panic, ReleasesOnAnOperatorsCommand) {
  PanicWorld world(3);
  world.fail();
  EXPECT_TRUE(world.panic.release_held());
  EXPECT_FALSE(world.holds(1));
  EXPECT_GT(world.changes, 0);
  EXPECT_FALSE(world.panic.release_held());
}

}  // namespace
}  // namespace lb::controlplane
