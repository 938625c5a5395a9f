// What the failover decides by: tracks, differing services, programs in order.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "controlplane/failover/notifier.h"
#include "controlplane/failover/service_differences.h"
#include "controlplane/failover/tracks.h"
#include "controlplane/os/test_user.h"

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;

class Folder {
 public:
  Folder() {
    path_ = testing::TempDir() + "failover_testXXXXXX";
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// ---- tracks

config::HaTrack interface_track(const std::string& name, int weight) {
  config::HaTrack track;
  track.interface = name;
  track.weight = weight;
  return track;
}

TrackResult evaluate_with(std::uint8_t priority, std::vector<config::HaTrack> tracks,
                          const std::set<std::string>& failing) {
  config::HaInstance instance;
  instance.priority = priority;
  instance.tracks = std::move(tracks);
  return evaluate_tracks(instance, [&](const config::HaTrack& each) {
    return failing.contains(each.interface + each.service + each.script);
  });
}

TEST(EvaluateTracks, SubtractsANegativeWeightWhileTheTrackFails) {
  const std::vector tracks = {interface_track("lan", -20)};
  EXPECT_EQ(evaluate_with(150, tracks, {}).priority, 150);
  EXPECT_EQ(evaluate_with(150, tracks, {"lan"}).priority, 130);
}

TEST(EvaluateTracks, AddsAPositiveWeightWhileTheTrackIsOk) {
  const std::vector tracks = {interface_track("lan", 20)};
  EXPECT_EQ(evaluate_with(100, tracks, {}).priority, 120);
  EXPECT_EQ(evaluate_with(100, tracks, {"lan"}).priority, 100);
}

TEST(EvaluateTracks, FailsTheInstanceWithoutAWeight) {
  const std::vector tracks = {interface_track("lan", 0), interface_track("wan", 0)};
  EXPECT_EQ(evaluate_with(100, tracks, {}).fault, "");
  EXPECT_EQ(evaluate_with(100, tracks, {"wan"}).fault, "interface wan fails");
  EXPECT_EQ(evaluate_with(100, tracks, {"wan", "lan"}).fault, "interface lan fails");
  EXPECT_EQ(evaluate_with(100, tracks, {"wan"}).priority, 100);
}

TEST(EvaluateTracks, KeepsPrioritiesInRange) {
  const std::vector down = {interface_track("a", -200), interface_track("b", -200)};
  EXPECT_EQ(evaluate_with(100, down, {"a", "b"}).priority, 1);
  const std::vector up = {interface_track("a", 200), interface_track("b", 200)};
  EXPECT_EQ(evaluate_with(100, up, {}).priority, 254);
  EXPECT_EQ(evaluate_with(config::kOwnerPriority, down, {"a"}).priority, config::kOwnerPriority);
}

TEST(EvaluateTracks, ListsEveryTerm) {
  config::HaTrack script;
  script.script = "proxy";
  script.weight = -60;
  const TrackResult result = evaluate_with(150, {interface_track("lan", 10), script}, {"proxy"});
  ASSERT_EQ(result.terms.size(), 2U);
  EXPECT_EQ(result.terms[0].what, "interface lan");
  EXPECT_EQ(result.terms[0].adds, 10);
  EXPECT_EQ(result.terms[1].what, "script proxy");
  EXPECT_TRUE(result.terms[1].failing);
  EXPECT_EQ(result.terms[1].adds, -60);
  EXPECT_EQ(result.priority, 100);
}

// ---- scripts

// A script that fails until the file is there.
TEST(Scripts, ChangeAfterRiseOrFallResultsInARow) {
  const Folder folder;
  const std::string good = folder / "good";
  const std::string log = folder / "log";
  config::HaScript script;
  script.name = "proxy";
  script.user = test::own_user();
  script.command = {"sh", "-c", "echo run >> " + log + "; test -e " + good};
  script.interval = milliseconds(10);
  script.timeout = milliseconds(60'000);
  script.rise = 3;
  script.fall = 2;
  boost::asio::io_context io;
  std::vector<std::size_t> changes;  // runs so far
  bool before = true;
  Scripts scripts(io, {script}, [&] {
    if (scripts.failing("proxy") == before) return;
    before = scripts.failing("proxy");
    changes.push_back(lines_of(log).size());
    if (!before) {
      std::filesystem::remove(good);
    } else {
      scripts.stop();
    }
  });
  EXPECT_TRUE(scripts.failing("proxy"));
  std::ofstream(good).put('\n');
  scripts.start();
  io.run_for(std::chrono::seconds(60));
  EXPECT_EQ(changes, (std::vector<std::size_t>{3, 5}));
}

// ---- the notify program

TEST(Notifier, RunsForEveryTransitionInOrder) {
  const Folder folder;
  const std::string log = folder / "log";
  boost::asio::io_context io;
  Notifier notifier(io, "lb1",
                    {"sh", "-c",
                     "echo begin \"$@\" \"$BALLAST_DIRECTOR $BALLAST_FROM $BALLAST_REASON\" >> " +
                         log + "; sleep 0.02; echo end >> " + log,
                     "notify"},
                    "");
  HaEvent event{{}, "VI_1", "BACKUP", "MASTER", 150, "no adverts; `rm -rf` \"quoted\""};
  notifier.notify(event);
  std::swap(event.from, event.to);
  event.reason = "a better one";
  notifier.notify(event);
  bool idle = false;
  notifier.when_idle([&] { idle = true; });
  EXPECT_FALSE(idle);
  io.run_for(std::chrono::seconds(60));
  EXPECT_TRUE(idle);
  EXPECT_EQ(lines_of(log),
            (std::vector<std::string>{
                "begin INSTANCE VI_1 MASTER 150 lb1 BACKUP no adverts; `rm "
                "-rf` \"quoted\"",
                "end", "begin INSTANCE VI_1 BACKUP 150 lb1 MASTER a better one", "end"}));
}

TEST(Notifier, ContinuesAfterAFailedRun) {
  const Folder folder;
  const std::string log = folder / "log";
  boost::asio::io_context io;
  Notifier notifier(io, "lb1", {"sh", "-c", "echo run >> " + log + "; exit 3"}, "");
  for (int i = 0; i < 3; ++i) notifier.notify({{}, "VI_1", "BACKUP", "MASTER", 150, "why"});
  io.run_for(std::chrono::seconds(60));
  EXPECT_EQ(lines_of(log).size(), 3U);
}

TEST(Notifier, RunsNothingWithoutAProgram) {
  boost::asio::io_context io;
  Notifier notifier(io, "lb1", {}, "");
  notifier.notify({{}, "VI_1", "BACKUP", "MASTER", 150, "why"});
  bool idle = false;
  notifier.when_idle([&] { idle = true; });
  EXPECT_TRUE(idle);
}

// ---- the peer's services

TEST(Differences, AreEmptyForEqualServices) {
  const ServiceTexts services = {{"tcp 192.0.2.10:80", {"web", "scheduler = \"rr\"\n"}}};
  EXPECT_TRUE(differences(services, services).empty());
  EXPECT_TRUE(differences({}, {}).empty());
}

TEST(Differences, HaveALineForEachService) {
  const ServiceTexts ours = {{"tcp 192.0.2.10:80", {"web", "scheduler = \"rr\"\nsync = true\n"}},
                             {"udp 192.0.2.10:53", {"dns", "scheduler = \"rr\"\n"}}};
  const ServiceTexts theirs = {{"tcp 192.0.2.10:80", {"web", "scheduler = \"lc\"\nsync = true\n"}},
                               {"tcp 192.0.2.10:25", {"mail", "scheduler = \"rr\"\n"}}};
  EXPECT_EQ(differences(ours, theirs),
            (std::vector<std::string>{"service web (tcp 192.0.2.10:80): scheduler = \"rr\" here, "
                                      "scheduler = \"lc\" there",
                                      "service dns (udp 192.0.2.10:53) exists only here",
                                      "service mail (tcp 192.0.2.10:25) exists only on the peer"}));
}

// They are in the log, in `show ha` and in alerts.
TEST(Differences, HideSecrets) {
  const auto text_of = [](const std::string& ours, const std::string& theirs) {
    return differences({{"tcp 192.0.2.10:80", {"web", ours}}},
                       {{"tcp 192.0.2.10:80", {"web", theirs}}});
  };
  EXPECT_EQ(text_of("headers = [\"X: m4rk3r\"]\n", "headers = [\"X: m4rk3r2\"]\n"),
            std::vector<std::string>{
                "service web (tcp 192.0.2.10:80): headers = (secret) here, another there"});
  EXPECT_EQ(text_of("rise = 2\n", "send = \"m4rk3r\"\n"),
            std::vector<std::string>{
                "service web (tcp 192.0.2.10:80): rise = 2 here, send = (secret) there"});
}

}  // namespace
}  // namespace lb::controlplane
