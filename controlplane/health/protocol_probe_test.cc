// The probes of conversations, datagrams and scripts, on real sockets and programs.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <thread>

#include "controlplane/health/test_support.h"
#include "controlplane/os/test_user.h"

namespace lb::health {
namespace {

using boost::asio::ip::udp;
using config::CheckType;

Request request_with(const Endpoint& to, config::Check check) {
  if (check.timeout == config::Check{}.timeout) check.timeout = kAmple;
  return make_request("web", Endpoint::parse("192.0.2.10:80").value(), to, check);
}

TEST(DialogueProbe, CompletesADialogue) {
  std::string received;
  TestServer server([&](int fd) {
    send_text(fd, "220 ready\r\n");
    char buffer[64];
    const ssize_t greeted = recv(fd, buffer, sizeof buffer, 0);
    received.assign(buffer, static_cast<std::size_t>(greeted));
    send_text(fd, "250 hello\r\n");
    const ssize_t quit = recv(fd, buffer, sizeof buffer, 0);
    received.append(buffer, static_cast<std::size_t>(quit));
  });
  const Outcome outcome = run_probe(request_with(server.endpoint(), check_of(CheckType::kSmtp)));
  EXPECT_EQ(without_time(outcome), "L7OK/250 in");
  EXPECT_EQ(received, "EHLO localhost\r\nQUIT\r\n");
}

TEST(DialogueProbe, ReportsFailures) {
  config::Check check = check_of(CheckType::kSendExpect);
  check.expect = "^yes";
  TestServer closes([](int) {});
  EXPECT_EQ(run_probe(request_with(closes.endpoint(), check)).text,
            "L7RSP connection closed before an answer");
  TestServer says_no([](int fd) { send_text(fd, "no"); });
  EXPECT_EQ(run_probe(request_with(says_no.endpoint(), check)).text,
            "L7RSP connection closed before the expected answer");
  TestServer floods([](int fd) {
    while (send_text(fd, std::string(4096, 'x'))) {
    }
  });
  EXPECT_EQ(run_probe(request_with(floods.endpoint(), check)).text,
            "L7RSP no answer as expected within 16384 bytes");
  RefusedEndpoint refused;
  EXPECT_EQ(run_probe(request_with(refused.endpoint(), check)).text, "L4CON connection refused");
  check.timeout = kBrief;
  TestServer silent(wait_for_peer_to_close);
  EXPECT_EQ(run_probe(request_with(silent.endpoint(), check)).text, "L7TOUT after 50ms");
}

TEST(DialogueProbe, AcceptsAnAgentThatClosesWithoutALineEnd) {
  const auto ask = [](const std::string& line, bool reset) {
    TestServer agent([&](int fd) {
      char asked[64];
      EXPECT_GT(recv(fd, asked, sizeof asked, 0), 0);
      send_text(fd, line);
      const linger at_once{reset ? 1 : 0, 0};
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      wait_until_delivered(fd);
    });
    config::AgentCheck check;
    check.port = agent.endpoint().port;
    check.send = "state\n";
    check.timeout = kAmple;
    return run_probe(make_request(agent.endpoint(), check));
  };
  const Outcome outcome = ask("drain maxconn:30", false);
  EXPECT_EQ(without_time(outcome), "L7OK/drain maxconn:30 in");
  EXPECT_EQ(outcome.agent, parse_agent_line("drain maxconn:30"));
  EXPECT_EQ(ask("", false).text, "L7RSP connection closed before an answer");
  EXPECT_EQ(ask("hello", false).agent, AgentReport{});
  EXPECT_EQ(ask("1", true).text, "L7RSP connection reset") << "it may have begun 100%";
}

TEST(DialogueProbe, IsInconclusiveWithoutThePasswordFile) {
  config::Check check = check_of(CheckType::kRedis);
  check.password_file = "/nowhere/password";
  const Outcome outcome = run_probe(request_with({Address::parse("127.0.0.1").value(), 1}, check));
  EXPECT_EQ(outcome.verdict, Verdict::kInconclusive);
}

TEST(Probes, UseTheConfiguredSource) {
  std::string from;
  TestServer server([&](int fd) {
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length);
    from = Ipv4Address{Be32{peer.sin_addr.s_addr}}.to_string();
    send_text(fd, "+OK\r\n");
  });
  config::Check check = check_of(CheckType::kPop3);
  check.source = Address::parse("127.0.0.9").value();
  EXPECT_EQ(run_probe(request_with(server.endpoint(), check)).verdict, Verdict::kGood);
  EXPECT_EQ(from, "127.0.0.9");
}

TEST(Probes, HaveTheirOwnConnectTimeout) {
  for (const CheckType type : {CheckType::kTcp, CheckType::kHttp, CheckType::kFtp}) {
    config::Check check = check_of(type);
    check.connect_timeout = kBrief;
    EXPECT_EQ(run_probe(request_with({Address::parse(kSilentAddress).value(), 80}, check)).text,
              "L4TOUT after 50ms");
  }
}

TEST(HttpProbe, ComparesTheBody) {
  TestServer server([](int fd) {
    read_http_request(fd);
    send_text(fd, "HTTP/1.1 201 OK\r\nContent-Length: 6\r\n\r\nhello\n");
  });
  config::Check check = check_of(CheckType::kHttp);
  check.expect_status = {{200, 299}};
  check.expect_body = "^hel+o$";
  const auto text = [&] { return without_time(run_probe(request_with(server.endpoint(), check))); };
  EXPECT_EQ(text(), "L7RSP the body does not match expect_body");
  check.expect_body = "^hel+o\n$";
  EXPECT_EQ(text(), "L7OK/201 in");
  check.expect_body_sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
  EXPECT_EQ(text(), "L7OK/201 in");
  check.expect_body_sha256[0] = '6';
  EXPECT_EQ(text(),
            "L7RSP the body's SHA-256 is "
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
}

// Answers one datagram.
class UdpServer {
 public:
  explicit UdpServer(std::string answer)
      : socket_(io_, udp::endpoint(boost::asio::ip::make_address_v4("127.0.0.1"), 0)),
        thread_([this, answer = std::move(answer)] {
          char buffer[512];
          udp::endpoint from;
          boost::system::error_code ignored;
          socket_.receive_from(boost::asio::buffer(buffer), from, 0, ignored);
          socket_.send_to(boost::asio::buffer(answer), from, 0, ignored);
        }) {}
  ~UdpServer() { thread_.join(); }
  UdpServer(const UdpServer&) = delete;
  UdpServer& operator=(const UdpServer&) = delete;

  Endpoint endpoint() const {
    return {Address::parse("127.0.0.1").value(), socket_.local_endpoint().port()};
  }

 private:
  boost::asio::io_context io_;
  udp::socket socket_;
  std::thread thread_;
};

TEST(UdpProbe, EvaluatesTheAnswer) {
  config::Check check = check_of(CheckType::kUdp);
  check.send = "ping";
  check.expect = "^pong";
  {
    UdpServer server("pong!");
    EXPECT_EQ(without_time(run_probe(request_with(server.endpoint(), check))), "L7OK in");
  }
  UdpServer server("no");
  EXPECT_EQ(run_probe(request_with(server.endpoint(), check)).text, "L7RSP unexpected answer");
}

TEST(UdpProbe, PassesOnSilenceWithoutExpect) {
  config::Check check = check_of(CheckType::kUdp);
  check.send = "ping";
  check.timeout = kBrief;
  const Endpoint silent{Address::parse(kSilentAddress).value(), 53};
  EXPECT_EQ(run_probe(request_with(silent, check)).text, "L4OK neither answer nor error");
  check.expect = "x";
  EXPECT_EQ(run_probe(request_with(silent, check)).text, "L7TOUT after 50ms");
  check.expect.clear();
  check.timeout = kAmple;
  RefusedEndpoint taken_for_tcp;  // no UDP there
  EXPECT_EQ(run_probe(request_with(taken_for_tcp.endpoint(), check)).text,
            "L4CON port unreachable");
}

Outcome run_script(const std::string& text, config::Check check = check_of(CheckType::kScript)) {
  check.command = {"/bin/sh", "-c", text};
  if (check.user.empty()) check.user = test::own_user();
  return run_probe(request_with({Address::parse("10.0.0.1").value(), 80}, check));
}

TEST(ScriptProbe, EvaluatesTheExitStatus) {
  EXPECT_EQ(without_time(run_script("exit 0")), "L7OK/0 in");
  EXPECT_EQ(run_script("exit 1").text, "L7STS/1");
  EXPECT_EQ(run_script("test $BALLAST_SERVICE-$BALLAST_RS:$BALLAST_RS_PORT-$BALLAST_VIP = "
                       "web-10.0.0.1:80-192.0.2.10")
                .verdict,
            Verdict::kGood);
  config::Check nagios = check_of(CheckType::kScript);
  nagios.script_style = config::ScriptStyle::kNagios;
  EXPECT_EQ(run_script("exit 1", nagios).verdict, Verdict::kGood);
  EXPECT_EQ(run_script("exit 2", nagios).verdict, Verdict::kBad);
}

TEST(ScriptProbe, ReadsAWeightFromTheStatus) {
  config::Check check = check_of(CheckType::kScript);
  check.dynamic_weight = true;
  EXPECT_EQ(run_script("exit 2", check).weight, 0);
  EXPECT_EQ(run_script("exit 102", check).weight, 100);
  EXPECT_FALSE(run_script("exit 0", check).weight);
  EXPECT_EQ(run_script("exit 1", check).verdict, Verdict::kBad);
}

TEST(ScriptProbe, KillsAScriptThatHangs) {
  config::Check check = check_of(CheckType::kScript);
  check.timeout = kBrief;
  EXPECT_EQ(run_script("sleep 1000", check).text, "L7TOUT killed after 50 ms");
  check.timeout = kAmple;
  check.user = "nobody-of-that-name";
  EXPECT_EQ(run_script("exit 0", check).verdict, Verdict::kInconclusive);
}

}  // namespace
}  // namespace lb::health
