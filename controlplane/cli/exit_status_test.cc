// One and the same mistake has the same exit status with every command.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/fake_daemon.h"
#include "controlplane/cli/options.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/error_codec.h"

namespace lb::cli {
namespace {

using Words = std::vector<std::string>;
using Dataplane = Daemon<api::Request, api::Response>;
using Controlplane = Daemon<api::control::Request, api::control::Response>;

// Each command with arguments that are in order; FILE is one that can be read.
const std::map<std::string, Words> kArguments = {
    {"show service", {}},
    {"show conn", {"--rs", "10.0.0.11:80"}},
    {"show persistence", {}},
    {"show rs", {}},
    {"show check", {}},
    {"show port", {}},
    {"show punt", {}},
    {"show table", {}},
    {"show lcore", {}},
    {"show stats", {}},
    {"show drops", {}},
    {"show ha", {}},
    {"show sync", {}},
    {"show alert", {}},
    {"show changes", {}},
    {"flush conn", {"--service", "web"}},
    {"flush persistence", {"--service", "web"}},
    {"set rs", {"web", "10.0.0.11:80", "maint"}},
    {"set service", {"web", "scheduler", "rr"}},
    {"set health", {"believe"}},
    {"ha switchover", {}},
    {"ha resign", {}},
    {"ha freeze", {}},
    {"ha thaw", {}},
    {"ha retry", {}},
    {"ha confirm", {}},
    {"alert test", {}},
    {"check", {"FILE"}},
    {"import", {"keepalived", "FILE"}},
    {"reload", {}},
    {"diff", {"FILE"}},
    {"commit", {"FILE"}},
    {"confirm", {}},
    {"rollback", {}},
    {"version", {}},
};

bool asks_daemons(const std::string& command) {
  return command != "check" && command != "import" && command != "version";
}

class ExitStatus : public testing::Test {
 protected:
  ExitStatus() {
    std::string pattern = "/tmp/ballast-lbcli-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(folder_ + "/next.toml")
        << "[director]\nname = \"a\"\n[dataplane]\nlcores = \"0\"\n[[port]]\nname = \"wan\"\n"
           "device = \"net_tap0\"\naddresses = [\"192.0.2.2/24\"]\n";
  }
  ~ExitStatus() override { std::filesystem::remove_all(folder_); }

  // Both daemons answer every request with this error.
  void refuse(const Error& error) {
    dataplane_.emplace(folder_ + "/dataplane.sock", "lb-dataplane",
                       [error](const api::Request&) -> Dataplane::Server::Answer {
                         return api::error_response<api::Response>(error);
                       });
    controlplane_.emplace(folder_ + "/controlplane.sock", "lb-controlplane",
                          [error](const api::control::Request&) -> Controlplane::Server::Answer {
                            return api::error_response<api::control::Response>(error);
                          });
  }

  Words words(const std::string& command) const {
    Words all = {"--run-dir", folder_};
    std::istringstream in(command);
    for (std::string word; in >> word;) all.push_back(word);
    for (const std::string& word : kArguments.at(command)) {
      all.push_back(word == "FILE" ? folder_ + "/next.toml" : word);
    }
    return all;
  }

  void expect(int status, const std::string& error) {
    for (const auto& [command, arguments] : kArguments) {
      if (!asks_daemons(command)) continue;
      const Ran ran = run_lbcli(words(command));
      EXPECT_EQ(ran.status, status) << command << ": " << ran.err;
      EXPECT_EQ(ran.out, "") << command;
      EXPECT_NE(ran.err.find(error), std::string::npos) << command << ": " << ran.err;
      EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << command << ": " << ran.err;
    }
  }

  std::string folder_;
  std::optional<Dataplane> dataplane_;
  std::optional<Controlplane> controlplane_;
};

TEST_F(ExitStatus, TheTestHasEveryCommand) {
  for (const CommandHelp& command : all_commands()) {
    EXPECT_TRUE(kArguments.contains(command.name)) << command.name;
  }
}

TEST_F(ExitStatus, OfAWrongRequest) {
  refuse({"unknown service wb; did you mean web?", ErrorKind::kWrongRequest});
  expect(kUsage, "lbcli: unknown service wb; did you mean web?\n");
}

TEST_F(ExitStatus, OfARefusal) {
  refuse({"this director is not master"});
  expect(kFailed, "lbcli: this director is not master\n");
}

TEST_F(ExitStatus, OfMissingRights) {
  refuse({"permission denied: it is for root", ErrorKind::kDenied});
  expect(kFailed, "lbcli: permission denied: it is for root\n");
}

TEST_F(ExitStatus, OfADaemonThatStarts) {
  refuse({"lb-dataplane is still starting", ErrorKind::kUnreachable});
  expect(kDaemonDown, "lbcli: lb-dataplane is still starting\n");
}

TEST_F(ExitStatus, OfADaemonThatIsDown) {
  expect(kDaemonDown, " is not running: no answer at " + folder_);
}

// It accepts and closes.
TEST_F(ExitStatus, OfADaemonThatGoesAway) {
  std::vector<std::thread> threads;
  std::vector<int> sockets;
  for (const char* name : {"/dataplane.sock", "/controlplane.sock"}) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder_ + name).copy(address.sun_path, sizeof(address.sun_path) - 1);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(listener, 100), 0);
    sockets.push_back(listener);
    threads.emplace_back([listener] {
      for (int fd = 0; (fd = ::accept(listener, nullptr, nullptr)) >= 0;) ::close(fd);
    });
  }
  expect(kDaemonDown, " closed the connection\n");
  for (const int each : sockets) ::shutdown(each, SHUT_RDWR);
  for (std::thread& each : threads) each.join();
  for (const int each : sockets) ::close(each);
}

TEST_F(ExitStatus, OfWrongArguments) {
  refuse({"not asked", ErrorKind::kFailed});
  for (const auto& [command, arguments] : kArguments) {
    Words unknown = words(command);
    unknown.emplace_back("--no-such-option");
    Words extra = words(command);
    extra.insert(extra.end(), {"one", "more", "word"});
    for (const Words& each : {unknown, extra}) {
      const Ran ran = run_lbcli(each);
      EXPECT_EQ(ran.status, kUsage) << command << ": " << ran.err;
      EXPECT_EQ(ran.err.find("not asked"), std::string::npos) << command << ": " << ran.err;
    }
    const bool positional = !arguments.empty() && !arguments.front().starts_with("--");
    if (!positional) continue;
    Words missing = words(command);
    missing.pop_back();
    EXPECT_EQ(run_lbcli(missing).status, kUsage) << command;
  }
}

TEST_F(ExitStatus, OfABadAddress) {
  for (const Words& each :
       {Words{"show", "conn", "--rs", "10.0.0.300"}, Words{"flush", "conn", "--rs", "10.0.0.300"},
        Words{"set", "rs", "web", "10.0.0.300", "maint"}}) {
    const Ran ran = run_lbcli(each);
    EXPECT_EQ(ran.status, kUsage) << ran.err;
    EXPECT_NE(ran.err.find("\"10.0.0.300\""), std::string::npos) << ran.err;
  }
}

TEST_F(ExitStatus, OfAFileThatIsMissing) {
  for (const char* command : {"check", "diff", "commit"}) {
    const Ran ran = run_lbcli({"--run-dir", folder_, command, folder_ + "/none.toml"});
    EXPECT_EQ(ran.status, kUsage) << ran.err;
    EXPECT_NE(ran.err.find("none.toml: cannot be opened"), std::string::npos) << ran.err;
  }
}

}  // namespace
}  // namespace lb::cli
