#include "controlplane/health_history.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

namespace lb::controlplane {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

health::Target target(const std::string& service, const std::string& address) {
  health::Target made;
  made.service = service;
  made.vip = *Ipv4Endpoint::parse("192.0.2.10:80");
  made.address = *Ipv4Endpoint::parse_port_optional(address);
  return made;
}

// A minute's state that was good for 20 s.
health::State state(const Now& now, bool up) {
  health::State made;
  made.up = up;
  made.since = now.steady - 10s;
  made.known_since = now.steady - 60s;
  made.up_time = 20s;
  made.transitions = 5;
  return made;
}

// The same process's clocks, later; its steady clock began anew, as after a restart of the machine.
Now later(const Now& now, milliseconds after) {
  return {std::chrono::steady_clock::time_point(1h), now.calendar + after};
}

health::Past only(const Result<Pasts>& pasts) {
  EXPECT_TRUE(pasts);
  if (!pasts || pasts->size() != 1) return {};
  return pasts->begin()->second;
}

TEST(HealthHistoryTest, IsReadAsItWasWritten) {
  const Now now;
  const std::string text = print_history({{target("web \"1\"", "10.0.0.11:80"), state(now, true)},
                                          {target("web", "10.0.0.12"), state(now, false)}},
                                         now);
  const Now then = later(now, 100s);
  const auto pasts = read_history(text, then);
  ASSERT_TRUE(pasts);
  ASSERT_EQ(pasts->size(), 2u);
  const auto vip = *Ipv4Endpoint::parse("192.0.2.10:80");
  const health::Past& up = pasts->at({"web \"1\"", vip, *Ipv4Endpoint::parse("10.0.0.11:80")});
  const auto off_by = [&](auto when, auto seconds) {
    return std::chrono::abs(then.steady - when - seconds);
  };
  EXPECT_TRUE(up.up);
  EXPECT_EQ(up.transitions, 5u);
  EXPECT_EQ(up.up_time, 20s);
  EXPECT_LE(off_by(up.written, 100s), 2ms);
  EXPECT_LE(off_by(up.since, 110s), 2ms);
  EXPECT_LE(off_by(up.known_since, 160s), 2ms);
  EXPECT_FALSE(pasts->at({"web", vip, *Ipv4Endpoint::parse_port_optional("10.0.0.12")}).up);
}

TEST(HealthHistoryTest, AClockThatWasSetBackMakesNoFuture) {
  const Now now;
  const std::string text = print_history({{target("web", "10.0.0.11:80"), state(now, true)}}, now);
  const Now before = later(now, -1h);
  const health::Past past = only(read_history(text, before));
  EXPECT_EQ(past.written, before.steady);
  EXPECT_EQ(past.since, before.steady);
  EXPECT_EQ(past.known_since, before.steady);
  EXPECT_EQ(past.up_time, 0s);
}

TEST(HealthHistoryTest, WhatIsDamagedOrOfAnotherVersionIsRefused) {
  for (const char* text : {"", "{", "[]", "{\"version\": 2}", "{\"version\": 1}",
                           "{\"version\":1,\"written_unix_ms\":0,\"targets\":[{}]}",
                           "{\"version\":1,\"written_unix_ms\":0,\"targets\":[{\"vip\":\"x\","
                           "\"address\":\"y\"}]}"}) {
    EXPECT_FALSE(read_history(text, Now{})) << text;
  }
}

TEST(HealthHistoryTest, AFileThatIsMissingOrDamagedIsNoHistory) {
  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / ("ballast-hist-" + std::to_string(::getpid()));
  fs::create_directories(root);
  boost::asio::io_context io;
  const std::string path = root / "health.json";
  HealthHistory history(io, path, [] {
    return std::vector<TargetState>{{target("web", "10.0.0.11:80"), state(Now{}, true)}};
  });
  EXPECT_TRUE(history.load().empty());
  history.write();
  EXPECT_EQ(history.load().size(), 1u);
  std::ofstream(path) << "{\"version\": 1, ";
  EXPECT_TRUE(history.load().empty());
  fs::remove_all(root);
}

}  // namespace
}  // namespace lb::controlplane
