// Real programs.
#include "controlplane/os/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};

class Process : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = testing::TempDir() + "process_testXXXXXX";
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    folder = path;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  // How a shell's line ended.
  ProcessResult run(const std::string& line, milliseconds limit = kLong,
                    std::vector<std::string> environment = {}, const std::string& user = "") {
    ProcessResult result;
    boost::asio::io_context io;
    run_process(io, {{"sh", "-c", line}, std::move(environment), user}, limit,
                [&result](const ProcessResult& ended) { result = ended; });
    io.run();
    return result;
  }
  // "" while it is not there.
  std::string read(const std::string& name) const {
    std::ifstream file(folder + "/" + name);
    std::string text;
    std::getline(file, text);
    return text;
  }
  std::string wait_for(const std::string& name) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      if (std::string text = read(name); !text.empty()) return text;
    }
    return {};
  }
  // It may be a zombie for a moment, until whoever inherited it has taken notice.
  static bool ends(const std::string& pid) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      if (kill(std::stoi(pid), 0) != 0 && errno == ESRCH) return true;
      std::ifstream file("/proc/" + pid + "/stat");
      std::string stat;
      std::getline(file, stat);
      if (stat.find(") Z ") != std::string::npos) return true;
    }
    return false;
  }
  // Writes the pid of a child that would go on for long.
  std::string child() const {
    return "sleep 1000 & echo $! > " + folder + "/new; mv " + folder + "/new " + folder +
           "/child; ";
  }

  std::string folder;
};

TEST_F(Process, ReportsTheExitStatus) {
  EXPECT_TRUE(run("exit 0").good);
  EXPECT_EQ(run("exit 0").error, "");
  EXPECT_FALSE(run("exit 3").good);
  EXPECT_EQ(run("exit 3").error, "exit status 3");
  EXPECT_EQ(run("kill -TERM $$").error, "ended by signal 15");
}

TEST_F(Process, ReportsAProgramThatCannotBeStarted) {
  EXPECT_EQ(run("exit 0", kLong, {}, "ballast-no-such-user").error,
            "there is no user ballast-no-such-user");
  ProcessResult result;
  boost::asio::io_context io;
  run_process(io, {{folder + "/absent"}, {}, ""}, kLong,
              [&result](const ProcessResult& ended) { result = ended; });
  io.run();
  EXPECT_EQ(result.error, "exit status 127: not found, or the user may not run it");
}

TEST_F(Process, AddsVariablesToTheEnvironment) {
  setenv("BALLAST_TEST_OURS", "ours", 1);
  EXPECT_TRUE(run("test \"$BALLAST_TEST_OURS $BALLAST_TEST_ITS\" = 'ours its own'", kLong,
                  {"BALLAST_TEST_ITS=its own"})
                  .good);
}

TEST_F(Process, KillsAProgramAndItsChildrenAfterTheLimit) {
  EXPECT_EQ(run(child() + "wait", milliseconds(200)).error, "killed after 200 ms");
  EXPECT_TRUE(ends(wait_for("child")));
}

TEST_F(Process, KillsChildrenWhenTheProgramEnds) {
  EXPECT_TRUE(run(child() + "exit 0").good);
  EXPECT_TRUE(ends(wait_for("child")));
}

// Whoever started us may ignore SIGCHLD, and then the kernel keeps no exit status.
TEST_F(Process, AnUnknownExitStatusIsNotGood) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  const ProcessResult result = run("exit 0");
  std::signal(SIGCHLD, before);
  EXPECT_FALSE(result.good);
  EXPECT_FALSE(result.status);
  EXPECT_EQ(result.error, "its exit status is unknown");
}

TEST_F(Process, ProgramsAreEndedByABrokenPipe) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  const ProcessResult result = run("kill -PIPE $$");
  std::signal(SIGPIPE, before);
  EXPECT_EQ(result.error, "ended by signal 13");
}

TEST_F(Process, KillsTheProgramWithTheEventLoop) {
  bool called = false;
  std::optional<boost::asio::io_context> io(std::in_place);
  run_process(*io, {{"sh", "-c", child() + "wait"}, {}, ""}, kLong,
              [&called](const ProcessResult&) { called = true; });
  const std::string pid = wait_for("child");
  ASSERT_NE(pid, "");
  io.reset();
  EXPECT_TRUE(ends(pid));
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace lb::controlplane
