#include "controlplane/health/dns_message.h"

#include <gtest/gtest.h>

namespace lb::health {
namespace {

using namespace std::string_literals;

const std::string kQuestion = "\3www\2ex\0\0\1\0\1"s;

// A response to question 0x1234 with one record.
std::string response(const std::string& flags, const std::string& record) {
  return "\x12\x34"s + flags + "\0\1"s + (record.empty() ? "\0\0"s : "\0\1"s) + "\0\0\0\0"s +
         kQuestion + record;
}

TEST(DnsMessage, SetsRecursionDesired) {
  EXPECT_EQ(make_dns_query(0x1234, "www.ex", config::DnsType::kA),
            "\x12\x34\1\0\0\1\0\0\0\0\0\0"s + kQuestion);
  EXPECT_EQ(make_dns_query(1, "www.ex.", config::DnsType::kAaaa).substr(12),
            "\3www\2ex\0\0\x1c\0\1"s);
  EXPECT_EQ(make_dns_query(1, ".", config::DnsType::kNs).substr(12), "\0\0\2\0\1"s);
}

TEST(DnsMessage, FindsAnAddressAmongTheAnswers) {
  const std::string record = "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\1"s;
  const auto address = Address::parse("10.0.0.1").value();
  const auto found = parse_dns_answer(response("\x81\x80"s, record), 0x1234, address);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rcode, 0);
  EXPECT_TRUE(found->has_address);
  EXPECT_TRUE(found->complete);
  const auto other = Address::parse("10.0.0.2").value();
  EXPECT_FALSE(parse_dns_answer(response("\x81\x80"s, record), 0x1234, other)->has_address);
}

TEST(DnsMessage, FindsAnIpv6AddressInAaaaRecords) {
  const std::string bytes = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + '\1';
  const auto answer = response("\x81\x80"s, "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10"s + bytes);
  const auto has = [&](const char* address) {
    return parse_dns_answer(answer, 0x1234, Address::parse(address).value())->has_address;
  };
  EXPECT_TRUE(has("2001:db8::1"));
  EXPECT_FALSE(has("2001:db8::2"));
  EXPECT_FALSE(has("32.1.13.184"));
}

TEST(DnsMessage, AcceptsOnlyAnswersToTheQuery) {
  const std::string good = response("\x81\x83"s, "");
  EXPECT_EQ(rcode_text(parse_dns_answer(good, 0x1234, {})->rcode), "NXDOMAIN");
  EXPECT_FALSE(parse_dns_answer(good, 0x1235, {}));
  EXPECT_FALSE(parse_dns_answer(response("\1\0"s, ""), 0x1234, {}));  // a question
  EXPECT_FALSE(parse_dns_answer("\x12\x34"s, 0x1234, {}));
}

TEST(DnsMessage, NeverReadsBeyondATruncatedAnswer) {
  const std::string whole = response("\x81\x80"s, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\1"s);
  for (std::size_t length = 12; length < whole.size(); ++length) {
    const auto answer = parse_dns_answer(whole.substr(0, length), 0x1234, {});
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->complete) << length;
  }
}

}  // namespace
}  // namespace lb::health
