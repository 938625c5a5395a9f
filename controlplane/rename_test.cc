// A reload that gives services other names, and what they must not lose by it. Against the real
// kernel in a namespace of our own, and a data plane that only stores snapshots.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/apply.h"
#include "controlplane/link/fake_dataplane.h"
#include "controlplane/os/file_writer.h"
#include "controlplane/os/test_namespace.h"
#include "controlplane/os/test_user.h"
#include "controlplane/service/inventory.h"

namespace lb::controlplane {
namespace {

using api::control::SetCommand;

constexpr std::size_t kReports = 8;  // alerts until all is known
constexpr const char* kFirst = "192.0.2.11:80";
constexpr const char* kSecond = "192.0.2.12:80";

class RenameInKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::enter_new_namespace()) GTEST_SKIP() << "needs root";
    dataplane.emplace(io, folder.path + "/dataplane.sock");
    ASSERT_EQ(dataplane->failure, "");
    test::shell("ip link add wan type veth peer name peer && ip link set peer up");
    // "web" is not checked and lacks a quorum; of "dead" nobody answers.
    config::Service web = service("web", 80, config::CheckType::kNone);
    web.quorum = 9;
    web.quorum_down = web.quorum_up = {
        "/bin/sh", "-c", "echo $BALLAST_SERVICE $BALLAST_QUORUM >> " + file("quorum")};
    web.quorum_user = config.alert.script_user = test::own_user();
    const config::Service dead = service("dead", 81, config::CheckType::kTcp);
    config.services = {web, dead};
    config.director.name = "lb1";
    config.director.run_dir = config.director.state_dir = folder.path;
    config.alert.script = {"/bin/sh", "-c", "echo \"$*\" >> " + file("reported"), "sh"};
    config.ports.emplace_back().name = "wan";
    config.ports[0].addresses = {Prefix::parse("192.0.2.2/24").value()};
    start();
    // The data plane; of "web" both servers, the service and the quorum; of "dead" the same without
    // a quorum.
    ASSERT_TRUE(wait([&] { return lines("reported").size() == kReports; }))
        << lines("reported").size();
    ASSERT_TRUE(wait([&] { return lines("quorum") == Lines{"web down"}; }));
    ASSERT_TRUE(wait([&] { return in_snapshot(dataplane->running, 80, 0).up(); }));
  }
  void TearDown() override {
    if (applier) applier->stop();
    EXPECT_TRUE(writer.finish(std::chrono::seconds(20)));
    for (const char* const name : {"reported", "quorum"}) ::unlink(file(name).c_str());
  }

  using Lines = std::vector<std::string>;

  static config::Service service(const std::string& name, std::uint16_t port,
                                 config::CheckType check) {
    config::Service made;
    made.name = name;
    made.addresses = {{Address::parse("192.0.2.10").value(), port, port}};
    made.check.type = check;
    made.check.interval = config::Milliseconds(50);
    made.check.timeout = config::Milliseconds(20);
    for (const char* const each : {kFirst, kSecond}) {
      made.real_servers.emplace_back().address = Endpoint::parse(each).value();
    }
    return made;
  }

  std::string file(const std::string& name) const { return folder.path + "/" + name; }
  Lines lines(const std::string& name) const {
    std::ifstream in(file(name));
    Lines all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  // Operators', as lbcli shows them.
  Lines set_changes() const {
    return describe(applier->inventory(), std::chrono::steady_clock::now());
  }
  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }

  void start() {
    applier.emplace(io, writer, config::seal(config));
    ASSERT_TRUE(applier->start());
  }
  void end() {
    applier->stop();
    // What is on its way to it already still finds it.
    io.restart();
    io.poll();
    applier.reset();
    ASSERT_TRUE(writer.finish(std::chrono::seconds(20)));
  }
  void reload() {
    std::optional<Result<void>> taken;
    applier->configure(config::seal(config), [&](const Result<void>& result) { taken = result; });
    ASSERT_TRUE(wait([&] { return taken.has_value(); }));
    ASSERT_TRUE(*taken) << taken->error().message;
  }
  // An operator's.
  SetCommand command(const std::string& service, const char* server) const {
    SetCommand set;
    set.set_service(service);
    set.set_real_server(server);
    set.set_save(true);
    return set;
  }
  void apply(const SetCommand& set) {
    std::optional<Result<std::string>> done;
    applier->set(set, [&](Result<std::string> result) { done = std::move(result); });
    ASSERT_TRUE(wait([&] { return done.has_value(); }));
    ASSERT_TRUE(*done) << done->error().message;
  }
  void drain(const std::string& service, const char* server) {
    SetCommand set = command(service, server);
    set.set_admin_state(SetCommand::DRAIN);
    apply(set);
    ASSERT_TRUE(wait([&] { return !in_snapshot(dataplane->running, 80, 0).up(); }));
    dataplane->applied.clear();
  }

  // By what the service is known in the data plane.
  static const api::RealServer& in_snapshot(const api::Snapshot& snapshot, std::uint32_t port,
                                            int server) {
    const auto found = std::ranges::find(snapshot.services(), port, [](const auto& service) {
      return service.addresses(0).first_port();
    });
    return found->real_servers(server);
  }
  // The first server of "web" gets no connections in any snapshot.
  void expect_drained_all_the_while() {
    ASSERT_FALSE(dataplane->applied.empty());
    for (const api::Snapshot& each : dataplane->applied) {
      EXPECT_FALSE(in_snapshot(each, 80, 0).up());
      EXPECT_TRUE(in_snapshot(each, 80, 0).keep_connections());
      EXPECT_TRUE(in_snapshot(each, 80, 1).up());
    }
  }
  // And what was reported until now.
  void expect_no_new_alert() {
    api::control::AlertRequest test;
    test.set_test(true);
    api::control::AlertStatus answer;
    ASSERT_TRUE(applier->alert(test, answer));
    ASSERT_TRUE(wait([&] { return lines("reported").size() > kReports; }));
    EXPECT_EQ(lines("reported")[kReports], "test   asked for");
  }
  // When it is reached, that shows that the quorum was still lost, and was not reported again.
  void expect_quorum_goes_on(const std::string& name) {
    SetCommand set = command(name, kSecond);
    set.set_weight(20);
    apply(set);
    ASSERT_TRUE(wait([&] { return lines("quorum").size() >= 2; }));
    EXPECT_EQ(lines("quorum"), (Lines{"web down", name + " up"}));
  }

  api::control::Status status() {
    std::optional<api::control::Status> answer;
    applier->status(true, [&](api::control::Status now) { answer = std::move(now); });
    EXPECT_TRUE(wait([&] { return answer.has_value(); }));
    return answer.value_or(api::control::Status{});
  }
  std::string ha_state() { return status().ha().groups(0).state(); }
  // How often the servers of the service have turned.
  std::vector<std::uint32_t> transitions(const std::string& service) {
    std::vector<std::uint32_t> all;
    const api::control::Status now = status();
    for (const auto& check : now.checks()) {
      for (const auto& target : check.targets()) {
        if (target.service() == service) all.push_back(target.transitions());
      }
    }
    return all;
  }

  boost::asio::io_context io;
  FileWriter writer{io};
  TestFolder folder;
  config::Config config;
  std::optional<FakeDataplane> dataplane;
  std::optional<Applier> applier;
};

TEST_F(RenameInKernel, KeepsState) {
  drain("web", kFirst);
  const auto since = status().targets(1).since_ms();
  config.services[0].name = "shop";
  config.services[1].name = "gone";
  reload();
  EXPECT_EQ(set_changes(),
            Lines{"service shop: real server 192.0.2.11:80: drain, by lbcli set --save"});
  EXPECT_EQ(transitions("shop"), (std::vector<std::uint32_t>{1, 1}));
  EXPECT_GE(status().targets(1).since_ms(), since);
  EXPECT_TRUE(status().services(0).quorum_known());
  EXPECT_EQ(status().targets(2).last_result().find("L4"), 0u) << "it was not checked again";
  expect_drained_all_the_while();
  expect_no_new_alert();
  expect_quorum_goes_on("shop");
}

TEST_F(RenameInKernel, KeepsStateWithTheServiceWhenNamesAreSwapped) {
  drain("web", kFirst);
  std::swap(config.services[0].name, config.services[1].name);
  std::swap(config.services[0], config.services[1]);
  reload();
  EXPECT_EQ(set_changes(),
            Lines{"service dead: real server 192.0.2.11:80: drain, by lbcli set --save"});
  expect_drained_all_the_while();
  expect_no_new_alert();
  expect_quorum_goes_on("dead");
}

TEST_F(RenameInKernel, KeepsStateTogetherWithOtherChanges) {
  drain("web", kFirst);
  config.services[0].name = "shop";
  config.services[0].real_servers[1].weight = 5;
  config.services[0].addresses.push_back({Address::parse("192.0.2.20").value(), 80, 80});
  reload();
  EXPECT_EQ(in_snapshot(dataplane->running, 80, 1).weight(), 5u);
  expect_drained_all_the_while();
  expect_no_new_alert();
  // And the first of its addresses is taken away.
  config.services[0].name = "store";
  config.services[0].addresses.erase(config.services[0].addresses.begin());
  reload();
  EXPECT_EQ(set_changes(),
            Lines{"service store: real server 192.0.2.11:80: drain, by lbcli set --save"});
  expect_drained_all_the_while();
  expect_quorum_goes_on("store");
}

TEST_F(RenameInKernel, RestoresSavedChangesUnderTheNewName) {
  drain("web", kFirst);
  end();
  dataplane->applied.clear();
  config.services[0].name = "shop";
  start();
  ASSERT_TRUE(wait([&] { return !dataplane->applied.empty(); }));
  EXPECT_EQ(set_changes(),
            Lines{"service shop: real server 192.0.2.11:80: drain, by lbcli set --save"});
  EXPECT_EQ(transitions("shop"), (std::vector<std::uint32_t>{1, 1}));
  expect_drained_all_the_while();
}

TEST_F(RenameInKernel, MovesATrackToTheNewName) {
  end();
  config::HaInstance& instance = config.ha.instances.emplace_back();
  instance.name = "VI_1";
  instance.port = "wan";
  instance.virtual_router_id = 7;
  instance.advert_interval = config::Milliseconds(20);
  instance.addresses = {Prefix::parse("192.0.2.50/24").value()};
  instance.tracks.emplace_back().service = "web";  // in FAULT when it fails
  start();
  ASSERT_TRUE(wait([&] { return ha_state() == "MASTER"; }));
  const int events = status().ha().events_size();
  config.services[0].name = instance.tracks[0].service = "shop";
  reload();
  drain("shop", kFirst);
  drain("shop", kSecond);
  ASSERT_TRUE(wait([&] { return ha_state() == "FAULT"; }));
  const api::control::Status now = status();
  ASSERT_EQ(now.ha().events_size(), events + 1) << "nothing happened by the name alone";
  EXPECT_EQ(now.ha().events(events).reason(), "service shop fails");
}

TEST_F(RenameInKernel, StartsOverForAServerThatIsRemovedAndAdded) {
  drain("web", kFirst);
  // To the other service, and back.
  std::vector<config::RealServer>& web = config.services[0].real_servers;
  const config::RealServer first = web.front();
  web.erase(web.begin());
  config::RealServer moved = first;
  moved.address.port = 8080;
  config.services[1].real_servers.push_back(moved);
  reload();
  EXPECT_EQ(set_changes(), Lines{});
  EXPECT_EQ(dataplane->running.services(0).real_servers_size(), 1);
  EXPECT_EQ(dataplane->running.services(1).real_servers_size(), 3);
  config.services[1].real_servers.pop_back();
  web.insert(web.begin(), first);
  reload();
  EXPECT_EQ(set_changes(), Lines{}) << "it was forgotten when it was gone";
  EXPECT_TRUE(wait([&] { return in_snapshot(dataplane->running, 80, 0).up(); }));
}

}  // namespace
}  // namespace lb::controlplane
