#include "controlplane/web/http_server.h"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <string>
#include <thread>

namespace lb::controlplane::web {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

LearntFile page(std::string text) {
  return std::make_shared<const Result<std::string>>(std::move(text));
}

const tcp::endpoint kAny(asio::ip::address_v4::loopback(), 0);

class Web : public ::testing::Test {
 protected:
  Web() {
    tcp::acceptor free(io_, kAny);
    port_ = free.local_endpoint().port();
  }
  void serve(const std::string& text) { server_.serve({{address(), page(text)}}); }
  Endpoint address() const { return Endpoint::parse("127.0.0.1:" + std::to_string(port_)).value(); }

  // As soon as the server listens.
  tcp::socket connect() {
    for (;;) {
      tcp::socket client(io_);
      error_code error;
      client.connect({kAny.address(), port_}, error);
      if (!error) return client;
      std::this_thread::yield();
    }
  }
  static std::string rest(tcp::socket& client) {
    std::string out;
    error_code ended;
    asio::read(client, asio::dynamic_buffer(out), ended);
    EXPECT_EQ(ended, asio::error::eof);
    return out;
  }
  std::string answer(const std::string& request) {
    tcp::socket client = connect();
    asio::write(client, asio::buffer(request));
    return rest(client);
  }
  static std::string body(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }

  asio::io_context io_;
  std::uint16_t port_ = 0;
  HttpServer server_{{.connections = 8}};
};

TEST_F(Web, AnswersWithThePage) {
  serve("<p>sorry</p>");
  const std::string got = answer("GET /shop?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << got;
  for (const char* field : {"Content-Type: text/html; charset=utf-8\r\n", "Content-Length: 12\r\n",
                            "Retry-After: 10\r\n", "Cache-Control: no-store\r\n",
                            "Connection: close\r\n", "\r\nDate: "}) {
    EXPECT_NE(got.find(field), std::string::npos) << field << got;
  }
  EXPECT_EQ(body(got), "<p>sorry</p>");
}

TEST_F(Web, HeadHasNoBody) {
  serve("<p>sorry</p>");
  const std::string got = answer("HEAD / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 503 "));
  EXPECT_NE(got.find("Content-Length: 12\r\n"), std::string::npos);
  EXPECT_EQ(body(got), "");
}

TEST_F(Web, ABodyIsNotWaitedFor) {
  serve("page");
  EXPECT_EQ(body(answer("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\nabc")),
            "page");
}

TEST_F(Web, WhatIsNoRequestIsRefused) {
  serve("page");
  const std::string long_header = "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n";
  for (const std::string& request : {std::string("\r\r\n\n\n"), std::string("GET\r\n\r\n"),
                                     std::string("\x16\x03\x01\x02\r\n\r\n"),
                                     std::string("GET / HTTP/9.9\r\n\r\n"), long_header}) {
    EXPECT_TRUE(answer(request).starts_with("HTTP/1.1 400 Bad Request\r\n"))
        << request.substr(0, 30);
  }
}

TEST_F(Web, SlowClientsKeepNobodyOut) {
  serve("page");
  std::deque<tcp::socket> slow;
  for (unsigned i = 0; i < 20; ++i) {
    slow.push_back(connect());
    asio::write(slow.back(), asio::buffer("GET / HT", 8));
  }
  EXPECT_EQ(body(answer("GET / HTTP/1.1\r\n\r\n")), "page");
  error_code ended;
  char byte = 0;
  EXPECT_EQ(slow.front().read_some(asio::buffer(&byte, 1), ended), 0u) << "the oldest had to go";
}

TEST_F(Web, TheTimeForARequestIsLimited) {
  HttpServer quick{{.request = std::chrono::milliseconds(50)}};
  quick.serve({{address(), page("page")}});
  tcp::socket client = connect();
  asio::write(client, asio::buffer("GET / HT", 8));
  EXPECT_EQ(rest(client), "");
}

TEST_F(Web, APageMayChange) {
  serve("one");
  EXPECT_EQ(body(answer("GET / HTTP/1.1\r\n\r\n")), "one");
  serve("two");
  while (body(answer("GET / HTTP/1.1\r\n\r\n")) != "two") std::this_thread::yield();
  server_.serve({});
  for (error_code error; !error;) {
    tcp::socket client(io_);
    client.connect({kAny.address(), port_}, error);
  }
}

TEST_F(Web, ListensWhereTheAddressIsNotThereYet) {
  HttpServer standby;
  standby.serve({{Endpoint::parse("192.0.2.10:" + std::to_string(port_)).value(), page("page")}});
  serve("other");
  EXPECT_EQ(body(answer("GET / HTTP/1.1\r\n\r\n")), "other");
}

}  // namespace
}  // namespace lb::controlplane::web
