#include "dataplane/api/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>

#include "dataplane/api/testing/server_fixture.h"

namespace lb::api {
namespace {

TEST_F(ServerTest, GreetsAndAnswers) {
  start();
  auto client = connect();
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_EQ(client->release(), LB_RELEASE);
  for (int i = 0; i < 3; ++i) {
    const auto response = client->call(stats_request());
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->stats().connections(), 42U);
  }
}

TEST_F(ServerTest, SocketIsForItsUserAndGoesWithTheServer) {
  start();
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  stop();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ServerTest, StreamsInOrder) {
  start();
  auto client = connect();
  ASSERT_TRUE(client);
  Request request;
  request.mutable_conns()->set_limit(1000);
  std::uint32_t rows = 0;
  const auto done = client->stream(request, [&](Response&& response) {
    EXPECT_EQ(response.conns().conns(0).client_port(), rows);
    ++rows;
    return true;
  });
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(rows, 1000U);
  EXPECT_TRUE(client->call(stats_request()));
}

TEST_F(ServerTest, SlowClientHoldsItsOwnAnswerOnly) {
  rows_bytes_ = 100'000;
  start();
  const int fd = raw();
  std::string frames;
  Request hello;
  hello.mutable_hello()->set_protocol(kProtocolVersion);
  frames += to_frame(hello).value();
  Request request;
  request.mutable_conns()->set_limit(10'000);
  frames += to_frame(request).value();
  ASSERT_EQ(::send(fd, frames.data(), frames.size(), 0), static_cast<ssize_t>(frames.size()));

  auto client = connect();
  ASSERT_TRUE(client);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client->call(stats_request()));
  // The socket's buffer takes a few rows; the other thousands are not made.
  EXPECT_LT(produced_.load(), 1000U);
  ::close(fd);
}

TEST_F(ServerTest, AnAnswerThatComesLaterHoldsUpNobodyElse) {
  start();
  auto patient = connect();
  auto other = connect();
  ASSERT_TRUE(patient && other);
  Request later;
  later.mutable_persistence();
  std::thread asking([&] {
    const auto response = patient->call(later);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->stats().connections(), 7U);
  });
  while (asked_ == 0) std::this_thread::yield();
  EXPECT_TRUE(other->call(stats_request()));
  Request now;
  now.mutable_sync();
  EXPECT_TRUE(other->call(now));
  asking.join();
  EXPECT_TRUE(patient->call(stats_request()));
}

TEST_F(ServerTest, AnAnswerThatComesLaterMayComeTooLate) {
  start();
  const int fd = raw();
  Request hello;
  hello.mutable_hello()->set_protocol(kProtocolVersion);
  Request later;
  later.mutable_persistence();
  const std::string frames = to_frame(hello).value() + to_frame(later).value();
  ASSERT_EQ(::send(fd, frames.data(), frames.size(), 0), static_cast<ssize_t>(frames.size()));
  while (asked_ == 0) std::this_thread::yield();
  ::close(fd);
  auto other = connect();
  ASSERT_TRUE(other);
  Request now;
  now.mutable_sync();
  EXPECT_TRUE(other->call(now));
  EXPECT_TRUE(other->call(stats_request()));
}

TEST_F(ServerTest, RequestBeforeHelloIsRefused) {
  start();
  const int fd = raw();
  const std::string frame = to_frame(stats_request()).value();
  ASSERT_EQ(::send(fd, frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  EXPECT_NE(read_all(fd).find("the first message must be Hello"), std::string::npos);
  ::close(fd);
}

TEST_F(ServerTest, OtherProtocolVersionNamesBothReleases) {
  start();
  const int fd = raw();
  Request hello;
  hello.mutable_hello()->set_protocol(99);
  hello.mutable_hello()->set_program("lbcli");
  hello.mutable_hello()->set_release("9.9.9");
  const std::string frame = to_frame(hello).value();
  ASSERT_EQ(::send(fd, frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  const std::string answer = read_all(fd);
  EXPECT_NE(answer.find("lbcli 9.9.9 speaks protocol 99"), std::string::npos);
  EXPECT_NE(answer.find("lb-dataplane " LB_RELEASE), std::string::npos);
  ::close(fd);
}

TEST_F(ServerTest, UnknownRequestIsAnErrorAndTheTalkGoesOn) {
  start();
  auto client = connect();
  ASSERT_TRUE(client);
  const auto response = client->call(Request());
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("does not know this request"), std::string::npos);
  EXPECT_TRUE(client->call(stats_request()));
}

TEST_F(ServerTest, ExceptionInHandlerEndsThatTalkOnly) {
  start();
  auto client = connect();
  auto other = connect();
  ASSERT_TRUE(client && other);
  Request request;
  request.mutable_snapshot();
  const auto response = client->call(request);
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("handler broke"), std::string::npos);
  EXPECT_TRUE(other->call(stats_request()));
}

TEST_F(ServerTest, TooLongFrameIsRefused) {
  start();
  const int fd = raw();
  ASSERT_EQ(::send(fd, "\xff\xff\xff\xff", 4, 0), 4);
  EXPECT_NE(read_all(fd).find("larger than the limit"), std::string::npos);
  ::close(fd);
}

TEST_F(ServerTest, GarbageHarmsNobody) {
  start(1'000);
  auto client = connect();
  ASSERT_TRUE(client);
  std::mt19937 random(1);
  std::uniform_int_distribution<int> byte(0, 255);
  for (int round = 0; round < 300; ++round) {
    const int fd = raw();
    std::string bytes(static_cast<std::size_t>(1 + round % 64), '\0');
    for (char& c : bytes) c = static_cast<char>(byte(random));
    if (round % 2 == 0) {
      // A right length in front, so that the message itself is garbage.
      const auto prefix = encode_prefix(static_cast<std::uint32_t>(bytes.size()));
      bytes.insert(bytes.begin(), prefix.begin(), prefix.end());
    }
    EXPECT_GE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
    ::close(fd);
  }
  EXPECT_TRUE(client->call(stats_request()));
}

TEST_F(ServerTest, MutatedMessagesHarmNobody) {
  start(1'000);
  auto client = connect();
  ASSERT_TRUE(client);
  Request hello;
  hello.mutable_hello()->set_protocol(kProtocolVersion);
  Request request;
  request.mutable_conns()->set_service("web");
  request.mutable_conns()->set_limit(2);
  const std::string greeting = to_frame(hello).value();
  const std::string good = to_frame(request).value();
  for (std::size_t at = kFramePrefixBytes; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = greeting + good;
      bytes[greeting.size() + at] = static_cast<char>(bytes[greeting.size() + at] ^ (1 << bit));
      const int fd = raw();
      EXPECT_GE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
      ::close(fd);
    }
  }
  EXPECT_TRUE(client->call(stats_request()));
}

TEST_F(ServerTest, StaleSocketIsReplaced) {
  std::filesystem::create_directories(folder_ + "/run");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ::close(fd);
  ASSERT_TRUE(std::filesystem::exists(path_));
  start();
  EXPECT_TRUE(connect());
}

TEST_F(ServerTest, LiveSocketIsNotReplaced) {
  start();
  boost::asio::io_context other;
  DataplaneServer second(
      other,
      {.path = path_, .program = "lb-dataplane", .takeover_wait = std::chrono::milliseconds(0)},
      [](const Request&) { return Response(); });
  const auto listening = second.listen();
  ASSERT_FALSE(listening);
  EXPECT_NE(listening.error().message.find("another lb-dataplane listens"), std::string::npos);
  EXPECT_TRUE(connect());
}

TEST_F(ServerTest, OrdinaryFileIsNotReplaced) {
  std::filesystem::create_directories(folder_ + "/run");
  std::ofstream(path_) << "precious";
  DataplaneServer server(
      context_,
      {.path = path_, .program = "lb-dataplane", .takeover_wait = std::chrono::milliseconds(0)},
      [](const Request&) { return Response(); });
  const auto listening = server.listen();
  ASSERT_FALSE(listening);
  EXPECT_NE(listening.error().message.find("not a socket"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace lb::api
