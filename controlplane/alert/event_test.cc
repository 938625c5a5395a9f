#include "controlplane/alert/event.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lb::controlplane::alert {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

Event server_down() {
  Event event;
  event.at = system_clock::time_point(milliseconds(1'763'726'400'123));
  event.severity = Severity::kBad;
  event.kind = "server";
  event.name = "web";
  event.server = "10.0.0.11:80";
  event.state = "down";
  event.reason = "L4TOUT after 1000ms";
  return event;
}

TEST(Event, DescribesWhatHappened) {
  EXPECT_EQ(headline(server_down()), "web: real server 10.0.0.11:80 down");
  Event event;
  event.kind = "ha";
  event.name = "VI_1";
  event.from = "BACKUP";
  event.state = "MASTER";
  EXPECT_EQ(headline(event), "VI_1: BACKUP -> MASTER");
  event.kind = "panic";
  event.state = "begun";
  EXPECT_EQ(headline(event), "panic guard: begun");
  event.kind = "punt";
  event.name = "wan other";
  event.state = "dropping";
  EXPECT_EQ(headline(event), "packets for the kernel, wan other: dropping");
  event.kind = "table";
  event.state = "not shedding";
  EXPECT_EQ(headline(event), "connection table: not shedding");
  event.kind = "syn_proxy";
  event.name = "web";
  event.state = "begun";
  EXPECT_EQ(headline(event), "web: SYN proxy begun");
  event.kind = "vrrp";
  event.name = "VI_1";
  event.state = "unknown router";
  EXPECT_EQ(headline(event), "VI_1: unknown router");
  event.kind = "sync";
  event.state = "down";
  EXPECT_EQ(headline(event), "sync link down");
  event.state = "late heartbeat";
  EXPECT_EQ(headline(event), "sync link: late heartbeat");
  event.kind = "next_hop";
  event.name = "10.0.0.11";
  event.state = "moved";
  EXPECT_EQ(headline(event), "next hop 10.0.0.11 moved");
  EXPECT_EQ(time_text(server_down().at), "2025-11-21T12:00:00.123Z");
}

TEST(Event, EncodesAndDecodes) {
  Event event = server_down();
  event.reason = "a\tb\nc\\d \xc3\xa4";
  const auto back = decode(encode(event));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->at, event.at);
  EXPECT_EQ(back->severity, event.severity);
  EXPECT_EQ(headline(*back), headline(event));
  EXPECT_EQ(back->reason, event.reason);
  EXPECT_EQ(encode(event).find('\n'), std::string::npos);
}

TEST(Event, RefusesATruncatedLine) {
  const std::string whole = encode(server_down());
  // A truncated last field is not detected here, but by the missing line end.
  for (std::size_t size = 0; size < whole.rfind('\t'); ++size) {
    EXPECT_FALSE(decode(whole.substr(0, size))) << size;
  }
  EXPECT_FALSE(decode("1\t9\ta\tb\tc\td\te\tf"));
  EXPECT_FALSE(decode("x\t1\ta\tb\tc\td\te\tf"));
  for (const char* ms : {"-1", "9223372036854775807", "-9223372036854775808", "7258118400000"}) {
    EXPECT_FALSE(decode(std::string(ms) + "\t1\ta\tb\tc\td\te\tf")) << ms;
  }
  EXPECT_FALSE(decode("1\t1\ta\\\tb\tc\td\te\tf"));
}

TEST(Event, GivesAScriptAllFields) {
  EXPECT_EQ(arguments_of(server_down()),
            (std::vector<std::string>{"server", "web", "10.0.0.11:80", "down"}));
  const auto all = environment_of(server_down(), "lb1");
  for (const char* each : {"BALLAST_DIRECTOR=lb1", "BALLAST_EVENT=server", "BALLAST_SERVICE=web",
                           "BALLAST_INSTANCE=", "BALLAST_SERVER=10.0.0.11:80", "BALLAST_STATE=down",
                           "BALLAST_REASON=L4TOUT after 1000ms",
                           "BALLAST_TIME=2025-11-21T12:00:00.123Z", "BALLAST_SEVERITY=bad"}) {
    EXPECT_NE(std::ranges::find(all, each), all.end()) << each;
  }
}

TEST(Event, NamesAResource) {
  const Event event{.kind = "resource", .name = "haproxy", .state = "failed"};
  EXPECT_EQ(headline(event), "resource haproxy failed");
  const auto all = environment_of(event, "lb1");
  for (const char* each : {"BALLAST_RESOURCE=haproxy", "BALLAST_SERVICE=", "BALLAST_INSTANCE="}) {
    EXPECT_NE(std::ranges::find(all, each), all.end()) << each;
  }
}

TEST(Event, CleansText) {
  EXPECT_EQ(clean("a\r\nBcc: b\x7f\x01"), "a  Bcc: b  ");
  EXPECT_EQ(clean("\xc3\xa4\xe2\x82\xac"), "\xc3\xa4\xe2\x82\xac");
  EXPECT_EQ(clean("\xff\xc3 \xed\xa0\x80"), "?? ???");
  EXPECT_EQ(clean("a\u009b\u202e\u2028b"), "a   b");
  EXPECT_EQ(clean(std::string(5000, 'x')).size(), 1003u);
}

}  // namespace
}  // namespace lb::controlplane::alert
