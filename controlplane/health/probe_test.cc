// tcp, http and ping probes against real sockets, on loopback and into the void.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "controlplane/health/test_support.h"

namespace lb::health {
namespace {

using config::CheckType;

Request request_to(const Endpoint& endpoint, CheckType type,
                   config::Milliseconds timeout = kAmple) {
  config::Check check;
  check.type = type;
  check.timeout = timeout;
  return make_request("web", Endpoint::parse("192.0.2.10:80").value(), endpoint, check);
}

Request http_to(const Endpoint& endpoint, config::Milliseconds timeout = kAmple) {
  return request_to(endpoint, CheckType::kHttp, timeout);
}

Endpoint port_80_of(const char* address) {
  return {Address::parse(address).value(), 80};
}

// Answers every request with the same bytes, and closes.
TestServer::Serve answering(const std::string& response) {
  return [response](int fd) {
    read_http_request(fd);
    send_text(fd, response);
  };
}

std::string text_for_response(const std::string& response) {
  TestServer server(answering(response));
  return without_time(run_probe(http_to(server.endpoint())));
}

TEST(TcpProbe, PassesForAListeningPort) {
  std::promise<bool> proper_close;
  TestServer server([&](int fd) { proper_close.set_value(peer_closes_properly(fd)); });
  const Outcome outcome = run_probe(request_to(server.endpoint(), CheckType::kTcp));
  EXPECT_EQ(outcome.verdict, Verdict::kGood);
  EXPECT_EQ(without_time(outcome), "L4OK in");
  EXPECT_FALSE(proper_close.get_future().get()) << "a reset leaves no TIME_WAIT";
}

TEST(TcpProbe, FailsForAClosedPort) {
  const RefusedEndpoint nobody;
  const Outcome outcome = run_probe(request_to(nobody.endpoint(), CheckType::kTcp));
  EXPECT_EQ(outcome.verdict, Verdict::kBad);
  EXPECT_EQ(outcome.text, "L4CON connection refused");
}

TEST(TcpProbe, TimesOutForASilentHost) {
  const Outcome outcome =
      run_probe(request_to(port_80_of(kSilentAddress), CheckType::kTcp, kBrief));
  EXPECT_EQ(outcome.verdict, Verdict::kBad);
  EXPECT_EQ(outcome.text, "L4TOUT after 50ms");
}

TEST(TcpProbe, FailsWithoutARoute) {
  const Outcome outcome = run_probe(request_to(port_80_of(kUnroutedAddress), CheckType::kTcp));
  EXPECT_EQ(outcome.verdict, Verdict::kBad);
  EXPECT_EQ(outcome.text, "L4CON network is unreachable");
}

TEST(TcpProbe, ReportsNothingWhenCancelled) {
  boost::asio::io_context io;
  const auto prober = make_socket_prober(io);
  for (const CheckType type : {CheckType::kTcp, CheckType::kHttp, CheckType::kHttps}) {
    const auto probe = prober->start(request_to(port_80_of(kSilentAddress), type),
                                     [](const Outcome&) { FAIL() << "it was cancelled"; });
    io.poll();
    probe->cancel();
  }
  io.run();  // returns long before the timeout
}

// The director gets no CPU until all deadlines have passed, though every server has answered. The
// event loop fetches a limited number of events at a time; with the first timer, which has expired
// before any of these arrived, it sees all deadlines passed and most answers not yet.
TEST(Probes, CountAnswersInTimeOnAnOverloadedDirector) {
  const TestServer server(wait_for_peer_to_close);
  for (const CheckType type : {CheckType::kTcp, CheckType::kPing}) {
    boost::asio::io_context io;
    auto prober = make_socket_prober(io);
    constexpr int kProbes = 300;
    int good = 0;
    int results = 0;
    prober->start(request_to(port_80_of(kSilentAddress), type, config::Milliseconds(1)),
                  [](const Outcome&) {});
    std::this_thread::sleep_for(config::Milliseconds(10));
    for (int i = 0; i < kProbes; ++i) {
      prober->start(request_to(server.endpoint(), type, kBrief), [&](const Outcome& outcome) {
        ++results;
        good += outcome.verdict == Verdict::kGood ? 1 : 0;
      });
    }
    std::this_thread::sleep_for(2 * kBrief);
    while (results < kProbes) io.run_one();
    EXPECT_EQ(good, kProbes);
    prober.reset();
    io.run();
  }
}

// The outcomes of one probe of each type to 127.0.0.1:80, where nobody listens.
std::vector<Outcome> probe_in_every_way(boost::asio::io_context& io, Prober& prober) {
  std::vector<Outcome> outcomes;
  for (const CheckType type :
       {CheckType::kTcp, CheckType::kHttp, CheckType::kHttps, CheckType::kPing}) {
    Request request = request_to(port_80_of("127.0.0.1"), type);
    request.tls_verify = false;
    prober.start(request, [&](const Outcome& outcome) { outcomes.push_back(outcome); });
  }
  while (outcomes.size() < 4 && io.run_one() > 0) {
  }
  return outcomes;
}

// Every probe must say so, and none may blame the server.
TEST(Probes, AreInconclusiveWithoutDescriptors) {
  boost::asio::io_context io;
  for (const Outcome& outcome : probe_in_every_way(io, *make_socket_prober(io))) {
    EXPECT_NE(outcome.verdict, Verdict::kInconclusive) << outcome.text;
  }
  io.restart();
  const auto prober = make_socket_prober(io);
  rlimit saved{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &saved), 0);
  const rlimit none{0, saved.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto outcomes = probe_in_every_way(io, *prober);
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &saved), 0);
  ASSERT_EQ(outcomes.size(), 4u);
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.verdict, Verdict::kInconclusive);
    EXPECT_EQ(outcome.text, "SOCKERR too many open files");
  }
}

TEST(HttpProbe, SendsTheConfiguredRequest) {
  std::string asked;
  TestServer server([&](int fd) {
    asked = read_http_request(fd);
    send_text(fd, "HTTP/1.1 204 No Content\r\n\r\n");
  });
  Request request = http_to(server.endpoint());
  request.method = "OPTIONS";
  request.path = "/health?deep=1";
  request.expect_status = {{204, 204}};
  EXPECT_EQ(without_time(run_probe(request)), "L7OK/204 in");
  EXPECT_EQ(asked.rfind("OPTIONS /health?deep=1 HTTP/1.1\r\n", 0), 0u) << asked;
  EXPECT_NE(asked.find("Host: 192.0.2.10:80\r\n"), std::string::npos) << asked;
  EXPECT_NE(asked.find("Connection: close\r\n"), std::string::npos) << asked;

  request.host = "www.example.com";
  run_probe(request);
  EXPECT_NE(asked.find("Host: www.example.com\r\n"), std::string::npos) << asked;
}

TEST(HttpProbe, EvaluatesTheStatus) {
  const std::string body = "Content-Length: 2\r\n\r\nhi";
  EXPECT_EQ(text_for_response("HTTP/1.1 200 OK\r\n" + body), "L7OK/200 in");
  EXPECT_EQ(text_for_response("HTTP/1.0 200 OK\r\n" + body), "L7OK/200 in");
  EXPECT_EQ(text_for_response("HTTP/1.1 503 Down\r\n" + body), "L7STS/503 in");
  EXPECT_EQ(text_for_response("HTTP/1.1 302 Found\r\nLocation: /x\r\n" + body), "L7STS/302 in");
}

TEST(HttpProbe, ReadsEveryKindOfBody) {
  EXPECT_EQ(text_for_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n"),
            "L7OK/200 in");
  EXPECT_EQ(text_for_response("HTTP/1.1 200 OK\r\n\r\nuntil the connection closes"), "L7OK/200 in");
  EXPECT_EQ(text_for_response("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" +
                              std::string(20000, 'x')),
            "L7OK/200 in");
}

TEST(HttpProbe, ExpectsNoBodyAfterHead) {
  TestServer server(answering("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
  Request request = http_to(server.endpoint());
  request.method = "HEAD";
  EXPECT_EQ(without_time(run_probe(request)), "L7OK/200 in");
}

TEST(HttpProbe, LimitsAnEndlessBody) {
  TestServer server([](int fd) {
    read_http_request(fd);
    send_text(fd, "HTTP/1.1 200 OK\r\n\r\n");
    while (send_text(fd, std::string(10'000, 'x'))) {
    }
  });
  EXPECT_EQ(without_time(run_probe(http_to(server.endpoint()))), "L7OK/200 in");
}

TEST(HttpProbe, FailsOnGarbage) {
  for (const std::string garbage : {
           "SSH-2.0-OpenSSH_9.2\r\n",
           "HTTP/1.1 2x0 OK\r\n\r\n",
           "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
       }) {
    EXPECT_EQ(text_for_response(garbage), "L7RSP invalid HTTP response") << garbage;
  }
  EXPECT_EQ(text_for_response(std::string("\x15\x03\x01\x00\x02\x02\x16\n", 8)),
            "L7RSP invalid HTTP response");
}

TEST(HttpProbe, FailsOnAnEarlyClose) {
  EXPECT_EQ(text_for_response(""), "L7RSP connection closed before a response");
  EXPECT_EQ(text_for_response("HTTP/1.1 200 OK\r\nServ"),
            "L7RSP connection closed before the end of the header");
  TestServer server(answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"));
  Request strict = http_to(server.endpoint());
  strict.strict_http = true;
  EXPECT_EQ(run_probe(strict).text, "L7RSP connection closed before the end of the body");
}

TEST(HttpProbe, DoesNotMatchAPatternWithTheEndOfTheBodyOnAPart) {
  TestServer server(answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfine"));
  Request request = http_to(server.endpoint());
  request.expect_body = "^fi";
  EXPECT_TRUE(run_probe(request).text.starts_with("L7OK/200"));
  request.expect_body = "^[^E]*$";
  EXPECT_EQ(run_probe(request).text, "L7RSP connection closed before the end of the body");
}

TEST(HttpProbe, FailsOnAReset) {
  TestServer server([](int fd) {
    read_http_request(fd);
    const linger reset{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  });
  EXPECT_EQ(run_probe(http_to(server.endpoint())).text, "L7RSP connection reset");
}

TEST(HttpProbe, FailsOnAHugeHeader) {
  EXPECT_EQ(text_for_response("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"),
            "L7RSP response header over 16384 bytes");
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 5000; ++i) many.append("X").append(std::to_string(i)).append(": y\r\n");
  EXPECT_EQ(text_for_response(many + "\r\n"), "L7RSP response header over 16384 bytes");
}

TEST(HttpProbe, AcceptsALargeHeader) {
  EXPECT_EQ(text_for_response("HTTP/1.1 200 OK\r\nX: " + std::string(12'000, 'x') +
                              "\r\nContent-Length: 0\r\n\r\n"),
            "L7OK/200 in");
}

TEST(HttpProbe, TimesOutWithoutAnAnswer) {
  TestServer server(wait_for_peer_to_close);
  EXPECT_EQ(run_probe(http_to(server.endpoint(), kBrief)).text, "L7TOUT after 50ms");
}

TEST(HttpProbe, TimesOutOnASlowDrip) {
  TestServer in_header([](int fd) {
    read_http_request(fd);
    send_text(fd, "HTTP/1.1 200 OK\r\nX: ");
    wait_for_peer_to_close(fd);
  });
  EXPECT_EQ(run_probe(http_to(in_header.endpoint(), kBrief)).text, "L7TOUT after 50ms");
  TestServer in_body([](int fd) {
    read_http_request(fd);
    send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
    wait_for_peer_to_close(fd);
  });
  EXPECT_EQ(run_probe(http_to(in_body.endpoint(), kBrief)).text, "L7TOUT after 50ms");
}

TEST(HttpProbe, ReportsConnectErrorsAsTcp) {
  const RefusedEndpoint nobody;
  EXPECT_EQ(run_probe(http_to(nobody.endpoint())).text, "L4CON connection refused");
  EXPECT_EQ(run_probe(http_to(port_80_of(kSilentAddress), kBrief)).text, "L4TOUT after 50ms");
  EXPECT_EQ(run_probe(http_to(port_80_of(kUnroutedAddress))).text, "L4CON network is unreachable");
}

TEST(HttpProbe, ClosesTheConnectionInOrder) {
  std::atomic<bool> proper = false;
  {
    TestServer server([&](int fd) {
      read_http_request(fd);
      send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      shutdown(fd, SHUT_WR);
      proper = peer_closes_properly(fd);
    });
    EXPECT_EQ(without_time(run_probe(http_to(server.endpoint()))), "L7OK/200 in");
  }
  EXPECT_TRUE(proper);
}

TEST(HttpProbe, DoesNotWaitForAServerThatDoesNotClose) {
  std::atomic<bool> proper = true;
  {
    TestServer server([&](int fd) {
      read_http_request(fd);
      send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      proper = peer_closes_properly(fd);
    });
    // The response was complete long before: the deadline ends the connection only.
    EXPECT_EQ(without_time(run_probe(http_to(server.endpoint(), config::Milliseconds(300)))),
              "L7OK/200 in");
  }
  EXPECT_FALSE(proper);
}

enum class PingPermission : std::uint8_t { kDatagram, kRawOnly };

class PingProbe : public testing::TestWithParam<PingPermission> {
 protected:
  // Which groups may open ICMP datagram sockets, in this network namespace.
  void SetUp() override {
    const char* range = GetParam() == PingPermission::kDatagram ? "0 0" : "1 0";
    const int fd = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(write(fd, range, 3), 3);
    close(fd);
  }
};

TEST_P(PingProbe, PassesForLoopback) {
  const Outcome outcome = run_probe(request_to(port_80_of("127.0.0.1"), CheckType::kPing));
  EXPECT_EQ(outcome.verdict, Verdict::kGood);
  EXPECT_EQ(without_time(outcome), "L3OK in");
}

TEST_P(PingProbe, TimesOutForASilentHost) {
  const Outcome outcome =
      run_probe(request_to(port_80_of(kSilentAddress), CheckType::kPing, kBrief));
  EXPECT_EQ(outcome.verdict, Verdict::kBad);
  EXPECT_EQ(outcome.text, "L3TOUT after 50ms");
}

TEST_P(PingProbe, FailsWithoutARoute) {
  const Outcome outcome = run_probe(request_to(port_80_of(kUnroutedAddress), CheckType::kPing));
  EXPECT_EQ(outcome.verdict, Verdict::kBad);
  EXPECT_EQ(outcome.text, "L3CON network is unreachable");
}

TEST_P(PingProbe, DistinguishesManyHostsOnOneSocket) {
  boost::asio::io_context io;
  auto prober = make_socket_prober(io);
  int good = 0;
  int silent = 0;
  for (int i = 1; i <= 200; ++i) {
    const bool answers = i % 4 != 0;
    const std::string address = (answers ? "127.0.1." : "198.18.0.") + std::to_string(i + 1);
    prober->start(
        request_to(port_80_of(address.c_str()), CheckType::kPing, answers ? kAmple : kBrief),
        [&, answers](const Outcome& outcome) {
          EXPECT_EQ(without_time(outcome), answers ? "L3OK in" : "L3TOUT after");
          ++(answers ? good : silent);
        });
  }
  while (good + silent < 200) io.run_one();
  EXPECT_EQ(good, 150);
  EXPECT_EQ(silent, 50);
  prober.reset();
  io.run();
}

TEST_P(PingProbe, ReportsNothingWhenCancelled) {
  boost::asio::io_context io;
  auto prober = make_socket_prober(io);
  const auto fail = [](const Outcome&) { FAIL() << "it was cancelled"; };
  prober->start(request_to(port_80_of("127.0.0.1"), CheckType::kPing), fail)->cancel();
  prober->start(request_to(port_80_of(kSilentAddress), CheckType::kPing), fail)->cancel();
  prober->start(request_to(port_80_of(kUnroutedAddress), CheckType::kPing), fail)->cancel();
  bool answered = false;
  prober->start(request_to(port_80_of("127.0.0.2"), CheckType::kPing),
                [&](const Outcome&) { answered = true; });
  while (!answered) io.run_one();
  prober.reset();
  io.run();
}

INSTANTIATE_TEST_SUITE_P(BothSockets, PingProbe,
                         testing::Values(PingPermission::kDatagram, PingPermission::kRawOnly),
                         [](const auto& param) {
                           return param.param == PingPermission::kDatagram ? "Datagram" : "Raw";
                         });

}  // namespace
}  // namespace lb::health
