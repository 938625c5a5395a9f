// lbcli import: where its output goes, and when it fails. What it makes of files is tested beside the importers.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "controlplane/cli/fake_daemon.h"

namespace lb::cli {
namespace {

constexpr const char* kOrigin =
    "global_defs {\n router_id LB\n smtp_alert\n}\n"
    "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n "
    "192.0.2.10/24\n }\n}\n";

class ImportCommand : public testing::Test {
 protected:
  ImportCommand() {
    std::string pattern = "/tmp/ballast-import-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    write("keepalived.conf", kOrigin);
  }
  ~ImportCommand() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + '/' + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  Ran import(std::vector<std::string> more) const {
    std::vector<std::string> words = {"import", "keepalived", path("keepalived.conf")};
    words.insert(words.end(), more.begin(), more.end());
    return run_lbcli(words);
  }

  std::string folder_;
};

TEST_F(ImportCommand, WritesToStdoutAndNotesToStderr) {
  const Ran ran = import(
      {"--ports", "wan=eth0", "--device", "wan=0000:03:00.0", "--address", "wan=192.0.2.2/24"});
  EXPECT_EQ(ran.status, kOk);
  EXPECT_TRUE(ran.out.starts_with("# Made by lbcli import.\n")) << ran.out;
  EXPECT_NE(ran.out.find("device = \"0000:03:00.0\"\naddresses = [\"192.0.2.2/24\"]\n"),
            std::string::npos)
      << ran.out;
  EXPECT_NE(ran.err.find("keepalived.conf:3: warning: smtp_alert: "), std::string::npos) << ran.err;
}

TEST_F(ImportCommand, ReplacesOnlyWhatAnImportMade) {
  EXPECT_EQ(import({"-o", path("lb.toml")}).status, kOk);
  const std::string first = read("lb.toml");
  struct stat status {};
  ASSERT_EQ(::stat(path("lb.toml").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(import({"-o", path("lb.toml"), "--ports", "wan=eth0"}).status, kOk);
  EXPECT_NE(read("lb.toml"), first);

  write("other.toml", "[director]\n");
  const Ran refused = import({"-o", path("other.toml")});
  EXPECT_EQ(refused.status, kFailed);
  EXPECT_NE(refused.err.find("was not made by lbcli import"), std::string::npos) << refused.err;
  EXPECT_EQ(read("other.toml"), "[director]\n");
}

TEST_F(ImportCommand, KeepsWhatAnOperatorChanged) {
  EXPECT_EQ(import({"-o", path("lb.toml")}).status, kOk);
  const std::string edited = read("lb.toml") + "# mine\n";
  write("lb.toml", edited);
  const Ran refused = import({"-o", path("lb.toml")});
  EXPECT_EQ(refused.status, kFailed);
  EXPECT_NE(refused.err.find("was changed since its import"), std::string::npos) << refused.err;
  EXPECT_EQ(read("lb.toml"), edited);
}

TEST_F(ImportCommand, WritesBothFilesOfAPairOrNone) {
  write("backup.conf", kOrigin);
  write("lb.peer.toml", "[director]\n");
  EXPECT_EQ(import({path("backup.conf"), "-o", path("lb.toml")}).status, kFailed);
  EXPECT_FALSE(std::filesystem::exists(path("lb.toml")));
}

TEST_F(ImportCommand, HasAddressesOfBothDirectors) {
  write("backup.conf", kOrigin);
  const std::vector<std::string> own = {path("backup.conf"), "-o",       path("lb.toml"),
                                        "--ports",           "wan=eth0", "--address",
                                        "wan=192.0.2.2/24"};
  EXPECT_EQ(import(own).status, kOk);
  EXPECT_NE(read("lb.toml").find("[\"192.0.2.2/24\"]"), std::string::npos);
  EXPECT_EQ(read("lb.peer.toml").find("[\"192.0.2.2/24\"]"), std::string::npos);
  std::vector<std::string> both = own;
  both.insert(both.end(), {"--peer-address", "wan=192.0.2.3/24"});
  EXPECT_EQ(import(both).status, kOk);
  EXPECT_NE(read("lb.peer.toml").find("[\"192.0.2.3/24\"]"), std::string::npos);
  EXPECT_EQ(import({"--peer-address", "eth0=192.0.2.3/24"}).status, kUsage) << "there is no peer";
}

TEST_F(ImportCommand, TakesKeepalivedConfOfAFolder) {
  write("notify.sh", "#!/bin/sh\n");
  write("keepalived.conf.sample", kOrigin);
  const Ran ran = run_lbcli({"import", "keepalived", folder_});
  EXPECT_EQ(ran.status, kOk) << ran.err;
}

TEST_F(ImportCommand, IsStrict) {
  EXPECT_EQ(import({"--strict", "-o", path("lb.toml")}).status, kFailed);
  std::string quiet = kOrigin;
  quiet.replace(quiet.find(" smtp_alert\n"), 12, "");
  quiet.replace(quiet.find(" interface"), 0, " state MASTER\n");
  write("keepalived.conf", quiet);
  EXPECT_EQ(import({"--strict", "-o", path("info.toml")}).status, kOk) << "an info needs nothing";
  write("keepalived.conf", kOrigin);
  const Ran ran = import({"--strict", "-o", path("lb.toml")});
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_FALSE(std::filesystem::exists(path("lb.toml")));
}

TEST_F(ImportCommand, ComparesAPair) {
  std::string other = kOrigin;
  other.replace(other.find("51"), 2, "52\n priority 90");
  other.replace(other.find("LB"), 2, "LB2");
  write("backup.conf", other);
  const Ran ran = import({path("backup.conf"), "-o", path("lb.toml"), "--json"});
  EXPECT_EQ(ran.status, kOk);
  const auto report = nlohmann::json::parse(ran.out);
  EXPECT_EQ(report["directors"].size(), 2U);
  EXPECT_EQ(report["differences"][0]["keyword"], "virtual_router_id");
  EXPECT_EQ(report["differences"][0]["line"], 7);
  EXPECT_TRUE(std::filesystem::exists(path("lb.peer.toml")));
}

TEST_F(ImportCommand, RefusesWhatItCannotRead) {
  EXPECT_EQ(run_lbcli({"import", "keepalivd", path("keepalived.conf")}).err,
            "lbcli: unknown format keepalivd; did you mean keepalived?\n");
  const Ran none = run_lbcli({"import", "keepalived", path("none.conf")});
  EXPECT_EQ(none.status, kUsage);
  EXPECT_NE(none.err.find(path("none.conf")), std::string::npos) << none.err;
  EXPECT_EQ(import({"--device", "wna=0000:03:00.0"}).err,
            "lbcli: --device wna: there is no port of this name; there is eth0\n");
  EXPECT_EQ(import({"--device", "eth0=a", "--device", "eth0=b"}).status, kUsage);
  EXPECT_EQ(import({"--ports", "eth0"}).status, kUsage);
  EXPECT_EQ(import({"--address", "wan=192.0.2.300/24"}).status, kUsage);
  write("keepalived.conf", "hello world\n");
  EXPECT_EQ(import({}).status, kUsage);
}

}  // namespace
}  // namespace lb::cli
