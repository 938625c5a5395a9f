#include "controlplane/servers/health_history.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <memory>

#include "controlplane/os/file_writer.h"
#include "controlplane/service/inventory_fixture.h"

namespace lb::controlplane {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// A service whose servers have been known for a minute, were good for 20 s of it, and turned 10 s
// ago.
config::Service http_service(const std::string& name = "web") {
  return test::service(name, {"192.0.2.10:80"}, {"10.0.0.11:80", "10.0.0.12"});
}

health::State state(const Now& now, bool up) {
  health::State made;
  made.up = up;
  made.since = now.steady - 10s;
  made.known_since = now.steady - 60s;
  made.up_time_before = up ? 10s : 20s;
  made.transitions = 5;
  return made;
}

// The first is up, the second is not.
void check(Service& service, const Now& now) {
  bool up = true;
  for (RealServer& server : service.servers) {
    server.health = std::make_shared<const health::State>(state(now, up));
    up = false;
  }
}

// The same process's clocks, later; its steady clock restarted, as after a restart of the machine.
Now later(const Now& now, milliseconds after) {
  return {std::chrono::steady_clock::time_point(1h), now.calendar + after};
}

TEST(HealthHistoryTest, WritesAndReads) {
  const Now now;
  Inventory inventory(test::config_of({http_service("web \"1\"")}));
  check(inventory.services().front(), now);
  const std::string text = print_history(inventory, now);
  const Now then = later(now, 100s);
  const auto saved = read_history(text, then);
  ASSERT_TRUE(saved);
  ASSERT_EQ(saved->size(), 2u);
  const Service& service = inventory.services().front();
  const health::SavedState* const up = saved->find(service.servers[0], inventory);
  const health::SavedState* const down = saved->find(service.servers[1], inventory);
  ASSERT_TRUE(up != nullptr && down != nullptr);
  const auto off_by = [&](auto when, auto seconds) {
    return std::chrono::abs(then.steady - when - seconds);
  };
  EXPECT_TRUE(up->up);
  EXPECT_EQ(up->transitions, 5u);
  EXPECT_EQ(up->up_time, 20s);
  EXPECT_LE(off_by(up->written, 100s), 2ms);
  EXPECT_LE(off_by(up->since, 110s), 2ms);
  EXPECT_LE(off_by(up->known_since, 160s), 2ms);
  EXPECT_FALSE(down->up);
  EXPECT_EQ(down->up_time, 20s);
}

TEST(HealthHistoryTest, FindsRenamedServices) {
  const Now now;
  config::Service dns = http_service("dns");
  dns.protocol = Protocol::kUdp;
  Inventory inventory(test::config_of({http_service(), dns}));
  check(*inventory.find("web"), now);
  const auto saved = read_history(print_history(inventory, now), now);
  ASSERT_TRUE(saved);
  dns.name = "web";
  const Inventory swapped(test::config_of({http_service("dns"), dns}));
  EXPECT_NE(saved->find(swapped.find("dns")->servers[0], swapped), nullptr);
  EXPECT_EQ(saved->find(swapped.find("web")->servers[0], swapped), nullptr);
}

TEST(HealthHistoryTest, IsFoundByTheNameWhenNoServiceHasTheKey) {
  const Now now;
  Inventory inventory(test::config_of({http_service()}));
  check(inventory.services().front(), now);
  const auto saved = read_history(print_history(inventory, now), now);
  ASSERT_TRUE(saved);
  config::Service moved = http_service();
  moved.addresses = {EndpointRange::parse("192.0.2.20:80").value()};
  const Inventory alone(test::config_of({moved}));
  EXPECT_NE(saved->find(alone.services()[0].servers[0], alone), nullptr);
  const Inventory beside(test::config_of({moved, http_service("old")}));
  EXPECT_EQ(saved->find(beside.find("web")->servers[0], beside), nullptr);
  EXPECT_NE(saved->find(beside.find("old")->servers[0], beside), nullptr);
  moved.protocol = Protocol::kUdp;
  const Inventory other(test::config_of({moved}));
  EXPECT_EQ(saved->find(other.services()[0].servers[0], other), nullptr);
}

TEST(HealthHistoryTest, ReadsAnEarlierVersionByNames) {
  const auto saved = read_history(
      R"({"version": 1, "written_unix_ms": 0, "targets": [{"service": "web",
          "vip": "192.0.2.10:80", "address": "10.0.0.12", "up": true, "since_unix_ms": 0,
          "known_unix_ms": 0, "up_ms": 0, "transitions": 3}]})",
      Now{});
  ASSERT_TRUE(saved);
  const Inventory inventory(test::config_of({http_service()}));
  const health::SavedState* const state =
      saved->find(inventory.services()[0].servers[1], inventory);
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->transitions, 3u);
  EXPECT_EQ(saved->find(inventory.services()[0].servers[0], inventory), nullptr);
  const Inventory other(test::config_of({http_service("shop")}));
  EXPECT_EQ(saved->find(other.services()[0].servers[1], other), nullptr);
}

TEST(HealthHistoryTest, ClampsTimesAfterAClockChange) {
  const Now now;
  Inventory inventory(test::config_of({http_service()}));
  RealServer& server = inventory.services().front().servers.front();
  server.health = std::make_shared<const health::State>(state(now, true));
  const Now before = later(now, -1h);
  const auto saved = read_history(print_history(inventory, now), before);
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->size(), 1u) << "what is not followed is not written";
  const health::SavedState* const state = saved->find(server, inventory);
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->written, before.steady);
  EXPECT_EQ(state->since, before.steady);
  EXPECT_EQ(state->known_since, before.steady);
  EXPECT_EQ(state->up_time, 0s);
}

TEST(HealthHistoryTest, RefusesDamagedFilesAndOtherVersions) {
  for (const char* text : {"", "{", "[]", "{\"version\": 2}", "{\"version\": 1}",
                           "{\"version\":1,\"written_unix_ms\":0,\"targets\":[{}]}",
                           "{\"version\":1,\"written_unix_ms\":0,\"targets\":[{\"vip\":\"x\","
                           "\"address\":\"y\"}]}",
                           "{\"version\":1,\"written_unix_ms\":0,\"targets\":[{\"key\":\"x\","
                           "\"vip\":\"192.0.2.10:80\",\"address\":\"10.0.0.11:80\",\"up\":true,"
                           "\"since_unix_ms\":0,\"known_unix_ms\":0,\"up_ms\":0,"
                           "\"transitions\":0}]}"}) {
    EXPECT_FALSE(read_history(text, Now{})) << text;
  }
}

TEST(HealthHistoryTest, RefusesNumbersOutOfRange) {
  const auto text = [](const char* key, const std::string& number) {
    std::string out = R"({"version":1,"written_unix_ms":0,"targets":[{"key":"tcp 192.0.2.10:80",)"
                      R"("service":"web","vip":"192.0.2.10:80","address":"10.0.0.11:80","up":true,)"
                      R"("since_unix_ms":0,"known_unix_ms":0,"up_ms":0,"transitions":0}]})";
    const std::string field = '"' + std::string(key) + "\":0";
    return out.replace(out.find(field), field.size(), '"' + std::string(key) + "\":" + number);
  };
  for (const char* key :
       {"written_unix_ms", "since_unix_ms", "known_unix_ms", "up_ms", "transitions"}) {
    for (const char* number : {"9223372036854775807", "-9223372036854775808", "-1", "1e30",
                               "18446744073709551615", "7258118400000"}) {
      EXPECT_FALSE(read_history(text(key, number), Now{})) << key << ' ' << number;
    }
  }
}

TEST(HealthHistoryTest, IgnoresAMissingOrDamagedFile) {
  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / ("ballast-hist-" + std::to_string(::getpid()));
  fs::create_directories(root);
  boost::asio::io_context io;
  const std::string path = root / "health.json";
  Inventory inventory(test::config_of({http_service()}));
  check(inventory.services().front(), Now{});
  FileWriter writer(io);
  HealthHistory history(io, writer, path, inventory);
  EXPECT_EQ(history.load().size(), 0u);
  history.write();
  ASSERT_TRUE(writer.finish(20s));
  EXPECT_EQ(history.load().size(), 2u);
  std::ofstream(path) << "{\"version\": 1, ";
  EXPECT_EQ(history.load().size(), 0u);
  fs::remove_all(root);
}

}  // namespace
}  // namespace lb::controlplane
