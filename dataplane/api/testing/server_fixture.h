// For tests: a server on a thread of its own.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "dataplane/api/client.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/server.h"

namespace lb::api {

using FixtureClient = Client<Request, Response>;
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

  void start(std::size_t clients = 64) { start_with({.clients = clients}); }

  void start_with(const ServerLimits& limits, bool read_only = false) {
    const ServerOptions options{
        .path = path_, .program = "lb-dataplane", .read_only = read_only, .limits = limits};
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

  Result<FixtureClient> connect(std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    return FixtureClient::connect(path_, {"lbcli", "lb-dataplane", timeout});
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

}  // namespace lb::api
