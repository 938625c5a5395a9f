#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <semaphore>
#include <vector>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/os/test_namespace.h"
#include "controlplane/os/text_file.h"
#include "controlplane/reload_fixture.h"

namespace lb::controlplane {
namespace {

using api::control::ConfigCommand;
using api::control::ConfigReply;

TEST_F(ReloaderTest, AppliesTheFileOnReload) {
  ASSERT_TRUE(write_text(file, config_text(2)));
  const ConfigReply reply = run(ConfigCommand::RELOAD);
  EXPECT_EQ(reply.error(), "");
  ASSERT_EQ(reply.changes_size(), 1);
  EXPECT_EQ(reply.changes(0), kChange);
  EXPECT_EQ(applied, std::vector<int>{2});
  EXPECT_EQ(run(ConfigCommand::RELOAD).changes_size(), 0);
}

TEST_F(ReloaderTest, WarnsOfProgramsWhoseUserIsMissing) {
  const auto warnings_of = [&](const std::string& user) {
    EXPECT_TRUE(write_text(
        file,
        config_text(2) + "[alert]\nscript = [\"/bin/true\"]\nscript_user = \"" + user + "\"\n"));
    testing::internal::CaptureStderr();
    EXPECT_EQ(run(ConfigCommand::RELOAD).error(), "");
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_NE(
      warnings_of("no-such-user")
          .find("user no-such-user was not found: /bin/true will not run; make it with useradd "
                "--system no-such-user"),
      std::string::npos);
  EXPECT_EQ(warnings_of("root").find("was not found"), std::string::npos);
}

TEST_F(ReloaderTest, ChangesNothingForAFileWithErrors) {
  ASSERT_TRUE(write_text(file, config_text(2) + "colour = 1\n"));
  const ConfigReply reply = run(ConfigCommand::RELOAD);
  ASSERT_EQ(reply.mistakes_size(), 1);
  EXPECT_TRUE(reply.mistakes(0).starts_with(file + ":16:")) << reply.mistakes(0);
  EXPECT_TRUE(applied.empty());
  ASSERT_TRUE(write_text(file, config_text(1)));
  EXPECT_EQ(run(ConfigCommand::CHANGES).changes_size(), 0);
}

TEST_F(ReloaderTest, NamesChangesThatNeedARestart) {
  ASSERT_TRUE(write_text(file, config_text(2, "", "1,2")));
  EXPECT_EQ(run(ConfigCommand::RELOAD).error(),
            "nothing was changed: dataplane: lcores 1 -> 1-2: needs a restart of lb-dataplane and "
            "lb-controlplane");
  EXPECT_TRUE(applied.empty());
}

TEST_F(ReloaderTest, RevertsWhatTheDataPlaneRefuses) {
  ASSERT_TRUE(write_text(file, config_text(2)));
  refusal = "no memory";
  EXPECT_EQ(run(ConfigCommand::RELOAD).error(), "nothing was changed: no memory");
  EXPECT_EQ(applied, (std::vector<int>{2, 1}));
  EXPECT_EQ(run(ConfigCommand::CHANGES).changes(0),
            "service web: real server 192.0.2.11:80: weight 2 -> 1");
}

constexpr const char* kEnded = "service web: maint -> ready, end of lbcli set";

TEST_F(ReloaderTest, NamesWhatItEndsOfOperatorsChanges) {
  overrides = "maint";
  EXPECT_EQ(run(ConfigCommand::DIFF, config_text(1)).changes(0), kEnded);
  EXPECT_EQ(overrides, "maint");
  const ConfigReply reply = run(ConfigCommand::RELOAD);
  ASSERT_EQ(reply.changes_size(), 1);
  EXPECT_EQ(reply.changes(0), kEnded);
  EXPECT_EQ(overrides, "");
  EXPECT_EQ(told(), (std::vector<std::string>{
                        R"(by=test command="reload" outcome="ok, 1 change")",
                        std::string(R"(by=test command="reload" outcome=")") + kEnded + '"'}));
}

TEST_F(ReloaderTest, EndsNoOperatorsChangesWhenItIsRefused) {
  overrides = "maint";
  ASSERT_TRUE(write_text(file, config_text(2)));
  refusal = "no memory";
  EXPECT_EQ(run(ConfigCommand::RELOAD).error(), "nothing was changed: no memory");
  EXPECT_EQ(overrides, "maint");
  ASSERT_TRUE(write_text(file, config_text(2, "", "1,2")));
  const ConfigReply reply = run(ConfigCommand::DIFF, config_text(2, "", "1,2"));
  EXPECT_EQ(reply.changes_size(), 2) << "a file that needs a restart";
  EXPECT_NE(run(ConfigCommand::RELOAD).error(), "");
  EXPECT_EQ(overrides, "maint");
}

TEST_F(ReloaderTest, RestoresOperatorsChangesWithARollback) {
  overrides = "maint";
  run(ConfigCommand::COMMIT, config_text(2), 3'600'000);
  EXPECT_EQ(overrides, "");
  told();
  const ConfigReply reply = run(ConfigCommand::ROLLBACK);
  ASSERT_EQ(reply.changes_size(), 2);
  EXPECT_EQ(reply.changes(1), "service web: maint again, by lbcli set");
  EXPECT_EQ(overrides, "maint");
  EXPECT_EQ(told().size(), 2u);
}

TEST_F(ReloaderTest, AllowsOneChangeAtATime) {
  hold = true;
  EXPECT_TRUE(run(ConfigCommand::COMMIT, config_text(2)).applying());
  EXPECT_NE(run(ConfigCommand::RELOAD).error(), "");
  EXPECT_TRUE(run(ConfigCommand::STATUS).applying());
  hold = false;
  held({});
  EXPECT_FALSE(run(ConfigCommand::STATUS).applying());
  EXPECT_EQ(in_file(), config_text(2));
}

TEST_F(ReloaderTest, ChangesNothingForDiff) {
  EXPECT_EQ(run(ConfigCommand::DIFF, config_text(2)).changes(0), kChange);
  EXPECT_NE(run(ConfigCommand::DIFF, config_text(2, "", "2")).note(), "");
  EXPECT_EQ(run(ConfigCommand::DIFF, "[director").mistakes_size(), 1);
  EXPECT_TRUE(applied.empty());
}

TEST_F(ReloaderTest, ReplacesTheFileOnCommitAndRestoresItOnRollback) {
  EXPECT_EQ(run(ConfigCommand::ROLLBACK).error().find("no configuration to go back to"), 0u);
  EXPECT_EQ(run(ConfigCommand::COMMIT, config_text(2)).error(), "");
  EXPECT_EQ(in_file(), config_text(2));
  start();
  EXPECT_EQ(run(ConfigCommand::ROLLBACK).error(), "");
  EXPECT_EQ(in_file(), config_text(1));
  EXPECT_EQ(run(ConfigCommand::ROLLBACK).error(), "");
  EXPECT_EQ(in_file(), config_text(2));
  EXPECT_EQ(applied, (std::vector<int>{2, 1, 2}));
}

TEST_F(ReloaderTest, KeepsTheWayBackWhenTheSameFileIsCommittedAgain) {
  EXPECT_EQ(run(ConfigCommand::COMMIT, config_text(2)).error(), "");
  EXPECT_EQ(run(ConfigCommand::COMMIT, config_text(2)).error(), "");
  EXPECT_EQ(run(ConfigCommand::ROLLBACK).error(), "");
  EXPECT_EQ(in_file(), config_text(1));
}

TEST_F(ReloaderTest, RollsBackAReload) {
  ASSERT_TRUE(write_text(file, config_text(3)));
  run(ConfigCommand::RELOAD);
  EXPECT_EQ(run(ConfigCommand::ROLLBACK).error(), "");
  EXPECT_EQ(in_file(), config_text(1));
  EXPECT_EQ(applied, (std::vector<int>{3, 1}));
}

TEST_F(ReloaderTest, KeepsAConfirmedCommit) {
  const ConfigReply reply = run(ConfigCommand::COMMIT, config_text(2), 60'000);
  EXPECT_GT(reply.confirm_due_ms(), 50'000u);
  EXPECT_EQ(in_file(), config_text(1));
  EXPECT_NE(run(ConfigCommand::RELOAD).error(), "");
  EXPECT_NE(run(ConfigCommand::COMMIT, config_text(3)).error(), "");
  EXPECT_EQ(run(ConfigCommand::CONFIRM).error(), "");
  EXPECT_EQ(in_file(), config_text(2));
  EXPECT_EQ(run(ConfigCommand::CONFIRM).error(), "no commit waits to be confirmed");
  EXPECT_EQ(applied, std::vector<int>{2});
}

TEST_F(ReloaderTest, RollsBackAnUnconfirmedCommit) {
  run(ConfigCommand::COMMIT, config_text(2), 20);
  EXPECT_TRUE(test::run_until(io, [this] { return applied.size() == 2; }));
  EXPECT_EQ(applied, (std::vector<int>{2, 1}));
  EXPECT_EQ(run(ConfigCommand::STATUS).confirm_due_ms(), 0u);
  EXPECT_EQ(run(ConfigCommand::CHANGES).changes_size(), 0);
}

TEST_F(ReloaderTest, RollsBackAWaitingCommitAtOnce) {
  run(ConfigCommand::COMMIT, config_text(2), 60'000);
  EXPECT_EQ(run(ConfigCommand::ROLLBACK).changes_size(), 1);
  EXPECT_EQ(applied, (std::vector<int>{2, 1}));
  EXPECT_EQ(in_file(), config_text(1));
}

TEST_F(ReloaderTest, StartsWithTheOldFileWhileACommitWaits) {
  run(ConfigCommand::COMMIT, config_text(2), 60'000);
  start();
  EXPECT_EQ(run(ConfigCommand::CHANGES).changes_size(), 0);
  EXPECT_NE(run(ConfigCommand::CONFIRM).error(), "");
}

TEST_F(ReloaderTest, FollowsTheFileWithAutoReload) {
  reloader->watch();
  ASSERT_TRUE(write_text(file, config_text(2, "auto_reload = true\n")));
  io.restart();
  io.run_for(std::chrono::milliseconds(1800));
  EXPECT_TRUE(applied.empty());  // not yet applied
  run(ConfigCommand::RELOAD);
  ASSERT_TRUE(write_text(file, config_text(3, "auto_reload = true\n")));
  EXPECT_TRUE(test::run_until(io, [this] { return applied.size() == 2; }));
  EXPECT_EQ(applied, (std::vector<int>{2, 3}));
}

// Reading takes as long as the test wants: it asks whether the machine has the group.
class SlowReload : public ReloaderTest {
 protected:
  SlowReload() {
    machine.has_group = &ask;
    EXPECT_TRUE(write_text(file, text(1)));
    start();
  }
  ~SlowReload() override { answers.release(10); }

  static std::string text(int weight) { return config_text(weight, "admin_group = \"slow\"\n"); }
  static bool ask(const std::string&) {
    int left = to_hold;
    while (left > 0 && !to_hold.compare_exchange_weak(left, left - 1)) {
    }
    if (left > 0) {
      questions.release();
      answers.acquire();
    }
    return true;
  }

  static inline std::atomic<int> to_hold{0};                // the next ones wait for an answer
  static inline std::counting_semaphore<100> questions{0};  // that wait
  static inline std::counting_semaphore<100> answers{0};
};

TEST_F(SlowReload, DoesNotBlockTheLoop) {
  std::optional<ConfigReply> slow;
  ASSERT_TRUE(write_text(file, text(2)));
  to_hold = 1;
  begin(ConfigCommand::RELOAD, slow);
  questions.acquire();
  EXPECT_EQ(run(ConfigCommand::DIFF, text(3)).changes_size(), 1);
  EXPECT_EQ(run(ConfigCommand::STATUS).error(), "");
  EXPECT_FALSE(slow);
  answers.release();
  EXPECT_TRUE(test::run_until(io, [&] { return slow.has_value(); }));
  EXPECT_EQ(slow->changes(0), kChange);
  EXPECT_EQ(applied, std::vector<int>{2});
}

TEST_F(SlowReload, MakesChangesInTheOrderOfTheRequests) {
  std::optional<ConfigReply> first, second, third;
  ASSERT_TRUE(write_text(file, text(2)));
  to_hold = 2;
  begin(ConfigCommand::RELOAD, first);
  begin(ConfigCommand::RELOAD, second);
  begin(ConfigCommand::ROLLBACK, third);
  questions.acquire();
  ASSERT_TRUE(write_text(file, text(3)));
  answers.release();
  EXPECT_TRUE(test::run_until(io, [&] { return first.has_value(); }));
  EXPECT_FALSE(second);
  answers.release();
  EXPECT_TRUE(test::run_until(io, [&] { return second.has_value(); }));
  // The rollback is to replace the file.
  EXPECT_TRUE(test::run_until(io, [&] { return third.has_value() && !status().applying(); }));
  EXPECT_EQ(third->error(), "");
  EXPECT_EQ(applied, (std::vector<int>{2, 3, 2}));
  EXPECT_EQ(in_file(), text(2));
}

TEST(TextFile, KeepsModeAndLinks) {
  std::string folder = "/tmp/ballast-text-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string target = folder + "/target";
  const std::string link = folder + "/link";
  ASSERT_TRUE(write_text(target, "one"));
  std::filesystem::permissions(target, std::filesystem::perms(0604));
  std::filesystem::create_symlink("target", link);
  const FileStamp before = FileStamp::of(link);
  ASSERT_TRUE(write_text(link, "two"));
  EXPECT_NE(FileStamp::of(link), before);
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(config::read_file(target).value(), "two");
  EXPECT_EQ(std::filesystem::status(target).permissions(), std::filesystem::perms(0604));
  EXPECT_FALSE(write_text(folder + "/none/file", "x"));
  std::filesystem::remove_all(folder);
}

TEST_F(ReloaderTest, LogsEveryChangeWithItsOutcome) {
  using Lines = std::vector<std::string>;
  ASSERT_TRUE(write_text(file, config_text(2)));
  run(ConfigCommand::DIFF, config_text(3));
  run(ConfigCommand::CHANGES);
  run(ConfigCommand::STATUS);
  EXPECT_EQ(told(), Lines{});
  run(ConfigCommand::RELOAD);
  EXPECT_EQ(told(), Lines{R"(by=test command="reload" outcome="ok, 1 change")"});
  reloader->reload("SIGHUP");
  EXPECT_TRUE(test::run_until(io, [this] { return audited() > audited_; }));
  EXPECT_EQ(told(), Lines{R"(by=SIGHUP command="reload" outcome="ok, 0 changes")"});
  run(ConfigCommand::CONFIRM);
  EXPECT_EQ(told(),
            Lines{R"(by=test command="confirm" outcome="no commit waits to be confirmed")"});
  run(ConfigCommand::COMMIT, "colour = 1");
  EXPECT_NE(told().at(0).find(R"(by=test command="commit next.toml" outcome="next.toml:1:1: )"),
            std::string::npos);
  refusal = "no memory";
  run(ConfigCommand::COMMIT, config_text(3));
  EXPECT_EQ(
      told(),
      Lines{R"(by=test command="commit next.toml" outcome="nothing was changed: no memory")"});
  run(ConfigCommand::COMMIT, config_text(3), 60'000);
  run(ConfigCommand::RELOAD);
  run(ConfigCommand::ROLLBACK);
  EXPECT_EQ(
      told(),
      (Lines{
          R"(by=test command="commit next.toml --confirm 1m" outcome="ok, 1 change")",
          R"(by=test command="reload" outcome="the commit of next.toml waits to be confirmed: lbcli confirm, or lbcli rollback")",
          R"(by=test command="rollback" outcome="ok, lbcli rollback")"}));
}

TEST_F(ReloaderTest, WritesTheAuditLogWhenAChangeEnds) {
  hold = true;
  run(ConfigCommand::COMMIT, config_text(2), 1);
  EXPECT_EQ(told().size(), 0u);
  hold = false;
  std::exchange(held, nullptr)({});
  EXPECT_EQ(told().size(), 1u);
  EXPECT_TRUE(test::run_until(io, [this] { return audited() > audited_; }));
  EXPECT_EQ(
      told(),
      std::vector<std::string>{
          R"(by=timer command="rollback of next.toml" outcome="ok, it was not confirmed in time")"});
}

}  // namespace
}  // namespace lb::controlplane
