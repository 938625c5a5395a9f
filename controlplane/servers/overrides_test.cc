#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/link/fake_dataplane.h"
#include "controlplane/os/file_writer.h"
#include "controlplane/servers/overrides_file.h"
#include "controlplane/servers/set_command.h"
#include "controlplane/service/inventory_fixture.h"

namespace lb::controlplane {
namespace {

using api::control::SetCommand;
using std::chrono::seconds;

using test::endpoint;

config::Service web() {
  return test::service("web", {"192.0.2.10:80"}, {"10.0.0.11:80", "10.0.0.11:81", "10.0.0.12:80"});
}

constexpr std::chrono::steady_clock::time_point kNow{seconds(100)};

struct OverridesWorld {
  Result<std::string> run(const SetCommand& set) {
    const auto place = find_place(set, inventory);
    return place ? change(set, *place, kNow) : tl::make_unexpected(place.error());
  }
  std::string error_of(const SetCommand& set) {
    const auto changed = run(set);
    return changed ? "" : changed.error().message;
  }
  Changes<ServerOverride>& of(const char* address) {
    return inventory.find(inventory.services().front(), endpoint(address))->changes;
  }
  bool any() const { return changed_by_operators(inventory.services().front()); }

  Inventory inventory{test::config_of({web()})};
};

SetCommand command(const std::string& server) {
  SetCommand set;
  set.set_service("web");
  set.set_real_server(server);
  return set;
}

TEST(SetCommand, ChangesOneServer) {
  OverridesWorld world;
  SetCommand set = command("10.0.0.12");
  set.set_weight(7);
  auto changed = world.run(set);
  ASSERT_TRUE(changed);
  EXPECT_EQ(*changed, "web: real server 10.0.0.12:80: weight 7");
  EXPECT_EQ(world.of("10.0.0.12:80").in_force.weight, 7);
  set.set_weight(1);
  ASSERT_TRUE(world.run(set));
  EXPECT_FALSE(world.any()) << "as in the file";
}

TEST(SetCommand, ReadyEndsADrain) {
  OverridesWorld world;
  SetCommand set = command("10.0.0.11:81");
  set.set_admin_state(SetCommand::DRAIN);
  set.set_deadline_ms(90'000);
  ASSERT_TRUE(world.run(set));
  const ServerOverride own = world.of("10.0.0.11:81").in_force;
  EXPECT_EQ(own.admin_state, AdminState::kDrain);
  EXPECT_EQ(own.deadline, kNow + seconds(90));
  set.set_admin_state(SetCommand::READY);
  ASSERT_TRUE(world.run(set));
  EXPECT_FALSE(world.any());
}

TEST(SetCommand, RestoresSavedChangesUntilTheyAreUndone) {
  OverridesWorld world;
  const Changes<ServerOverride>& changes = world.of("10.0.0.12:80");
  SetCommand set = command("10.0.0.12");
  set.set_weight(7);
  set.set_save(true);
  auto changed = world.run(set);
  ASSERT_TRUE(changed);
  EXPECT_EQ(*changed, "web: real server 10.0.0.12:80: weight 7, saved");
  EXPECT_EQ(changes.saved, changes.in_force);
  set.set_save(false);
  set.set_weight(9);
  ASSERT_TRUE(world.run(set));
  EXPECT_EQ(changes.in_force.weight, 9);
  EXPECT_EQ(changes.saved.weight, 7);
  EXPECT_EQ(describe(world.inventory, kNow).front(),
            "service web: real server 10.0.0.12:80: weight 1 -> 9, by lbcli set");
  undo_unsaved(world.inventory);
  EXPECT_EQ(changes.in_force.weight, 7);
  EXPECT_TRUE(ended_by(world.inventory, *world.inventory.config()).empty());
  ASSERT_TRUE(world.run(set));
  SetCommand maint = command("10.0.0.12");
  maint.set_admin_state(SetCommand::MAINT);
  maint.set_save(true);
  ASSERT_TRUE(world.run(maint));
  EXPECT_EQ(describe(world.inventory, kNow).back(),
            "service web: real server 10.0.0.12:80: maint, by lbcli set --save");
  set.set_weight(1);
  ASSERT_TRUE(world.run(set));
  EXPECT_EQ(changes.saved.weight, std::nullopt) << "its saved copy too";
  EXPECT_EQ(changes.saved, changes.in_force) << "maint goes on";
}

// What the next configuration has, or what is saved, does not end.
TEST(SetCommand, NamesWhatAnotherConfigurationEnds) {
  OverridesWorld world;
  world.of("10.0.0.11:80").in_force = {AdminState::kMaint, {}, 7};
  world.of("10.0.0.11:81").in_force = {AdminState::kDrain, {}, 9};
  world.of("10.0.0.11:81").saved = {AdminState::kDrain, {}, 9};
  world.of("10.0.0.12:80").in_force.weight = 5;
  world.of("10.0.0.12:80").saved.weight = 3;
  world.inventory.services().front().changes.in_force.scheduler = Scheduler::kLc;
  const auto ended = [&world](std::vector<config::Service> next) {
    std::vector<std::string> lines;
    for (const EndedChange& each : ended_by(world.inventory, *test::config_of(std::move(next)))) {
      lines.push_back(each.text());
    }
    return lines;
  };
  EXPECT_EQ(ended({web()}),
            (std::vector<std::string>{
                "service web: scheduler lc -> wrr, end of lbcli set",
                "service web: real server 10.0.0.11:80: weight 7 -> 1, end of lbcli set",
                "service web: real server 10.0.0.11:80: maint -> ready, end of lbcli set",
                "service web: real server 10.0.0.12:80: weight 5 -> 3, end of lbcli set"}));
  config::Service next = web();
  next.name = "shop";
  next.scheduler = Scheduler::kLc;
  next.real_servers[0].weight = 7;
  next.real_servers.erase(next.real_servers.begin() + 1, next.real_servers.end());
  EXPECT_EQ(ended({next}),
            (std::vector<std::string>{
                "service shop: real server 10.0.0.11:80: maint -> ready, end of lbcli set",
                "service shop: real server 10.0.0.11:81: weight 9 -> removed, end of lbcli set",
                "service shop: real server 10.0.0.11:81: drain -> removed, end of lbcli set",
                "service shop: real server 10.0.0.12:80: weight 5 -> removed, end of lbcli set"}));
  EXPECT_EQ(ended({}).size(), 6u) << "with the service";
}

TEST(SetCommand, ExplainsMistakes) {
  OverridesWorld world;
  SetCommand set = command("10.0.0.11");
  set.set_weight(1);
  EXPECT_EQ(world.error_of(set),
            "service web has several real servers 10.0.0.11; write the port, as 10.0.0.11:80");
  set.set_real_server("10.0.0.9:80");
  EXPECT_EQ(world.error_of(set), "service web has no real server 10.0.0.9:80; see lbcli show rs");
  set.set_real_server("10.0.0.12");
  set.set_weight(65'536);
  EXPECT_EQ(world.error_of(set), "weight 65536 is out of range; write 0 to 65535");
  set.set_service("wb");
  EXPECT_EQ(world.error_of(set), "unknown service wb; did you mean web?");
  SetCommand scheduler = command("");
  scheduler.set_scheduler("fastest");
  EXPECT_TRUE(world.error_of(scheduler).starts_with("unknown scheduler fastest; use one of rr, "));
  EXPECT_FALSE(world.any()) << "nothing was changed";
}

TEST(SetCommand, RefusesConnectionSchedulersWithOnePacket) {
  config::Service one_packet = web();
  one_packet.one_packet = true;
  OverridesWorld world;
  world.inventory.adopt(test::config_of({one_packet}));
  SetCommand set = command("");
  set.set_scheduler("sh");
  EXPECT_TRUE(world.run(set));
  set.set_scheduler("wlc");
  const auto changed = world.run(set);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().message,
            "web has one_packet, and so no connections that scheduler wlc could go by; take rr, "
            "wrr, sh, dh, mh or fo");
}

class OverridesFile : public testing::Test {
 protected:
  // What is in force, a line each.
  static std::vector<std::string> lines(const Inventory& inventory, const Now& now) {
    return describe(inventory, now.steady);
  }
  bool save(const Inventory& inventory, const Now& now) {
    writer.write(path, changes_file(inventory, now), [](const Result<void>&) {});
    return writer.finish(seconds(20));
  }

  boost::asio::io_context io;
  FileWriter writer{io};
  const TestFolder folder;
  const std::string path = folder.path + "/changes.json";
  const Now before{kNow, std::chrono::system_clock::time_point(seconds(1'700'000'000))};
  // Twenty seconds later, after a reboot: the steady clock restarted.
  const Now after{std::chrono::steady_clock::time_point(seconds(5)), before.calendar + seconds(20)};
};

config::Service file_service(const std::string& name) {
  return test::service(name, {"192.0.2.10:80"}, {"10.0.0.11:80", "10.0.0.12:80", "10.0.0.13"});
}

TEST_F(OverridesFile, RestoresChanges) {
  Inventory inventory(test::config_of({file_service("web")}));
  Service& web = inventory.services().front();
  web.changes.in_force.scheduler = Scheduler::kLc;
  web.servers[0].changes.in_force = {AdminState::kDrain, kNow + seconds(60), 4};
  web.servers[1].changes.in_force.admin_state = web.servers[1].changes.saved.admin_state =
      AdminState::kMaint;
  web.servers[2].changes.in_force.weight = 2;
  ASSERT_TRUE(save(inventory, before));
  Inventory later(test::config_of({file_service("web")}));
  ASSERT_TRUE(load_changes(path, later, after));
  const Service& loaded = later.services().front();
  EXPECT_EQ(loaded.changes, web.changes);
  EXPECT_EQ(loaded.servers[0].changes.in_force,
            (ServerOverride{AdminState::kDrain, after.steady + seconds(40), 4}));
  EXPECT_EQ(loaded.servers[0].changes.saved, ServerOverride{});
  EXPECT_EQ(loaded.servers[1].changes, web.servers[1].changes);
  EXPECT_EQ(loaded.servers[2].changes, web.servers[2].changes);
  ASSERT_TRUE(save(Inventory(test::config_of({file_service("web")})), after));
  Inventory none(test::config_of({file_service("web")}));
  ASSERT_TRUE(load_changes(path, none, after));
  EXPECT_TRUE(lines(none, after).empty());
}

TEST_F(OverridesFile, FindsRenamedServices) {
  const config::Service udp = [] {
    config::Service made = file_service("dns");
    made.protocol = Protocol::kUdp;
    return made;
  }();
  Inventory inventory(test::config_of({file_service("web"), udp}));
  inventory.find("web")->servers[0].changes.in_force.weight = 7;
  inventory.find("dns")->servers[0].changes.in_force.weight = 9;
  ASSERT_TRUE(save(inventory, before));
  config::Service web_next = file_service("dns");
  config::Service dns_next = udp;
  dns_next.name = "web";
  Inventory swapped(test::config_of({web_next, dns_next}));
  ASSERT_TRUE(load_changes(path, swapped, after));
  EXPECT_EQ(lines(swapped, after),
            (std::vector<std::string>{
                "service dns: real server 10.0.0.11:80: weight 1 -> 7, by lbcli set",
                "service web: real server 10.0.0.11:80: weight 1 -> 9, by lbcli set"}));
}

TEST_F(OverridesFile, FindsServicesByTheirNamesWhenNoneHasTheKey) {
  Inventory inventory(test::config_of({file_service("web")}));
  inventory.services()[0].servers[0].changes.in_force.weight = 7;
  ASSERT_TRUE(save(inventory, before));
  config::Service moved = file_service("web");
  moved.addresses = {EndpointRange::parse("192.0.2.20:80").value()};
  const std::vector<std::string> kept = {
      "service web: real server 10.0.0.11:80: weight 1 -> 7, by lbcli set"};
  Inventory alone(test::config_of({moved}));
  ASSERT_TRUE(load_changes(path, alone, after));
  EXPECT_EQ(lines(alone, after), kept);
  Inventory beside(test::config_of({moved, file_service("old")}));
  ASSERT_TRUE(load_changes(path, beside, after));
  EXPECT_EQ(lines(beside, after),
            (std::vector<std::string>{
                "service old: real server 10.0.0.11:80: weight 1 -> 7, by lbcli set"}));
  moved.protocol = Protocol::kUdp;
  Inventory other(test::config_of({moved}));
  ASSERT_TRUE(load_changes(path, other, after));
  EXPECT_TRUE(lines(other, after).empty());
}

TEST_F(OverridesFile, ReadsAnEarlierVersionByNames) {
  std::ofstream(path) << R"({"version": 1,
    "services": {"web": {"scheduler": "lc", "real_servers": {
                   "10.0.0.11:80": {"duty": "drain", "deadline_unix_ms": 1700000060000},
                   "10.0.0.13": {"weight": 2}, "10.0.0.99:80": {"weight": 3}}},
                 "gone": {"scheduler": "rr"}},
    "saved": {"web": {"real_servers": {"10.0.0.13": {"weight": 2}}}}})";
  Inventory inventory(test::config_of({file_service("web")}));
  ASSERT_TRUE(load_changes(path, inventory, after));
  EXPECT_EQ(lines(inventory, after),
            (std::vector<std::string>{
                "service web: scheduler wrr -> lc, by lbcli set",
                "service web: real server 10.0.0.11:80: drain, 40 s left, by lbcli set",
                "service web: real server 10.0.0.13: weight 1 -> 2, by lbcli set --save"}));
}

// As `lbcli set` refuses it: with one_packet there are no connections to go by.
TEST_F(OverridesFile, LeavesOutASchedulerThatDoesNotFit) {
  config::Service one_packet = web();
  one_packet.one_packet = true;
  const auto read = [&](const std::string& scheduler) {
    Inventory inventory(test::config_of({one_packet}));
    const std::string services = R"({"web": {"scheduler": ")" + scheduler + "\"}}";
    EXPECT_TRUE(read_changes(R"({"services": )" + services + R"(, "saved": )" + services + "}",
                             inventory, Now{}));
    return lines(inventory, Now{});
  };
  EXPECT_EQ(read("mh"),
            std::vector<std::string>{"service web: scheduler wrr -> mh, by lbcli set --save"});
  EXPECT_TRUE(read("lc").empty());
}

// The same when a reload makes it one.
TEST(SetCommand, EndsConnectionSchedulersWithOnePacket) {
  OverridesWorld world;
  SetCommand set = command("");
  set.set_scheduler("lc");
  set.set_save(true);
  EXPECT_TRUE(world.run(set));
  config::Service one_packet = web();
  one_packet.one_packet = true;
  const auto next = test::config_of({one_packet});
  const auto ended = ended_by(world.inventory, *next);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].text(), "service web: scheduler lc -> wrr, end of lbcli set");
  world.inventory.adopt(next);
  undo_unsaved(world.inventory);
  EXPECT_FALSE(world.any());
}

// No value overflows on its way to a time or a weight.
TEST_F(OverridesFile, RefusesNumbersOutOfRange) {
  const auto error_of = [](const std::string& change) {
    Inventory inventory(test::config_of({file_service("web")}));
    const auto read =
        read_changes(R"({"services": {"web": {"real_servers": {"10.0.0.11:80": )" + change + "}}}}",
                     inventory, Now{});
    return read ? "" : read.error().message;
  };
  EXPECT_EQ(error_of(R"({"duty": "drain", "deadline_unix_ms": 7258118399999})"), "");
  EXPECT_EQ(error_of(R"({"duty": "drain", "deadline_unix_ms": 0})"), "");
  for (const char* number : {"7258118400000", "9223372036854775807", "18446744073709551615", "-1",
                             "-9223372036854775808", "1e300", "1.5", "\"x\"", "null"}) {
    EXPECT_NE(error_of(std::string(R"({"duty": "drain", "deadline_unix_ms": )") + number + "}"), "")
        << number;
  }
  EXPECT_EQ(error_of(R"({"weight": 65535})"), "");
  for (const char* number : {"65536", "-1", "4294967297", "0.5"}) {
    EXPECT_NE(error_of(std::string(R"({"weight": )") + number + "}"), "") << number;
  }
}

// Whatever is in the file, the message is one line of bounded length.
TEST_F(OverridesFile, RefusesFilesThatOthersCouldHaveWritten) {
  std::ofstream(path) << "{}";
  const std::string link = path + ".link";
  std::filesystem::create_symlink(path, link);
  Inventory inventory(test::config_of({file_service("web")}));
  EXPECT_EQ(load_changes(link, inventory, Now{}).error().message,
            link + " is a symbolic link; remove it");
  std::ofstream(path) << '"' << std::string(100'000, 'x') << "\n\x1b";
  EXPECT_LT(load_changes(path, inventory, Now{}).error().message.size(), 500u);
  std::filesystem::permissions(path, std::filesystem::perms::others_write,
                               std::filesystem::perm_options::add);
  EXPECT_EQ(load_changes(path, inventory, Now{}).error().message,
            path + " is writable by everybody, who could have written anything; remove it");
  std::filesystem::remove(link);
}

TEST_F(OverridesFile, ReportsADamagedFile) {
  for (const char* const text :
       {"{", "null", "[]", R"({"services": {"web": {"key": 1}}})",
        R"({"services": {"web": {"scheduler": "lc", "real_servers": {"10.0.0.11:80": 1}}}})"}) {
    std::ofstream(path) << text;
    Inventory inventory(test::config_of({file_service("web")}));
    EXPECT_FALSE(load_changes(path, inventory, Now{})) << text;
    EXPECT_TRUE(lines(inventory, Now{}).empty()) << text;
  }
}

}  // namespace
}  // namespace lb::controlplane
