#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "dataplane/api/testing/server_fixture.h"

namespace lb::api {
namespace {

TEST_F(ServerTest, RefusesTooManyClientsWithAMessage) {
  start(2);
  auto first = connect();
  auto second = connect();
  ASSERT_TRUE(first && second);
  const auto third = connect();
  ASSERT_FALSE(third);
  EXPECT_NE(third.error().message.find("serves 2 clients already"), std::string::npos);
  EXPECT_TRUE(first->call(stats_request()));
}

TEST_F(ServerTest, AUserHasAPartOfThePlaces) {
  start_with({.clients = 8, .for_everybody = true});
  auto first = connect();
  auto second = connect();
  ASSERT_TRUE(first && second);
  EXPECT_NE(connect().error().message.find("serves 2 clients of user " +
                                           std::to_string(::geteuid()) + " already"),
            std::string::npos);
  first = tl::make_unexpected(Error{"closed"});
  // The server notices a bit later.
  for (int i = 0; i < 1000 && !first; ++i) first = connect();
  EXPECT_TRUE(first);
  EXPECT_TRUE(second->call(stats_request()));
}

TEST_F(ServerTest, SilentClientsLoseTheConnection) {
  using std::chrono::milliseconds;
  start_with({.greeting = milliseconds(50)});
  const int silent = raw();
  EXPECT_EQ(read_all(silent), "");
  ::close(silent);
}

TEST_F(ServerTest, IdleClientsLoseTheConnection) {
  start_with({.idle = std::chrono::milliseconds(100), .for_everybody = true});
  Request hello;
  hello.mutable_hello()->set_protocol(kProtocolVersion);
  const std::string greeting = to_frame(hello).value();
  const int greeted = raw();
  ASSERT_GT(::send(greeted, greeting.data(), greeting.size(), MSG_NOSIGNAL), 0);
  EXPECT_NE(read_all(greeted).find("lb-dataplane"), std::string::npos);
  ::close(greeted);
  // A request that has begun does not count.
  const int slow = raw();
  const std::string begun = greeting + to_frame(stats_request()).value().substr(0, 5);
  ASSERT_GT(::send(slow, begun.data(), begun.size(), MSG_NOSIGNAL), 0);
  EXPECT_NE(read_all(slow).find("lb-dataplane"), std::string::npos);
  ::close(slow);
}

TEST_F(ServerTest, OurOwnUserMayBeIdle) {
  using std::chrono::milliseconds;
  start_with({.idle = milliseconds(1)});
  auto client = connect();
  ASSERT_TRUE(client);
  const int silent = raw();  // gives the server more time than that
  ::close(silent);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_TRUE(client->call(stats_request()));
}

TEST_F(ServerTest, WhoDoesNotReadLosesTheConnection) {
  rows_bytes_ = 1'000'000;
  start_with({.unread = std::chrono::milliseconds(50)});
  Request hello;
  hello.mutable_hello()->set_protocol(kProtocolVersion);
  Request request;
  request.mutable_conns()->set_limit(1'000);
  const std::string sent = to_frame(hello).value() + to_frame(request).value();
  const int fd = raw();
  ASSERT_GT(::send(fd, sent.data(), sent.size(), MSG_NOSIGNAL), 0);
  pollfd gone{fd, 0, 0};  // waits for the end alone
  EXPECT_EQ(::poll(&gone, 1, 20'000), 1);
  EXPECT_LT(produced_, 10U);
  ::close(fd);
}

TEST_F(ServerTest, ManyRequestsAreDelayedAndAnswered) {
  start_with({.for_everybody = true});
  Request hello;
  hello.mutable_hello()->set_protocol(kProtocolVersion);
  std::string sent = to_frame(hello).value();
  for (int i = 0; i < 100; ++i) sent += to_frame(stats_request()).value();
  const auto begun = std::chrono::steady_clock::now();
  const int fd = raw();
  ASSERT_EQ(::send(fd, sent.data(), sent.size(), MSG_NOSIGNAL), static_cast<ssize_t>(sent.size()));
  ::shutdown(fd, SHUT_WR);
  const std::string answers = read_all(fd);
  EXPECT_GT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(900));
  ::close(fd);
  Response one;
  one.mutable_stats()->set_connections(42);
  EXPECT_GE(answers.size(), 100 * to_frame(one).value().size());
}

TEST_F(ServerTest, ReadersSendSmallRequestsAlone) {
  start_with({}, true);
  auto client = connect();
  ASSERT_TRUE(client);
  Request request;
  request.mutable_conns()->set_service(std::string(5'000, 's'));
  const auto response = client->call(request);
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("larger than the limit of 4096 for readers"),
            std::string::npos)
      << response.error().message;
}

}  // namespace
}  // namespace lb::api
