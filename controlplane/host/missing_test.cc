#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "controlplane/host/host.h"
#include "controlplane/os/process.h"
#include "controlplane/os/test_user.h"

namespace lb::controlplane::host {
namespace {

constexpr const char* kKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

class Missing : public testing::Test {
 protected:
  Missing() {
    std::string pattern = "/tmp/ballast-host-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    config_.director.run_dir = folder_ + "/run";
    config_.director.state_dir = folder_ + "/state/below";
    config_.dataplane.memory = config::Memory::kNoHuge;
  }
  ~Missing() override { std::filesystem::remove_all(folder_); }

  std::string make(const std::string& name, const std::string& text, mode_t mode) {
    const std::string path = folder_ + '/' + name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  // By path in the configuration; each key has one message at most.
  std::map<std::string, std::string> found() const {
    std::map<std::string, std::string> all;
    for (const config::Problem& each : missing(config_)) {
      EXPECT_TRUE(all.emplace(each.path, each.message).second) << each.path;
    }
    return all;
  }
  // The only one.
  std::string only(const std::string& path) const {
    const auto all = found();
    EXPECT_EQ(all.size(), 1u);
    const auto one = all.find(path);
    return one == all.end() ? "nothing at " + path : one->second;
  }

  std::string folder_;
  config::Config config_;
};

TEST_F(Missing, NothingOfAPlainConfiguration) {
  EXPECT_EQ(found(), (std::map<std::string, std::string>{}));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/state")) << "a check makes nothing";
}

TEST_F(Missing, Folders) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  config_.director.state_dir = make("file", "", 0600) + "/state";
  EXPECT_NE(only("director.state_dir").find("/file"), std::string::npos);
  config_.director.state_dir = folder_ + "/file";
  EXPECT_EQ(only("director.state_dir"),
            "state_dir: " + folder_ + "/file is no folder; make it, or name another one");
  config_.director.state_dir = folder_;
  ::chmod(folder_.c_str(), 0500);
  config_.director.run_dir = "/run";
  EXPECT_NE(only("director.state_dir").find("cannot be"), std::string::npos);
}

TEST_F(Missing, AuditFile) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  config_.director.audit_file = folder_ + "/log/audit.log";
  EXPECT_EQ(only("director.audit_file"), "audit_file: " + folder_ +
                                             "/log cannot be opened: No such file or directory; "
                                             "make it, or name another one");
  std::filesystem::create_directory(folder_ + "/log");
  EXPECT_TRUE(found().empty());
  std::filesystem::create_directory(folder_ + "/log/audit.log");
  EXPECT_EQ(only("director.audit_file"),
            "audit_file: " + folder_ + "/log/audit.log is no regular file; name another file");
}

TEST_F(Missing, FolderOfLogsThatTheUnitsMake) {
  config_.director.audit_file = "/var/log/ballast/audit.log";
  EXPECT_EQ(found(), (std::map<std::string, std::string>{}));
}

TEST_F(Missing, WhatOnlyRootWritesToIsNoMistakeOfOthers) {
  ::chmod(folder_.c_str(), 0700);
  config_.director.run_dir = make("file", "", 0600);
  config_.director.audit_file = folder_ + "/log/audit.log";
  if (::geteuid() == 0) {
    EXPECT_EQ(found().size(), 2u);
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const auto all = found();
  if (::getuid() == 0) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_EQ(all, (std::map<std::string, std::string>{}));
}

TEST_F(Missing, SyncKey) {
  config_.ha.sync.emplace().key_file = folder_ + "/sync.key";
  EXPECT_EQ(only("ha.sync.key_file"), "key_file: " + folder_ +
                                          "/sync.key cannot be opened: No such file or directory; "
                                          "make it, or name another key");
  make("sync.key", kKey, 0640);
  EXPECT_EQ(
      only("ha.sync.key_file"),
      "key_file: " + folder_ + "/sync.key: accessible to others than its owner; run chmod 600");
  make("sync.key", "abc", 0600);
  EXPECT_NE(only("ha.sync.key_file").find("is not 64 hexadecimal digits"), std::string::npos);
  make("sync.key", kKey, 0600);
  EXPECT_TRUE(found().empty());
}

TEST_F(Missing, SyncCertificates) {
  config::HaSync& sync = config_.ha.sync.emplace();
  sync.certificate_file = make("cert.pem", "x", 0644);
  sync.private_key_file = make("key.pem", "x", 0600);
  sync.ca_file = folder_ + "/none.pem";
  EXPECT_NE(only("ha.sync.ca_file").find("No such file"), std::string::npos);
  sync.ca_file = make("ca.pem", "x", 0644);
  EXPECT_NE(only("ha.sync.certificate_file").find("no certificate"), std::string::npos);
}

TEST_F(Missing, ProgramsAndTheirUsers) {
  config_.alert.script = {folder_ + "/alert.sh"};
  config_.alert.script_user = test::own_user();
  config_.ha.notify_user = test::own_user();
  EXPECT_NE(only("alert.script").find("No such file"), std::string::npos);
  make("alert.sh", "#!/bin/sh\n", 0600);
  EXPECT_NE(only("alert.script")
                .find("cannot be run by user " + test::own_user() + ": Permission denied"),
            std::string::npos);
  make("alert.sh", "#!/bin/sh\n", 0700);
  EXPECT_TRUE(found().empty());
  config_.alert.script_user = "no-such-user";
  EXPECT_EQ(only("alert.script_user"),
            "script_user: there is no user no-such-user on this machine; make it with useradd "
            "--system no-such-user");
  // Never silently as whom the control plane is.
  config_.alert.script_user.clear();
  if (::getpwnam(config::kScriptUser) == nullptr) {
    EXPECT_EQ(only("alert.script"),
              "script: there is no user ballast-script on this machine; make it with useradd "
              "--system ballast-script, or name another one");
  }
  config_.alert.script_user = test::own_user();
  config_.ha.notify = {"no-such-program"};
  EXPECT_EQ(only("ha.notify"), std::string("notify: there is no program no-such-program in ") +
                                   kProgramPath + "; install it, or write its absolute path");
  config_.ha.notify = {"sh"};
  EXPECT_TRUE(found().empty());
  config_.ha.notify = {folder_};
  EXPECT_NE(only("ha.notify").find("is no program"), std::string::npos);
}

// Programs are searched where the daemons search, whatever PATH the caller has.
TEST_F(Missing, ProgramsInPath) {
  const std::string before = std::getenv("PATH");
  config_.alert.script_user = test::own_user();
  ::setenv("PATH", folder_.c_str(), 1);
  make("ballast-tool", "#!/bin/sh\n", 0700);
  config_.alert.script = {"ballast-tool"};
  EXPECT_NE(only("alert.script").find("there is no program ballast-tool in /usr/local/sbin:"),
            std::string::npos);
  config_.alert.script = {"sh"};
  EXPECT_TRUE(found().empty());
  ::setenv("PATH", before.c_str(), 1);
}

TEST_F(Missing, ProgramsOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  config_.ha.scripts.emplace_back().command = {make("check.sh", "#!/bin/sh\n", 0755)};
  config_.ha.scripts[0].user = "nobody";
  EXPECT_NE(only("ha.script[0].command").find("cannot be run by user nobody: Permission denied"),
            std::string::npos)
      << "the folder is root's";
  ::chmod(folder_.c_str(), 0755);
  EXPECT_TRUE(found().empty());
}

TEST_F(Missing, FilesOfChecks) {
  config::Service& service = config_.services.emplace_back();
  service.check.type = config::CheckType::kHttps;
  service.check.tls_ca_file = make("ca.pem", "no PEM", 0644);
  EXPECT_NE(only("service[0].check.tls_ca_file").find("no certificate in PEM form"),
            std::string::npos);
  service.check.tls_verify = false;
  EXPECT_TRUE(found().empty()) << "it is not read";
  service.check = {};
  config::Check& own = service.real_servers.emplace_back().check.emplace();
  own.type = config::CheckType::kRedis;
  own.password_file = make("password", "", 0600);
  EXPECT_NE(only("service[0].real_server[0].check.password_file").find("is empty"),
            std::string::npos);
}

TEST_F(Missing, FilesOfMail) {
  config::AlertMail& mail = config_.alert.mail.emplace();
  mail.password_file = make("password", "secret", 0644);
  EXPECT_NE(only("alert.mail.password_file").find("chmod 600"), std::string::npos);
}

TEST_F(Missing, WhatTheOwnerKeepsFromRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  config_.ha.sync.emplace().key_file = make("sync.key", kKey, 0600);
  ASSERT_EQ(::chown((folder_ + "/sync.key").c_str(), 65534, 65534), 0);
  EXPECT_EQ(only("ha.sync.key_file"), "key_file: " + folder_ +
                                          "/sync.key cannot be read by lb-controlplane: Permission "
                                          "denied; chown root " +
                                          folder_ + "/sync.key");
}

TEST_F(Missing, Devices) {
  config_.ports.emplace_back().device = "net_af_packet0,iface=no-such-if,framecnt=4096";
  config_.ports.emplace_back().device = "0000:ff:1f.7";
  config_.ports.emplace_back().device = "net_af_xdp0,iface=lo";
  config_.ports.emplace_back().device = "net_tap0,iface=new";
  config_.ports.emplace_back().device = "net_vhost0,iface=/run/new.sock";
  const auto all = found();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all.at("port[0].device"),
            "device: there is no interface no-such-if on this machine; ip link lists them");
  EXPECT_EQ(all.at("port[1].device"),
            "device: there is no PCI device 0000:ff:1f.7 on this machine; dpdk-devbind.py "
            "--status lists them");
}

TEST_F(Missing, Hugepages) {
  config_.dataplane.memory = config::Memory::kHugepages;
  config_.dataplane.memory_mb = 1 << 20;
  EXPECT_NE(only("dataplane.memory_mb|dataplane.memory|dataplane").find("MB of hugepages"),
            std::string::npos);
}

TEST_F(Missing, Drivers) {
  config_.dataplane.drivers = make("net.so", "", 0666);
  EXPECT_NE(only("dataplane.drivers").find("chmod o-w"), std::string::npos);
  ::chmod(config_.dataplane.drivers.c_str(), 0644);
  EXPECT_TRUE(found().empty());
}

}  // namespace
}  // namespace lb::controlplane::host
