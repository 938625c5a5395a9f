// Interfaces of a network namespace that each test has for itself.
#include "dataplane/lcore/host_interface.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "dataplane/lcore/host_notes.h"

namespace lb {
namespace {

namespace fs = std::filesystem;

class HostInterface : public testing::Test {
 protected:
  void SetUp() override {
    if (!enter()) GTEST_SKIP() << "needs root";
    fs::create_directories(run_dir);
  }
  void TearDown() override { fs::remove_all(run_dir); }

  // A new namespace with an interface that has settings of its own.
  static bool enter() {
    if (unshare(CLONE_NEWNET) != 0) return false;
    make();
    return true;
  }
  static void make() {
    shell("ip link add host0 type veth peer name peer && ip link set host0 mtu 1400 up");
    set("ipv4", "arp_ignore", "3");
    shell("ip address add 2001:db8::2/64 dev host0 nodad");
  }
  static void shell(const std::string& command) {
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  static std::string path(const std::string& family, const std::string& key,
                          const std::string& interface) {
    return "/proc/sys/net/" + family + "/conf/" + interface + "/" + key;
  }
  static void set(const std::string& family, const std::string& key, const std::string& value,
                  const std::string& interface = "host0") {
    std::ofstream file(path(family, key, interface));
    file << value << std::flush;
    ASSERT_TRUE(file.good()) << key;
  }
  static std::string output(const std::string& command) {
    FILE* const pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return "no pipe";
    std::string text;
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += c == '\n' ? ' ' : static_cast<char>(c);
    pclose(pipe);
    return text;
  }
  // As kBefore.
  static std::string settings(const std::string& interface = "host0") {
    return output("ip -o link show dev " + interface + " | grep -o 'mtu [0-9]*'") +
           output("cat " + path("ipv4", "arp_ignore", interface)) +
           output("ip -6 -o address show dev " + interface + " scope global | awk '{print $4}'");
  }
  // As a data plane that is killed leaves it.
  void change_and_die() {
    killed.push_back(new HostInterfaces(run_dir));  // its destructor does not run
    ASSERT_TRUE(killed.back()->remember("host0", 1500, true));
    shell("ip link set host0 mtu 1500");
    keep_stack_off("host0", "port wan");
    ASSERT_EQ(settings(), kOurs);
  }
  bool noted() const { return fs::exists(run_dir + "/host-interfaces"); }
  std::string file() const {
    std::ostringstream text;
    text << std::ifstream(run_dir + "/host-interfaces").rdbuf();
    return text.str();
  }

  // MTU, arp_ignore, IPv6 addresses.
  static constexpr const char* kBefore = "mtu 1400 3 2001:db8::2/64 ";
  static constexpr const char* kOurs = "mtu 1500 8 ";
  const std::string run_dir =
      fs::temp_directory_path() / ("host-interface-" + std::to_string(getpid()));
  inline static auto& killed = *new std::vector<HostInterfaces*>;  // never destroyed
};

TEST_F(HostInterface, HasItsSettingsBackAfterTheEnd) {
  {
    HostInterfaces host(run_dir);
    ASSERT_TRUE(host.remember("absent", 1500, true));
    ASSERT_TRUE(host.remember("host0", 1500, true));
    shell("ip link set host0 mtu 1500");
    keep_stack_off("host0", "port wan");
    EXPECT_EQ(settings(), kOurs);
  }
  EXPECT_EQ(settings(), kBefore);
  EXPECT_FALSE(noted());
}

TEST_F(HostInterface, HasItsSettingsBackAfterAKill) {
  change_and_die();
  EXPECT_TRUE(noted());
  restore_host_interfaces(run_dir);
  EXPECT_EQ(settings(), kBefore);
  EXPECT_FALSE(noted());
}

TEST_F(HostInterface, IsTheSameWithAnotherNameOrMac) {
  change_and_die();
  shell("ip link set host0 down && ip link set host0 name renamed && ip link set renamed up");
  restore_host_interfaces(run_dir);
  EXPECT_EQ(settings("renamed"), kBefore);
  shell("ip link set renamed down && ip link set renamed name host0 && ip link set host0 up");
  shell("ip address add 2001:db8::2/64 dev host0 nodad");  // the link was down
  change_and_die();
  shell("ip link set host0 address 02:00:00:00:00:07");
  restore_host_interfaces(run_dir);
  EXPECT_EQ(settings(), kBefore);
}

// With our values, so that only what it is keeps it from being changed.
TEST_F(HostInterface, AnotherOneWithItsNumberStaysAsItIs) {
  change_and_die();
  const unsigned index = if_nametoindex("host0");
  shell("ip link del host0");
  shell("ip link add other index " + std::to_string(index) + " type veth peer name peer");
  set("ipv4", "arp_ignore", "8", "other");
  restore_host_interfaces(run_dir);
  EXPECT_EQ(settings("other"), kOurs);
  EXPECT_FALSE(noted());
}

TEST_F(HostInterface, NotesOfAnotherNamespaceOrBootDoNotCount) {
  change_and_die();
  ASSERT_TRUE(enter());  // the same name and number
  set("ipv4", "arp_ignore", "8");
  restore_host_interfaces(run_dir);
  EXPECT_EQ(settings(), "mtu 1400 8 2001:db8::2/64 ");
  fs::remove(run_dir + "/host-interfaces");
  set("ipv4", "arp_ignore", "3");

  change_and_die();
  std::string text = file();
  ASSERT_TRUE(text.starts_with("boot "));
  text[5] = text[5] == '0' ? '1' : '0';
  std::ofstream(run_dir + "/host-interfaces") << text;
  restore_host_interfaces(run_dir);
  EXPECT_EQ(settings(), kOurs);
  // Notes of our own replace them.
  HostInterfaces next(run_dir);
  set("ipv4", "arp_ignore", "4");
  ASSERT_TRUE(next.remember("host0", 1500, true));
  EXPECT_EQ(read_host_notes(run_dir).value().size(), 2U);  // promiscuous, arp_ignore
}

// Nothing of it becomes a path or a setting.
TEST_F(HostInterface, DamagedNotesAreRefused) {
  change_and_die();
  const std::string good = file();
  const std::string notes = run_dir + "/host-interfaces";
  for (const char* const line :
       {"1 host0", "x host0 02:00:00:00:00:01 mtu 1 2", "1 host0 m ../../../tmp/x 1 2",
        "1 host0 m mtu $(x) 2", "1 host0 m address6 12/64 -", "1 host0 m address6 zz/64 -"}) {
    std::ofstream(notes) << good << line << '\n';
    const auto read = read_host_notes(run_dir);
    ASSERT_FALSE(read) << line;
    EXPECT_NE(read.error().message.find("is damaged in line "), std::string::npos)
        << read.error().message;
    restore_host_interfaces(run_dir);
    EXPECT_EQ(settings(), kOurs) << line;
  }
  std::ofstream(notes) << good;
  fs::permissions(notes, fs::perms::others_write, fs::perm_options::add);
  EXPECT_NE(read_host_notes(run_dir).error().message.find("is writable by everybody"),
            std::string::npos);
}

TEST_F(HostInterface, WhatOthersHaveSetSinceStays) {
  change_and_die();
  set("ipv4", "arp_ignore", "5");
  // An operator goes back to another program, which has an address of its own.
  set("ipv6", "disable_ipv6", "0");
  shell("ip address add 2001:db8::9/64 dev host0 nodad");
  restore_host_interfaces(run_dir);
  EXPECT_EQ(settings(), "mtu 1400 5 2001:db8::9/64 ");
}

TEST_F(HostInterface, WhatCannotBeRestoredIsKeptForTheNextStart) {
  change_and_die();
  const std::string before = file();
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{0, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  restore_host_interfaces(run_dir);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(settings(), kOurs);
  EXPECT_EQ(file(), before);

  // The MTU is refused; the rest is restored, once.
  auto notes = read_host_notes(run_dir).value();
  notes.at(0).before = "100000";
  ASSERT_EQ(notes.at(0).key, "mtu");
  ASSERT_TRUE(write_host_notes(run_dir, notes));
  const std::string rest = "mtu 1500 3 2001:db8::2/64 ";
  restore_host_interfaces(run_dir);
  EXPECT_EQ(settings(), rest);
  EXPECT_EQ(read_host_notes(run_dir).value(), std::vector{notes.at(0)});

  // The next process remembers it beside its own, and the one after that, too.
  for (int i = 0; i < 2; ++i) {
    change_and_die();
    const auto now = read_host_notes(run_dir).value();
    EXPECT_EQ(now.at(0), notes.at(0));
    EXPECT_GT(now.size(), 2U);
    restore_host_interfaces(run_dir);
    EXPECT_EQ(read_host_notes(run_dir).value(), std::vector{notes.at(0)});
    EXPECT_EQ(settings(), rest);
  }
}

TEST_F(HostInterface, RefusesToChangeWhatItCannotRead) {
  HostInterfaces host(run_dir);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{0, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto remembered = host.remember("host0", 1500, true);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_FALSE(remembered);
}

}  // namespace
}  // namespace lb
