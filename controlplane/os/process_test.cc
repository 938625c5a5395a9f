// Real programs.
#include "controlplane/os/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
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

// All that it gets is what it is documented to get.
TEST_F(Process, GivesNothingOfOurs) {
  setenv("BALLAST_TEST_OURS", "ours", 1);
  setenv("PATH", (folder + ":/bin:/usr/bin").c_str(), 1);
  umask(0);
  const int fd = open(folder.c_str(), O_RDONLY);  // without O_CLOEXEC
  for (const int number : {SIGHUP, SIGUSR1}) std::signal(number, SIG_IGN);
  const std::string out = folder + "/out";
  EXPECT_EQ(run("env | sort | tr '\\n' ' ' > " + out + "; pwd >> " + out + "; umask >> " + out +
                    "; readlink /proc/self/fd/[0-9]* | tr '\\n' ' ' >> " + out + "; echo >> " +
                    out + "; grep -E 'SigIgn|SigBlk|CapAmb|CapInh' /proc/self/status >> " + out,
                kLong, {"BALLAST_TEST_ITS=its own"})
                .error,
            "");
  close(fd);
  for (const int number : {SIGHUP, SIGUSR1}) std::signal(number, SIG_DFL);
  std::ifstream file(out);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text.find("ours"), std::string::npos) << text;
  EXPECT_EQ(text.find(folder), std::string::npos) << text;
  EXPECT_NE(text.find("BALLAST_TEST_ITS=its own PATH=" + std::string(kProgramPath)),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n0077\n"), std::string::npos) << text;
  EXPECT_NE(text.find("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000"), std::string::npos)
      << text;
  EXPECT_NE(text.find("CapInh:\t0000000000000000"), std::string::npos) << text;
  EXPECT_NE(text.find("CapAmb:\t0000000000000000"), std::string::npos) << text;
}

TEST_F(Process, RunsAScriptWithoutAnInterpreterLine) {
  std::ofstream(folder + "/plain") << "test \"$1 $2\" = 'a b c' || exit 3\n";
  std::filesystem::permissions(folder + "/plain", std::filesystem::perms::owner_all);
  ProcessResult result;
  boost::asio::io_context io;
  run_process(io, {{folder + "/plain", "a", "b c"}, {}, ""}, kLong,
              [&result](const ProcessResult& ended) { result = ended; });
  io.run();
  EXPECT_EQ(result.error, "");
}

TEST_F(Process, RunsAsAnotherUserWithoutAnyCapability) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(run("test $(id -un) = nobody && grep -q 'CapEff:.0*$' /proc/self/status && "
                "grep -q 'CapPrm:.0*$' /proc/self/status && test -z \"$(id -G | tr -d 0-9)\"",
                kLong, {}, "nobody")
                .error,
            "");
}

TEST_F(Process, KillsAProgramAndItsChildrenAfterTheLimit) {
  EXPECT_EQ(run(child() + "wait", milliseconds(200)).error, "killed after 200 ms");
  EXPECT_TRUE(ends(wait_for("child")));
}

TEST_F(Process, KillsAProgramAndItsChildrenOnDemand) {
  boost::asio::io_context io;
  ProcessResult result;
  const auto kill = run_process(io, {{"sh", "-c", child() + "wait"}, {}, ""}, kLong,
                                [&result](const ProcessResult& ended) { result = ended; });
  const std::string pid = wait_for("child");
  ASSERT_NE(pid, "");
  kill();
  io.run();
  EXPECT_EQ(result.error, "killed");
  EXPECT_TRUE(ends(pid));
  kill();
}

TEST_F(Process, KillsChildrenWhenTheProgramEnds) {
  EXPECT_TRUE(run(child() + "exit 0").good);
  EXPECT_TRUE(ends(wait_for("child")));
}

TEST_F(Process, LeavesADaemonBehindIfItsStartWasGood) {
  for (const bool good : {true, false}) {
    boost::asio::io_context io;
    ProcessResult result;
    run_process(io, {{"sh", "-c", child() + (good ? "exit 0" : "exit 1")}, {}, "", true}, kLong,
                [&result](const ProcessResult& ended) { result = ended; });
    io.run();
    EXPECT_EQ(result.good, good);
    const std::string pid = wait_for("child");
    if (good) {
      EXPECT_EQ(::kill(std::stoi(pid), 0), 0);
      EXPECT_EQ(::kill(std::stoi(pid), SIGKILL), 0);
    }
    EXPECT_TRUE(ends(pid));
    std::filesystem::remove(folder + "/child");
  }
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
