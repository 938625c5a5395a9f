#include "controlplane/panic.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/alert/alerts.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/netlink/test_namespace.h"

namespace lb::controlplane {
namespace {

using sync::CheckWord;

config::Config config_with_guard() {
  config::Config config;
  config.health.panic_threshold = 50;
  config.health.panic_window = config::Milliseconds(60'000);
  return config;
}

// A director with real servers 10.0.0.1, 10.0.0.2, ..., and a peer that is asked about them.
struct World {
  World() : alerts(io, config), panic(io, config, alerts, host()) {}

  Panic::Host host() {
    return {.held =
                [this] {
                  std::vector<Panic::Held> all;
                  for (const std::uint64_t id : known) {
                    if (panic.holds(state(id, false))) all.push_back({id, {"web", address(id)}});
                  }
                  return all;
                },
            .ask =
                [this](const sync::CheckKeys& keys, sync::OnCheckWords done) {
                  if (!connected) return false;
                  questions.emplace_back(keys.size(), std::move(done));
                  return true;
                },
            .changed = [this] { ++changes; }};
  }

  static Ipv4Endpoint address(std::uint64_t id) {
    const auto host = static_cast<std::uint32_t>(0x0a000000 + id);
    return {Ipv4Address{Be32::from_host(host)}, 80};
  }

  static health::State state(std::uint64_t id, bool up) {
    health::State out;
    out.target = out.question = id;
    out.passes = out.up = up;
    return out;
  }

  void know(std::uint64_t id, bool up) {
    health::Target target;
    target.address = address(id);
    target.check.type = config::CheckType::kTcp;
    panic.know(target, state(id, up));
  }

  // All were good, and have failed at once.
  void fail(std::uint64_t servers) {
    for (std::uint64_t id = 1; id <= servers; ++id) known.push_back(id);
    for (const std::uint64_t id : known) know(id, true);
    for (const std::uint64_t id : known) know(id, false);
  }

  bool holds(std::uint64_t id) const { return panic.holds(state(id, false)); }

  std::string peer() const {
    api::control::Panic status;
    panic.fill(status);
    return status.peer();
  }

  bool wait_questions(std::size_t count) {
    return netlink::run_until(io, [&] { return questions.size() >= count; });
  }

  boost::asio::io_context io;
  const config::Config config = config_with_guard();
  Alerts alerts;
  Panic panic;
  std::vector<std::uint64_t> known;
  bool connected = true;
  std::deque<std::pair<std::size_t, sync::OnCheckWords>> questions;  // keys, and their answer
  int changes = 0;
};

TEST(Panic, LetsGoOfWhatThePeerFindsDownToo) {
  World world;
  world.fail(4);
  ASSERT_TRUE(world.holds(1));
  ASSERT_EQ(world.questions.size(), 1u);
  EXPECT_EQ(world.questions[0].first, 3u);  // the guard trips with the third of four
  world.questions[0].second({CheckWord::kUp, CheckWord::kDown, CheckWord::kUnknown});
  EXPECT_TRUE(world.holds(1));
  EXPECT_FALSE(world.holds(2));
  EXPECT_TRUE(world.holds(3));
  EXPECT_TRUE(world.holds(4));
  EXPECT_EQ(world.peer(), "1 up, 1 down, 1 not known");
  ASSERT_TRUE(world.wait_questions(2)) << "it is asked again";
  EXPECT_EQ(world.questions[1].first, 3u) << "about those that are still held";
}

TEST(Panic, AsksSomeAtATime) {
  World world;
  world.fail(2 * sync::kMaxCheckKeys);  // the guard trips with one more than half of them
  ASSERT_EQ(world.questions.size(), 1u);
  EXPECT_EQ(world.questions[0].first, sync::kMaxCheckKeys);
  world.questions[0].second(sync::CheckWords(sync::kMaxCheckKeys, CheckWord::kUp));
  ASSERT_EQ(world.questions.size(), 2u) << "about the one that is left, at once";
  EXPECT_EQ(world.questions[1].first, 1u);
  world.questions[1].second({CheckWord::kUp});
  EXPECT_EQ(world.peer(), "1001 up, 0 down, 0 not known");
}

TEST(Panic, DoesNotTakeAnAnswerThatCameTooLate) {
  World world;
  world.fail(3);
  ASSERT_EQ(world.questions.size(), 1u);
  ASSERT_TRUE(world.wait_questions(2)) << "asked again when no answer came in time";
  EXPECT_EQ(world.peer(), "it does not answer");
  const std::size_t count = world.questions[0].first;
  world.questions[0].second(sync::CheckWords(count, CheckWord::kDown));
  EXPECT_TRUE(world.holds(1));
  world.questions[1].second(sync::CheckWords(world.questions[1].first, CheckWord::kUp));
  EXPECT_EQ(world.peer(), "3 up, 0 down, 0 not known");
}

TEST(Panic, DoesNotTakeAnAnswerWhenNothingIsHeldAnyMore) {
  World world;
  world.fail(3);
  for (const std::uint64_t id : world.known) world.know(id, true);
  ASSERT_FALSE(world.holds(1));
  world.questions[0].second(sync::CheckWords(world.questions[0].first, CheckWord::kDown));
  EXPECT_EQ(world.peer(), "");
  EXPECT_EQ(world.questions.size(), 1u);
}

TEST(Panic, GoesOnWithoutAPeer) {
  World world;
  world.connected = false;
  world.fail(3);
  EXPECT_TRUE(world.holds(1));
  EXPECT_EQ(world.peer(), "");
  world.connected = true;
  ASSERT_TRUE(world.wait_questions(1)) << "it is asked when it is there";
}

TEST(Panic, BelievesAnOperator) {
  World world;
  world.fail(3);
  EXPECT_TRUE(world.panic.believe());
  EXPECT_FALSE(world.holds(1));
  EXPECT_GT(world.changes, 0);
  EXPECT_FALSE(world.panic.believe());
}

}  // namespace
}  // namespace lb::controlplane
