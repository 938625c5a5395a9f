#include "config/prefix_list.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/load.h"

namespace lb::config {
namespace {

// A file for the time of a test.
class ListFile {
 public:
  explicit ListFile(const std::string& text)
      : path_(testing::TempDir() + "prefix_list_" + std::to_string(::getpid())) {
    std::ofstream(path_) << text;
  }
  ~ListFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string read(const std::string& path, std::vector<std::string>& mistakes) {
  std::string out;
  for (const Prefix& prefix : read_prefix_file(path, mistakes)) {
    out += prefix.to_string() + ' ';
  }
  return out;
}

TEST(PrefixList, ReadsPrefixesAddressesAndComments) {
  const ListFile file("# ours\n198.51.100.0/24\n\n  203.0.113.7 # one\r\n\t10.0.0.0/8#big");
  std::vector<std::string> mistakes;
  EXPECT_EQ(read(file.path(), mistakes), "198.51.100.0/24 203.0.113.7/32 10.0.0.0/8 ");
  EXPECT_TRUE(mistakes.empty());
}

TEST(PrefixList, AnAddressAloneIsAPrefixOfItsFamily) {
  EXPECT_EQ(parse_client_prefix("198.51.100.7")->to_string(), "198.51.100.7/32");
  EXPECT_EQ(parse_client_prefix("2001:db8::7")->to_string(), "2001:db8::7/128");
  EXPECT_EQ(parse_client_prefix("2001:db8::/32")->to_string(), "2001:db8::/32");
  EXPECT_EQ(parse_client_prefix("2001:db8::1/32").error().message,
            "\"2001:db8::1/32\" is an address in a network; write the network: "
            "\"2001:db8::/32\", or the address alone");
}

TEST(PrefixList, NamesFileAndLine) {
  const ListFile file("198.51.100.0/24\n198.51.100.1/24\nfoo\n");
  std::vector<std::string> mistakes;
  EXPECT_EQ(read(file.path(), mistakes), "198.51.100.0/24 ");
  ASSERT_EQ(mistakes.size(), 2u);
  EXPECT_EQ(mistakes[0], file.path() +
                             ":2: \"198.51.100.1/24\" is an address in a network; write "
                             "the network: \"198.51.100.0/24\", or the address alone");
  EXPECT_TRUE(mistakes[1].starts_with(file.path() + ":3: \"foo\" is not an IPv4 address"));
}

TEST(PrefixList, RefusesIpv6WhereItStands) {
  const ListFile file("198.51.100.0/24\n2001:DB8::/32\n");
  std::vector<std::string> mistakes;
  EXPECT_EQ(read(file.path(), mistakes), "198.51.100.0/24 ");
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_TRUE(mistakes[0].starts_with(file.path() + ":2: 2001:db8:: is an IPv6 address"));
}

TEST(PrefixList, ReportsTheFirstOfManyMistakes) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "foo\n";
  const ListFile file(text);
  std::vector<std::string> mistakes;
  read(file.path(), mistakes);
  ASSERT_EQ(mistakes.size(), 6u);
  EXPECT_EQ(mistakes.back(), file.path() + ": 95 more lines are no prefixes");
}

TEST(PrefixList, RefusesWhatIsNoList) {
  std::vector<std::string> mistakes;
  EXPECT_EQ(read("/dev/zero", mistakes), "");
  EXPECT_EQ(mistakes, std::vector<std::string>{"/dev/zero is a device and not a regular file"});
  mistakes.clear();
  const ListFile endless("10.0.0.0/8\n" + std::string(20'000'000, '1'));
  EXPECT_EQ(read(endless.path(), mistakes), "10.0.0.0/8 ");
  EXPECT_EQ(mistakes, std::vector<std::string>{endless.path() +
                                               ":2: 20000000 bytes on a line; write one prefix "
                                               "per line"});
  mistakes.clear();
  const ListFile comment("# " + std::string(200, '-') + "\n10.0.0.0/8\n");
  EXPECT_EQ(read(comment.path(), mistakes), "10.0.0.0/8 ");
  EXPECT_TRUE(mistakes.empty());
}

TEST(PrefixList, IsPartOfWhatTwoDirectorsCompare) {
  const auto load = [](const std::string& list) {
    const ListFile file(list);
    return load_text(
        "[director]\nname = \"lb1\"\n[dataplane]\nlcores = \"1\"\n"
        "[[port]]\nname = \"wan\"\ndevice = \"net_af_packet0,iface=eth1\"\n"
        "addresses = [\"192.0.2.2/24\"]\n"
        "[[service]]\nname = \"web\"\naddress = \"192.0.2.10:80\"\ndeny_file = \"" +
            file.path() + "\"\n[[service.real_server]]\naddress = \"192.0.2.11:80\"\n",
        "test", Machine{{0, 1}});
  };
  const Loaded one = load("198.51.100.0/24\n");
  const Loaded other = load("198.51.101.0/24\n");
  EXPECT_EQ(format_mistakes("test", one.mistakes), "");
  ASSERT_EQ(one.config.services.size(), 1u);
  EXPECT_EQ(one.config.services[0].access.deny_listed,
            (std::vector<Prefix>{*Prefix::parse("198.51.100.0/24")}));
  EXPECT_NE(one.config, other.config);
  EXPECT_NE(print_service(one.config.services[0]), print_service(other.config.services[0]));
  EXPECT_EQ(print(one.config), print(other.config)) << "a file is printed by its name";
  const Loaded wrong = load("foo\n");
  ASSERT_EQ(wrong.mistakes.size(), 1u);
  EXPECT_EQ(wrong.mistakes[0].where.line, 12u);
  EXPECT_NE(wrong.mistakes[0].message.find(":1: \"foo\" is not an IPv4"), std::string::npos);
}

}  // namespace
}  // namespace lb::config
