#include "controlplane/health/http_answer.h"

#include <gtest/gtest.h>

#include <array>

namespace lb::health {
namespace {

using State = HttpAnswer::State;
using namespace std::string_literals;

enum class Form : bool { kTolerant, kStrict };

struct Read {
  // In pieces of every size, which must not make a difference.
  explicit Read(const std::string& bytes, Form form = Form::kTolerant, bool to_head = false)
      : answer(to_head, form == Form::kStrict) {
    answer.add(bytes, body);
    for (std::size_t piece = 1; piece < bytes.size(); piece = piece * 2 + 1) {
      HttpAnswer other(to_head, form == Form::kStrict);
      std::string other_body;
      for (std::size_t at = 0; at < bytes.size(); at += piece) {
        other.add(std::string_view(bytes).substr(at, piece), other_body);
      }
      EXPECT_EQ(other.state(), answer.state()) << bytes << " in pieces of " << piece;
      EXPECT_EQ(other_body, body) << bytes << " in pieces of " << piece;
    }
  }
  // "200 whole: abc", "200 incomplete: ab", "until close", "header", "invalid", "too long"
  std::string text() const {
    constexpr std::array<const char*, 5> kTexts = {"header", "incomplete", "whole", "invalid",
                                                   "too long"};
    const std::string state = kTexts.at(static_cast<std::size_t>(answer.state()));
    if (answer.state() != State::kBody && answer.state() != State::kWhole) return state;
    return std::to_string(answer.status()) + " " +
           (answer.ends_with_connection() ? "until close" : state) + ": " + body;
  }

  HttpAnswer answer;
  std::string body;
};

std::string tolerant(const std::string& bytes) {
  return Read(bytes).text();
}
std::string strict(const std::string& bytes) {
  return Read(bytes, Form::kStrict).text();
}
// One that makes no difference.
std::string both(const std::string& bytes) {
  EXPECT_EQ(tolerant(bytes), strict(bytes)) << bytes;
  return strict(bytes);
}

TEST(HttpAnswer, EndsWithItsLength) {
  EXPECT_EQ(both("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), "200 incomplete: ");
  EXPECT_EQ(both("HTTP/1.1 200 OK\r\ncontent-LENGTH:2\r\n\r\no"), "200 incomplete: o");
  EXPECT_EQ(both("HTTP/1.1 200 OK\r\nContent-Length: 2 \r\n\r\nok"), "200 whole: ok");
  EXPECT_EQ(both("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore"), "200 whole: ok");
  EXPECT_EQ(both("HTTP/1.0 503 Down\r\nContent-Length: 0\r\n\r\n"), "503 whole: ");
}

TEST(HttpAnswer, EndsWithTheConnectionWithoutALength) {
  EXPECT_EQ(both("HTTP/1.0 200 OK\r\n\r\nabc"), "200 until close: abc");
  EXPECT_EQ(both("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc"),
            "200 until close: abc");
}

TEST(HttpAnswer, EndsWithTheLastChunk) {
  const std::string header = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(both(header + "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"),
            "200 whole: abc0123456789");
  EXPECT_EQ(both(header + "3 \r\nabc\r\n"), "200 incomplete: abc");
  EXPECT_EQ(both(header + "3\r\nabc\r\n0\r\n"), "200 incomplete: abc");
  EXPECT_EQ(both(header + "3\r\nab"), "200 incomplete: ab");
  for (const char* const wrong : {"zz\r\n", "\r\n", "-1\r\n", "0x1\r\n", "1 2\r\n",
                                  "10000000000000000\r\n", "3\r\nabcd\r\n"}) {
    EXPECT_EQ(both(header + wrong), "invalid") << wrong;
  }
  EXPECT_EQ(both("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip , CHUNKED\r\nContent-Length: 1\r\n\r\n"
                 "1\r\na\r\n0\r\n\r\n"),
            "200 whole: a");
}

TEST(HttpAnswer, MayHaveNoBody) {
  const std::string length = "Content-Length: 5\r\n\r\n";
  EXPECT_EQ(both("HTTP/1.1 204 No Content\r\n\r\n"), "204 whole: ");
  EXPECT_EQ(both("HTTP/1.1 304 Not Modified\r\n" + length), "304 whole: ");
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\n" + length, Form::kStrict, true).text(), "200 whole: ");
}

TEST(HttpAnswer, SkipsInterimAnswers) {
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\nLink: x\r\n\r\n";
  EXPECT_EQ(both(go_on + last), "200 whole: ok");
  EXPECT_EQ(
      both("HTTP/1.1 102 Processing\r\nTransfer-Encoding: chunked\r\n\r\n" + hints + go_on + last),
      "200 whole: ok");
  EXPECT_EQ(both(go_on + hints), "header");
  // Its own protocol follows.
  EXPECT_EQ(both("HTTP/1.1 101 Switching Protocols\r\n\r\nx"), "101 whole: ");
  std::string endless;
  while (endless.size() <= kMaxHttpHeaderBytes) endless += go_on;
  EXPECT_EQ(both(endless), "too long");
}

TEST(HttpAnswer, MayLackTheReason) {
  const std::string rest = "\r\nContent-Length: 2\r\n\r\nok";
  EXPECT_EQ(both("HTTP/1.1 200 " + rest), "200 whole: ok");
  EXPECT_EQ(both("HTTP/1.1 200 \xe4\x00\x80"s + rest), "200 whole: ok");
  EXPECT_EQ(tolerant("HTTP/1.1 200" + rest), "200 whole: ok");
  EXPECT_EQ(strict("HTTP/1.1 200" + rest), "invalid");
  EXPECT_EQ(tolerant("HTTP/1.1  200  OK" + rest), "200 whole: ok");
  EXPECT_EQ(strict("HTTP/1.1  200  OK" + rest), "invalid");
}

TEST(HttpAnswer, MayHaveBareLineEnds) {
  for (const char* const bare :
       {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "HTTP/1.1 200\nContent-Length: 2\r\n\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n"}) {
    EXPECT_EQ(tolerant(bare), "200 whole: ok") << bare;
    EXPECT_EQ(strict(bare), "invalid") << bare;
  }
}

TEST(HttpAnswer, MayBeginWithEmptyLines) {
  const std::string rest = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  for (const char* const empty : {"\r\n", "\n", "\r\n\r\n\n"}) {
    EXPECT_EQ(tolerant(empty + rest), "200 whole: ok");
    EXPECT_EQ(strict(empty + rest), "invalid");
  }
  EXPECT_EQ(tolerant("\r\n"), "header");
  EXPECT_EQ(tolerant(std::string(kMaxHttpHeaderBytes + 1, '\n')), "too long");
}

TEST(HttpAnswer, ReadsFields) {
  EXPECT_EQ(both("HTTP/1.1 200 OK\r\nX: a\r\n folded: b\r\n\tand: c\r\nEmpty:\r\n"
                 "Content-Length: 0\r\n\r\n"),
            "200 whole: ");
  EXPECT_EQ(tolerant("HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"), "200 whole: ");
  EXPECT_EQ(strict("HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"), "invalid");
  EXPECT_EQ(tolerant("HTTP/1.1 200 OK\r\nX(y): 0\r\nContent-Length: 0\r\n\r\n"), "200 whole: ");
  EXPECT_EQ(strict("HTTP/1.1 200 OK\r\nX(y): 0\r\nContent-Length: 0\r\n\r\n"), "invalid");
  for (const char* const wrong :
       {"no colon", ": x", "Content-Length: -1", "Content-Length: +1", "Content-Length: 1x",
        "Content-Length:", "Content-Length: 99999999999999999999",
        "Content-Length: 1\r\nContent-Length: 2"}) {
    EXPECT_EQ(both(std::string("HTTP/1.1 200 OK\r\n") + wrong + "\r\n\r\n"), "invalid") << wrong;
  }
  EXPECT_EQ(both("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"),
            "200 whole: a");
  for (const char* const list : {"1, 1", "1,1", "1 ,\t1 , 1", "1\r\nContent-Length: 1, 1"}) {
    const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: "s + list + "\r\n\r\na";
    EXPECT_EQ(tolerant(bytes), "200 whole: a") << list;
    EXPECT_EQ(strict(bytes), "invalid") << list;
  }
  for (const char* const list :
       {"1, 2", "1,", ",1", "1, x", "1,,1", "1;1", "1 1", "1, 1\r\nContent-Length: 2, 2"}) {
    EXPECT_EQ(both("HTTP/1.1 200 OK\r\nContent-Length: "s + list + "\r\n\r\na"), "invalid") << list;
  }
}

TEST(HttpAnswer, IsNotAnotherProtocol) {
  for (const std::string& other :
       {"SSH-2.0-OpenSSH_9.2"s, "220 mail\r\n"s, "HTTP/2.0 200 OK\r\n"s, "HTTP/1.1 2x0 OK\r\n"s,
        "HTTP/1.1 20 OK\r\n"s, "HTTP/1.1 2000 OK\r\n"s, "http/1.1 200 OK\r\n"s, "\0\0"s,
        "\x15\x03\x01\x00\x02\x02\x16"s, "<html>"s}) {
    EXPECT_EQ(both(other), "invalid") << other;
  }
  EXPECT_EQ(both("HTT"), "header");
  EXPECT_EQ(both("HTTP/1.1 200 OK\r\nServ"), "header");
}

TEST(HttpAnswer, HasALimitedHeader) {
  const std::string begin = "HTTP/1.1 200 OK\r\nX: ";
  const std::string end = "\r\nContent-Length: 0\r\n\r\n";
  const std::string fill(kMaxHttpHeaderBytes - begin.size() - end.size(), 'x');
  EXPECT_EQ(both(begin + fill + end), "200 whole: ");
  EXPECT_EQ(both(begin + fill + "x" + end), "too long");
  EXPECT_EQ(both(begin + std::string(2 * kMaxHttpHeaderBytes, 'x')), "too long");
}

TEST(HttpAnswer, CountsWhatIsNoBody) {
  const std::string header = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(Read(header + "3\r\nabc\r\n").answer.overhead(), header.size() + 5);
  EXPECT_EQ(Read(header + "3;" + std::string(1000, 'x')).answer.overhead(), header.size() + 1002);
}

}  // namespace
}  // namespace lb::health
