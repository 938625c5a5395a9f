// What http checks accept beyond the letter of RFC 9112, and what with strict_http.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "controlplane/health/test_support.h"

namespace lb::health {
namespace {

enum class End : std::uint8_t { kClose, kReset };

// Answers with these bytes, and ends the connection when they have arrived.
TestServer::Serve answer_and_end(const std::string& response, End end) {
  return [response, end](int fd) {
    read_http_request(fd);
    send_text(fd, response);
    wait_until_delivered(fd);
    const linger at_once{end == End::kReset ? 1 : 0, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  };
}

std::string result_of(const config::Check& check, const std::string& response, End end) {
  TestServer server(answer_and_end(response, end));
  return without_time(run_probe(
      make_request("web", Endpoint::parse("192.0.2.10:80").value(), server.endpoint(), check)));
}

config::Check http_check(bool strict = false) {
  config::Check check = check_of(config::CheckType::kHttp);
  check.timeout = kAmple;
  check.strict_http = strict;
  return check;
}

constexpr const char* kOk = "HTTP/1.1 200 OK\r\n";
constexpr const char* kCutBodies[] = {
    "Content-Length: 5\r\n\r\n",
    "Content-Length: 5\r\n\r\nabc",
    "Transfer-Encoding: chunked\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
};

TEST(HttpForm, AStatusNeedsNoWholeBody) {
  for (const std::string body : kCutBodies) {
    EXPECT_EQ(result_of(http_check(), kOk + body, End::kClose), "L7OK/200 in") << body;
    EXPECT_EQ(result_of(http_check(), kOk + body, End::kReset), "L7OK/200 in") << body;
    EXPECT_EQ(result_of(http_check(), "HTTP/1.1 503 Down\r\n" + body, End::kReset), "L7STS/503 in");
    EXPECT_EQ(result_of(http_check(true), kOk + body, End::kClose),
              "L7RSP connection closed before the end of the body")
        << body;
    EXPECT_EQ(result_of(http_check(true), kOk + body, End::kReset), "L7RSP connection reset");
  }
}

TEST(HttpForm, ABodyWithoutALengthMayEndWithAReset) {
  const std::string answer = std::string(kOk) + "\r\nabc";
  EXPECT_EQ(result_of(http_check(), answer, End::kReset), "L7OK/200 in");
  EXPECT_EQ(result_of(http_check(true), answer, End::kReset), "L7RSP connection reset");
  EXPECT_EQ(result_of(http_check(true), answer, End::kClose), "L7OK/200 in");
}

TEST(HttpForm, ACutHeaderIsNoAnswer) {
  for (const bool strict : {false, true}) {
    for (const char* const header : {"H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n",
                                     "HTTP/1.1 100 Continue\r\n\r\n"}) {
      EXPECT_EQ(result_of(http_check(strict), header, End::kClose),
                "L7RSP connection closed before the end of the header")
          << header;
      EXPECT_EQ(result_of(http_check(strict), header, End::kReset), "L7RSP connection reset");
    }
  }
}

TEST(HttpForm, AnExpectedTextNeedsNoWholeBody) {
  config::Check check = http_check();
  check.expect_body = "ab";
  for (const std::string body : {kCutBodies[1], kCutBodies[3], kCutBodies[4], "\r\nabc"}) {
    EXPECT_EQ(result_of(check, kOk + body, End::kReset), "L7OK/200 in") << body;
  }
  EXPECT_EQ(result_of(check, std::string(kOk) + kCutBodies[0], End::kClose),
            "L7RSP connection closed before the end of the body");
  check.expect_body = "abcd";
  EXPECT_EQ(result_of(check, std::string(kOk) + kCutBodies[1], End::kClose),
            "L7RSP connection closed before the end of the body");
  EXPECT_EQ(result_of(check, std::string(kOk) + kCutBodies[3], End::kReset),
            "L7RSP connection reset");
}

TEST(HttpForm, ADigestNeedsTheWholeBody) {
  config::Check check = http_check();
  check.expect_body_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(result_of(check, std::string(kOk) + "Content-Length: 3\r\n\r\nabc", End::kReset),
            "L7OK/200 in");
  EXPECT_EQ(result_of(check, std::string(kOk) + "\r\nabc", End::kClose), "L7OK/200 in");
  EXPECT_EQ(result_of(check, std::string(kOk) + "\r\nabc", End::kReset), "L7RSP connection reset");
  EXPECT_EQ(result_of(check, std::string(kOk) + kCutBodies[4], End::kClose),
            "L7RSP connection closed before the end of the body");
}

TEST(HttpForm, IsNotJudgedUnlessStrict) {
  const std::string end = "Content-Length: 2\r\n\r\nok";
  for (const std::string& answer : {"HTTP/1.1 200\r\n" + end, "\r\n" + (kOk + end),
                                    std::string("HTTP/1.0 200 OK\nContent-Length: 2\n\nok")}) {
    EXPECT_EQ(result_of(http_check(), answer, End::kClose), "L7OK/200 in") << answer;
    EXPECT_EQ(result_of(http_check(true), answer, End::kClose), "L7RSP invalid HTTP response");
  }
}

TEST(HttpForm, InterimAnswersAreNotTheAnswer) {
  for (const bool strict : {false, true}) {
    const std::string interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n";
    EXPECT_EQ(
        result_of(http_check(strict), interim + kOk + "Content-Length: 0\r\n\r\n", End::kClose),
        "L7OK/200 in");
    EXPECT_EQ(result_of(http_check(strict),
                        interim + "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n", End::kClose),
              "L7STS/503 in");
  }
}

// Chunks of a byte with long extensions: little of it is body.
TEST(HttpForm, AnEndlessAnswerIsCutOff) {
  TestServer server([](int fd) {
    read_http_request(fd);
    send_text(fd, std::string(kOk) + "Transfer-Encoding: chunked\r\n\r\n");
    while (send_text(fd, "1;" + std::string(10'000, 'x') + "\r\na\r\n")) {
    }
  });
  EXPECT_EQ(without_time(run_probe(make_request("web", Endpoint::parse("192.0.2.10:80").value(),
                                                server.endpoint(), http_check()))),
            "L7OK/200 in");
}

}  // namespace
}  // namespace lb::health
