#include "controlplane/link/dataplane_client.h"

#include <gtest/gtest.h>

#include <optional>

#include "controlplane/link/fake_dataplane.h"
#include "controlplane/os/test_namespace.h"
#include "dataplane/api/snapshot_codec.h"

namespace lb::controlplane {
namespace {

SnapshotSpec snapshot_with(const std::string& service) {
  SnapshotSpec snapshot;
  snapshot.services.emplace_back().name = service;
  return snapshot;
}

class Client : public testing::Test {
 protected:
  Client()
      : client(io, path,
               {.connected =
                    [this](const SnapshotSpec& snapshot) {
                      ++connected;
                      running = snapshot;
                    },
                .disconnected = [this] { ++disconnected; },
                .applied =
                    [this](std::uint64_t) {
                      ++applied;
                      complete = client.in_use() == client.pushed();
                    },
                .refused = [this](const std::string& why) { refusals.push_back(why); }}) {}

  void start_dataplane() {
    dataplane.emplace(io, path);
    ASSERT_EQ(dataplane->failure, "");
  }
  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }

  boost::asio::io_context io;
  TestFolder folder;
  std::string path = folder.path + "/dataplane.sock";
  std::optional<FakeDataplane> dataplane;
  int connected = 0;
  int disconnected = 0;
  int applied = 0;
  bool complete = false;  // at the last call
  SnapshotSpec running;
  std::vector<std::string> refusals;
  DataplaneClient client;
};

TEST_F(Client, WaitsForTheDataPlaneAndReadsWhatItRuns) {
  client.start();
  client.push(snapshot_with("lost"));
  for (int i = 0; i < 3; ++i) io.run_one();
  EXPECT_FALSE(client.connected());
  start_dataplane();
  dataplane->running = to_api(snapshot_with("web"));
  dataplane->running.set_generation(41);
  ASSERT_TRUE(wait([&] { return connected == 1; }));
  EXPECT_TRUE(client.connected());
  ASSERT_EQ(running.services.size(), 1u);
  EXPECT_EQ(running.services[0].name, "web");
  EXPECT_EQ(running.generation, 41u);
  EXPECT_EQ(client.generation(), 41u);
  client.push(snapshot_with("mail"));
  ASSERT_TRUE(wait([&] { return applied == 1; }));
  EXPECT_EQ(client.generation(), 42u);
  ASSERT_EQ(dataplane->applied.size(), 1u);
  EXPECT_EQ(dataplane->applied[0].services(0).name(), "mail");
}

TEST_F(Client, TreatsAnUnreadableSnapshotAsUnknown) {
  start_dataplane();
  dataplane->running = to_api(snapshot_with("web"));
  dataplane->running.set_generation(41);
  dataplane->running.mutable_services(0)->set_mode(static_cast<api::Mode>(9));
  client.start();
  ASSERT_TRUE(wait([&] { return connected == 1; }));
  EXPECT_EQ(running, SnapshotSpec{});
  EXPECT_EQ(client.generation(), 41u);
  client.push(snapshot_with("mail"));
  ASSERT_TRUE(wait([&] { return applied == 1; }));
  EXPECT_EQ(client.generation(), 42u);
}

TEST_F(Client, SendsOneSnapshotAtATimeAndOnlyTheLatest) {
  start_dataplane();
  client.start();
  ASSERT_TRUE(wait([&] { return connected == 1; }));
  for (const char* name : {"a", "b", "c", "d"}) client.push(snapshot_with(name));
  ASSERT_TRUE(wait([&] { return applied == 2; }));
  ASSERT_EQ(dataplane->applied.size(), 2u);
  EXPECT_EQ(dataplane->applied[0].services(0).name(), "a");
  EXPECT_EQ(dataplane->applied[1].services(0).name(), "d");
}

TEST_F(Client, DoesNotSendAnEqualSnapshotAgain) {
  start_dataplane();
  client.start();
  ASSERT_TRUE(wait([&] { return connected == 1; }));
  client.push(snapshot_with("a"));
  client.push(snapshot_with("a"));
  ASSERT_TRUE(wait([&] { return applied == 1; }));
  EXPECT_TRUE(complete);
  client.push(snapshot_with("a"));
  client.push(snapshot_with("b"));
  ASSERT_TRUE(wait([&] { return applied == 2; }));
  EXPECT_EQ(dataplane->applied[1].services(0).name(), "b");
}

TEST_F(Client, ReconnectsToARestartedDataPlane) {
  start_dataplane();
  client.start();
  ASSERT_TRUE(wait([&] { return connected == 1; }));
  client.push(snapshot_with("a"));
  ASSERT_TRUE(wait([&] { return applied == 1; }));
  dataplane.reset();
  ASSERT_TRUE(wait([&] { return disconnected == 1; }));
  EXPECT_FALSE(client.connected());
  start_dataplane();
  ASSERT_TRUE(wait([&] { return connected == 2; }));
  EXPECT_TRUE(running.services.empty());
  client.push(snapshot_with("a"));  // the same as before, but not to this one
  ASSERT_TRUE(wait([&] { return applied == 2; }));
}

TEST_F(Client, ReconnectsAfterATruncatedAnswer) {
  start_dataplane();
  client.start();
  ASSERT_TRUE(wait([&] { return connected == 1; }));
  client.push(snapshot_with("a"));
  dataplane.reset();
  ASSERT_TRUE(wait([&] { return disconnected == 1; }));
  EXPECT_EQ(applied, 0);
}

TEST_F(Client, ReportsARefusalAndSendsTheNextSnapshot) {
  start_dataplane();
  dataplane->refusal = "no such port";
  client.start();
  ASSERT_TRUE(wait([&] { return connected == 1; }));
  client.push(snapshot_with("a"));
  ASSERT_TRUE(wait([&] { return refusals.size() == 1; }));
  EXPECT_EQ(refusals[0], "no such port");
  dataplane->refusal.clear();
  client.push(snapshot_with("a"));
  ASSERT_TRUE(wait([&] { return applied == 1; }));
}

}  // namespace
}  // namespace lb::controlplane
