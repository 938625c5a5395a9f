#include "dataplane/api/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <utility>

#include "dataplane/api/client.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::api {
namespace {

using DataplaneClient = Client<Request, Response>;
using DataplaneServer = Server<Request, Response>;

// A server on a thread of its own, in a folder of its own.
class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lb-api-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/run/dataplane.sock";
  }

  ~ServerTest() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  void start(std::size_t max_clients = 64) {
    const ServerOptions options{
        .path = path_, .program = "lb-dataplane", .max_clients = max_clients};
    server_ = std::make_unique<DataplaneServer>(
        context_, options, [this](const Request& request) { return handle(request); });
    const auto listening = server_->listen();
    ASSERT_TRUE(listening) << listening.error().message;
    thread_ = std::thread([this] { context_.run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(context_, [this] { server_->close(); });
    thread_.join();
  }

  DataplaneServer::Answer handle(const Request& request) {
    Response response;
    switch (request.kind_case()) {
      case Request::kStats:
        response.mutable_stats()->set_connections(42);
        return response;
      case Request::kConns:
        // `limit` responses of one row each.
        return DataplaneServer::Producer([this, left = request.conns().limit(), n = 0U]() mutable {
          Response chunk;
          chunk.mutable_conns()->add_conns()->set_service(std::string(rows_bytes_, 's'));
          chunk.mutable_conns()->mutable_conns(0)->set_client_port(n++);
          chunk.set_more(--left > 0);
          ++produced_;
          return chunk;
        });
      case Request::kPersistence:
        // Answered when the next kSync comes.
        return DataplaneServer::Later([this](DataplaneServer::Reply reply) {
          response_due_ = std::move(reply);
          ++asked_;
        });
      case Request::kSync:
        response.mutable_stats()->set_connections(7);
        if (response_due_) std::exchange(response_due_, nullptr)(response);
        return response;
      case Request::kSnapshot:
        throw std::runtime_error("handler broke");
      default:
        response.set_error("not in this test");
        return response;
    }
  }

  Result<DataplaneClient> connect(std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    return DataplaneClient::connect(path_, {"lbcli", "lb-dataplane", timeout});
  }

  // A socket that speaks no protocol.
  int raw() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  static std::string read_all(int fd) {
    std::string all;
    char buffer[4096];
    for (;;) {
      const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
      if (n <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(n));
    }
  }

  static Request stats_request() {
    Request request;
    request.mutable_stats();
    return request;
  }

  std::string folder_;
  std::string path_;
  std::size_t rows_bytes_ = 1;
  std::atomic<std::size_t> produced_{0};
  std::atomic<int> asked_ = 0;  // for what is answered later
  DataplaneServer::Reply response_due_;
  boost::asio::io_context context_;
  std::unique_ptr<DataplaneServer> server_;
  std::thread thread_;
};

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

TEST_F(ServerTest, SocketHasMode0660AndGoesWithTheServer) {
  start();
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
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
