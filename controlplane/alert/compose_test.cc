#include "controlplane/alert/compose.h"

#include <gtest/gtest.h>

#include <sstream>

namespace lb::controlplane::alert {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

const system_clock::time_point kNow{milliseconds(1'763'726'400'123)};

Event event(Severity severity, const std::string& state, const std::string& reason = "") {
  Event out;
  out.at = kNow;
  out.severity = severity;
  out.kind = "service";
  out.name = "web";
  out.state = state;
  out.reason = reason;
  return out;
}

MailHeader head() {
  return {"lb1", "lb1@example.com", {"a@example.com", "b@example.com"}, kNow, "ballast.1.2.3"};
}

TEST(Compose, FormatsOneEvent) {
  const std::vector<Event> events = {event(Severity::kCritical, "down", "0 of 2 real servers up")};
  const Mail mail = compose(head(), events);
  EXPECT_EQ(mail.from, "lb1@example.com");
  EXPECT_EQ(mail.to, head().to);
  EXPECT_EQ(mail.text,
            "Date: Fri, 21 Nov 2025 12:00:00 +0000\r\n"
            "From: lb1@example.com\r\n"
            "To: a@example.com,\r\n b@example.com\r\n"
            "Subject: [lb1] service web down\r\n"
            "Message-ID: <ballast.1.2.3@example.com>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "Director lb1, 1 event:\r\n"
            "\r\n"
            "2025-11-21T12:00:00.123Z  critical  service web down: 0 of 2 real servers up\r\n");
}

TEST(Compose, PutsNumberAndWorstEventIntoTheSubject) {
  const std::vector<Event> events = {event(Severity::kGood, "up"),
                                     event(Severity::kCritical, "down"),
                                     event(Severity::kBad, "odd")};
  EXPECT_EQ(subject_of("lb1", events), "[lb1] 3 events, worst: service web down");
  const std::vector<Event> good = {event(Severity::kGood, "up"), event(Severity::kGood, "on")};
  EXPECT_EQ(subject_of("lb1", good), "[lb1] 2 events, first: service web up");
}

// What a check's answer or a script says must not become a header, a line of its own or the end of
// the mail.
TEST(Compose, PreventsHeaderInjection) {
  Event bad = event(Severity::kBad, "down\r\nBcc: x@example.org", "x\r\n.\r\nMAIL FROM:<y>\r\n");
  bad.name = "w\nX-Header: 1";
  const std::vector<Event> events = {bad, bad};
  const Mail mail = compose(head(), events);
  std::istringstream lines(mail.text);
  std::string line;
  std::size_t headers = 0;
  for (bool in_headers = true; std::getline(lines, line);) {
    ASSERT_TRUE(line.ends_with('\r')) << line;
    if (line == "\r") in_headers = false;
    headers += in_headers ? 1 : 0;
    EXPECT_FALSE(line.starts_with("Bcc") || line.starts_with("X-Header") ||
                 line.starts_with("MAIL") || line == ".\r")
        << line;
    EXPECT_LE(line.size(), 77u + (in_headers ? 900u : 0u));
  }
  EXPECT_EQ(headers, 10u);
}

TEST(Compose, WritesAsciiHeaders) {
  EXPECT_EQ(encode_header("plain [x] = ?"), "plain [x] = ?");
  EXPECT_EQ(encode_header("a \xc3\xa4"), "=?UTF-8?Q?a_=C3=A4?=");
  // Longer than a line may be (RFC 5322 section 2.1.1).
  std::istringstream folded(encode_header(std::string(1000, 'x')));
  for (std::string line; std::getline(folded, line);) EXPECT_LE(line.size(), 78u);
  std::string umlauts;
  for (int i = 0; i < 40; ++i) umlauts += "\xc3\xa4";
  std::istringstream lines(encode_header(umlauts));
  for (std::string line; std::getline(lines, line);) {
    while (line.ends_with('\r')) line.pop_back();
    if (line.starts_with(' ')) line.erase(0, 1);
    EXPECT_LE(line.size(), 75u);
    EXPECT_TRUE(line.starts_with("=?UTF-8?Q?=C3=A4") && line.ends_with("=C3=A4?=")) << line;
  }
}

TEST(Compose, LimitsQuotedPrintableLines) {
  EXPECT_EQ(quoted_printable("a=b \nc"), "a=3Db=20\r\nc");
  EXPECT_EQ(quoted_printable(std::string(76, 'x') + '\n'), std::string(76, 'x') + "\r\n");
  EXPECT_EQ(quoted_printable(std::string(77, 'x')), std::string(75, 'x') + "=\r\nxx");
  EXPECT_EQ(quoted_printable("\xc3\xa4"), "=C3=A4");
}

}  // namespace
}  // namespace lb::controlplane::alert
