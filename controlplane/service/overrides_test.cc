#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/fake_dataplane.h"
#include "controlplane/service/overrides_file.h"
#include "controlplane/service/set_command.h"

namespace lb::controlplane {
namespace {

using api::control::SetCommand;
using std::chrono::seconds;

Ipv4Endpoint endpoint(const char* text) {
  return Ipv4Endpoint::parse(text).value();
}

std::vector<config::Service> web() {
  config::Service service;
  service.name = "web";
  for (const char* const text : {"10.0.0.11:80", "10.0.0.11:81", "10.0.0.12:80"}) {
    config::RealServer server;
    server.address = endpoint(text);
    service.real_servers.push_back(server);
  }
  return {service};
}

SetCommand command(const std::string& server) {
  SetCommand set;
  set.set_service("web");
  set.set_real_server(server);
  return set;
}

constexpr std::chrono::steady_clock::time_point kNow{seconds(100)};

std::string error_of(const SetCommand& set) {
  const auto changed = change(set, web(), {}, kNow);
  return changed ? "" : changed.error().message;
}

TEST(SetCommand, changes_one_server) {
  SetCommand set = command("10.0.0.12");
  set.set_weight(7);
  auto changed = change(set, web(), {}, kNow);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->text, "web: real server 10.0.0.12:80: weight 7");
  EXPECT_EQ(changed->changes.in_force["web"].servers[endpoint("10.0.0.12:80")].weight, 7);
  set.set_weight(1);
  changed = change(set, web(), changed->changes, kNow);
  EXPECT_TRUE(changed->changes.in_force.empty()) << "as in the file";
}

TEST(SetCommand, ready_ends_a_drain) {
  SetCommand set = command("10.0.0.11:81");
  set.set_duty(SetCommand::DRAIN);
  set.set_deadline_ms(90'000);
  auto changed = change(set, web(), {}, kNow);
  ASSERT_TRUE(changed);
  const ServerOverride own = changed->changes.in_force["web"].servers[endpoint("10.0.0.11:81")];
  EXPECT_EQ(own.duty, Duty::kDrain);
  EXPECT_EQ(own.deadline, kNow + seconds(90));
  set.set_duty(SetCommand::READY);
  changed = change(set, web(), changed->changes, kNow);
  EXPECT_TRUE(changed->changes.in_force.empty());
}

TEST(SetCommand, what_is_saved_comes_back_until_it_is_undone) {
  SetCommand set = command("10.0.0.12");
  set.set_weight(7);
  set.set_save(true);
  auto changed = change(set, web(), {}, kNow);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->text, "web: real server 10.0.0.12:80: weight 7, saved");
  EXPECT_EQ(changed->changes.saved, changed->changes.in_force);
  set.set_save(false);
  set.set_weight(9);
  changed = change(set, web(), changed->changes, kNow);
  const auto weight = [](Overrides overrides) {
    return overrides["web"].servers[endpoint("10.0.0.12:80")].weight;
  };
  EXPECT_EQ(weight(changed->changes.in_force), 9);
  EXPECT_EQ(weight(changed->changes.saved), 7);
  EXPECT_EQ(describe(changed->changes, web(), kNow).front(),
            "service web: real server 10.0.0.12:80: weight 1 -> 9, by lbcli set");
  SetCommand maint = command("10.0.0.12");
  maint.set_duty(SetCommand::MAINT);
  maint.set_save(true);
  changed = change(maint, web(), changed->changes, kNow);
  EXPECT_EQ(describe(changed->changes, web(), kNow).back(),
            "service web: real server 10.0.0.12:80: maint, by lbcli set --save");
  set.set_weight(1);
  changed = change(set, web(), changed->changes, kNow);
  EXPECT_EQ(weight(changed->changes.saved), std::nullopt) << "undone for good";
  EXPECT_EQ(changed->changes.saved, changed->changes.in_force) << "maint goes on";
}

TEST(SetCommand, says_what_is_wrong) {
  SetCommand set = command("10.0.0.11");
  set.set_weight(1);
  EXPECT_EQ(error_of(set),
            "service web has several real servers 10.0.0.11; write the port, as 10.0.0.11:80");
  set.set_real_server("10.0.0.9:80");
  EXPECT_EQ(error_of(set), "service web has no real server 10.0.0.9:80; lbcli show rs names them");
  set.set_real_server("10.0.0.12");
  set.set_weight(65'536);
  EXPECT_EQ(error_of(set), "weight 65536 is out of range; write 0 to 65535");
  set.set_service("wb");
  EXPECT_EQ(error_of(set), "there is no service wb; did you mean web?");
  SetCommand scheduler = command("");
  scheduler.set_scheduler("fastest");
  EXPECT_TRUE(error_of(scheduler).starts_with("there is no scheduler fastest; it can be rr, "));
}

TEST(SetCommand, without_connections_no_scheduler_that_counts_them) {
  std::vector<config::Service> services = web();
  services[0].one_packet = true;
  SetCommand set = command("");
  set.set_scheduler("sh");
  EXPECT_TRUE(change(set, services, {}, kNow));
  set.set_scheduler("wlc");
  const auto changed = change(set, services, {}, kNow);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().message,
            "web has one_packet, and so no connections that scheduler wlc could go by; take rr, "
            "wrr, sh, dh, mh or fo");
}

TEST(OverridesFile, outlives_the_process) {
  const TestFolder folder;
  const std::string path = folder.path + "/changes.json";
  const Now before{kNow, std::chrono::system_clock::time_point(seconds(1'700'000'000))};
  Changes changes;
  Overrides& overrides = changes.in_force;
  overrides["web"].scheduler = Scheduler::kLc;
  overrides["web"].servers[endpoint("10.0.0.11:80")] = {Duty::kDrain, kNow + seconds(60), 4};
  overrides["web"].servers[endpoint("10.0.0.12:80")].duty = Duty::kMaint;
  overrides["web"].servers[{Ipv4Address::parse("10.0.0.13").value(), 0}].weight = 2;
  changes.saved["web"].servers[endpoint("10.0.0.12:80")].duty = Duty::kMaint;
  ASSERT_TRUE(save_changes(path, changes, before));
  // Twenty seconds later, after a reboot: the steady clock began anew.
  const Now after{std::chrono::steady_clock::time_point(seconds(5)), before.calendar + seconds(20)};
  auto loaded = load_changes(path, after);
  ASSERT_TRUE(loaded);
  overrides["web"].servers[endpoint("10.0.0.11:80")].deadline = after.steady + seconds(40);
  EXPECT_EQ(*loaded, changes);
  ASSERT_TRUE(save_changes(path, {}, after));
  EXPECT_EQ(load_changes(path, after).value(), Changes{});
}

TEST(OverridesFile, says_that_it_is_damaged) {
  const TestFolder folder;
  const std::string path = folder.path + "/changes.json";
  std::ofstream(path) << "{";
  EXPECT_FALSE(load_changes(path, Now{}));
}

}  // namespace
}  // namespace lb::controlplane
