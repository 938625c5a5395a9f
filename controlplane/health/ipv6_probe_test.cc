// Every kind of probe against servers on ::1.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <thread>

#include "config/base/socket_address.h"
#include "controlplane/health/test_support.h"

namespace lb::health {
namespace {

using namespace std::string_literals;
using config::CheckType;

constexpr config::Milliseconds kAmple{60'000};

Endpoint vip() {
  return Endpoint::parse("[2001:db8::10]:80").value();
}

Request request_to_ipv6(const Endpoint& to, CheckType type) {
  config::Check check;
  check.type = type;
  check.timeout = kAmple;
  return make_request("web", vip(), to, check);
}

TEST(Ipv6Probe, PassesForAListeningPort) {
  const TestServer server(wait_for_peer_to_close, kLoopback6);
  EXPECT_EQ(without_time(run_probe(request_to_ipv6(server.endpoint(), CheckType::kTcp))),
            "L4OK in");
}

TEST(Ipv6Probe, FailsForAClosedPort) {
  const RefusedEndpoint nobody(kLoopback6);
  EXPECT_EQ(run_probe(request_to_ipv6(nobody.endpoint(), CheckType::kTcp)).text,
            "L4CON connection refused");
}

TEST(Ipv6Probe, SendsTheVipInBracketsAsHost) {
  std::string asked;
  TestServer server(
      [&](int fd) {
        asked = read_http_request(fd);
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      },
      kLoopback6);
  EXPECT_EQ(without_time(run_probe(request_to_ipv6(server.endpoint(), CheckType::kHttp))),
            "L7OK/200 in");
  EXPECT_NE(asked.find("Host: [2001:db8::10]:80\r\n"), std::string::npos) << asked;
}

TEST(Ipv6Probe, CompletesADialogue) {
  std::string from;
  TestServer server(
      [&](int fd) {
        SocketAddress peer;
        getpeername(fd, peer.data(), peer.size());
        from = peer.endpoint()->address.to_string();
        send_text(fd, "+OK\r\n");
      },
      kLoopback6);
  Request request = request_to_ipv6(server.endpoint(), CheckType::kPop3);
  request.source = Address::parse(kLoopback6).value();
  EXPECT_EQ(run_probe(request).verdict, Verdict::kGood);
  EXPECT_EQ(from, "::1");
}

TEST(Ipv6Probe, PassesForAHostThatAnswersPings) {
  const Endpoint host(Address::parse(kLoopback6).value(), 0);
  EXPECT_EQ(without_time(run_probe(request_to_ipv6(host, CheckType::kPing))), "L3OK in");
}

TEST(Ipv6Probe, FailsWithoutARoute) {
  const Endpoint nowhere(Address::parse("2001:db8::99").value(), 80);
  EXPECT_EQ(run_probe(request_to_ipv6(nowhere, CheckType::kTcp)).text,
            "L4CON network is unreachable");
  EXPECT_EQ(run_probe(request_to_ipv6(nowhere, CheckType::kPing)).text,
            "L3CON network is unreachable");
}

// Answers one datagram.
class Ipv6UdpServer {
 public:
  using Answer = std::function<std::string(std::string question)>;

  explicit Ipv6UdpServer(Answer answer) {
    SocketAddress address(Endpoint(Address::parse(kLoopback6).value(), 0));
    socket_ = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(socket_, address.data(), *address.size()), 0);
    EXPECT_EQ(getsockname(socket_, address.data(), address.size()), 0);
    endpoint_ = address.endpoint().value();
    thread_ = std::thread([this, answer = std::move(answer)] {
      std::array<char, 512> buffer;
      SocketAddress from;
      const ssize_t got =
          recvfrom(socket_, buffer.data(), buffer.size(), 0, from.data(), from.size());
      if (got <= 0) return;
      const std::string text = answer({buffer.data(), static_cast<std::size_t>(got)});
      sendto(socket_, text.data(), text.size(), 0, from.data(), *from.size());
    });
  }
  ~Ipv6UdpServer() {
    thread_.join();
    close(socket_);
  }
  Ipv6UdpServer(const Ipv6UdpServer&) = delete;
  Ipv6UdpServer& operator=(const Ipv6UdpServer&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }

 private:
  int socket_ = -1;
  Endpoint endpoint_;
  std::thread thread_;
};

TEST(Ipv6Probe, PassesForAnAnsweredDatagram) {
  Ipv6UdpServer server([](const std::string&) { return "pong!"; });
  Request request = request_to_ipv6(server.endpoint(), CheckType::kUdp);
  request.send = "ping";
  request.expect = "^pong";
  EXPECT_EQ(without_time(run_probe(request)), "L7OK in");
}

TEST(Ipv6Probe, FailsForAnUnreachableUdpPort) {
  const RefusedEndpoint taken_for_tcp(kLoopback6);  // no UDP there
  Request request = request_to_ipv6(taken_for_tcp.endpoint(), CheckType::kUdp);
  request.send = "ping";
  EXPECT_EQ(run_probe(request).text, "L4CON port unreachable");
}

TEST(Ipv6Probe, FindsAnAddressAmongDnsAnswers) {
  // The question, and one record: AAAA, IN, a minute, 2001:db8::1.
  Ipv6UdpServer server([](std::string message) {
    message[2] = '\x81';
    message[3] = '\x80';
    message[7] = 1;
    return message + "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10"s + "\x20\x01\x0d\xb8"s +
           std::string(11, '\0') + '\1';
  });
  Request request = request_to_ipv6(server.endpoint(), CheckType::kDns);
  request.query = "www.example.com";
  request.query_type = config::DnsType::kAaaa;
  request.expect_address = Address::parse("2001:db8::1").value();
  EXPECT_EQ(without_time(run_probe(request)), "L7OK/NOERROR in");
}

}  // namespace
}  // namespace lb::health
