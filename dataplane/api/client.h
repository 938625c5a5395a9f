// Blocking client of a daemon's local API, for lbcli and tests. One thread at a time.
//
//   auto client = DataplaneClient::connect(path, {.program = "lbcli", .daemon = "lb-dataplane"});
//   auto response = client->call(request);
//
// Templated over Request and Response so that it serves the data plane's and the control plane's
// API; the socket part knows bytes only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "config/base/result.h"
#include "dataplane/api/error_codec.h"
#include "dataplane/api/frame.h"

namespace lb::api {

// A connected UNIX stream socket that carries frames. Movable; closes itself.
class FrameSocket {
 public:
  // Every wait, for connecting, for room to send, for the next frame, ends after `timeout`.
  static Result<FrameSocket> connect(const std::string& path, const std::string& daemon,
                                     std::chrono::milliseconds timeout);
  FrameSocket(FrameSocket&& other) noexcept;
  FrameSocket& operator=(FrameSocket&& other) noexcept;
  FrameSocket(const FrameSocket&) = delete;
  FrameSocket& operator=(const FrameSocket&) = delete;
  ~FrameSocket();

  Result<void> send(const std::string& frame);
  // The bytes of the next message, without its prefix.
  Result<std::string> receive();

 private:
  FrameSocket(int fd, std::string peer, std::chrono::milliseconds timeout)
      : fd_(fd), peer_(std::move(peer)), timeout_(timeout) {}
  Result<void> wait(short events);
  Result<void> read_exactly(char* to, std::size_t bytes);

  int fd_ = -1;
  std::string peer_;  // "lb-dataplane (/run/ballast/dataplane.sock)", for messages
  std::chrono::milliseconds timeout_;
};

struct ClientOptions {
  std::string program;  // our own name, for Hello
  std::string daemon;   // the expected daemon, for messages
  std::chrono::milliseconds timeout{10'000};
};

template <typename Request, typename Response>
class Client {
 public:
  // Connects and exchanges Hello.
  static Result<Client> connect(const std::string& path, const ClientOptions& options) {
    auto socket = FrameSocket::connect(path, options.daemon, options.timeout);
    if (!socket) return tl::make_unexpected(socket.error());
    Client client(std::move(*socket));
    Request request;
    request.mutable_hello()->set_protocol(kProtocolVersion);
    request.mutable_hello()->set_program(options.program);
    request.mutable_hello()->set_release(LB_RELEASE);
    auto response = client.call(std::move(request));
    if (!response) return tl::make_unexpected(response.error());
    const auto& hello = response->hello();
    if (hello.protocol() != kProtocolVersion) {
      return fail(options.daemon + " " + hello.release() + " speaks protocol " +
                  std::to_string(hello.protocol()) + ", " + options.program + " " + LB_RELEASE +
                  " speaks " + std::to_string(kProtocolVersion) +
                  "; install the same release of both");
    }
    client.release_ = hello.release();
    return client;
  }

  // Release of the daemon, as it said in Hello.
  const std::string& release() const { return release_; }

  // A request with one response. An error that the daemon answered is returned as ours; of kind
  // kUnreachable is one of the connection.
  Result<Response> call(Request request) {
    if (auto sent = send(std::move(request)); !sent) return tl::make_unexpected(sent.error());
    return receive();
  }

  // A request with many responses: `on_response(Response&&)` is called for each as it comes; it
  // returns false to stop early, after which the connection is of no further use.
  template <typename OnResponse>
  Result<void> stream(Request request, OnResponse&& on_response) {
    if (auto sent = send(std::move(request)); !sent) return sent;
    for (;;) {
      auto response = receive();
      if (!response) return tl::make_unexpected(response.error());
      const bool more = response->more();
      if (!on_response(std::move(*response)) || !more) return {};
    }
  }

 private:
  explicit Client(FrameSocket socket) : socket_(std::move(socket)) {}

  Result<void> send(Request request) {
    request.set_id(++last_id_);
    auto frame = to_frame(request);
    if (!frame) return tl::make_unexpected(frame.error());
    return socket_.send(*frame);
  }

  Result<Response> receive() {
    auto bytes = socket_.receive();
    if (!bytes) return tl::make_unexpected(bytes.error());
    Response response;
    if (!from_bytes(*bytes, response)) return fail("the answer of the daemon is malformed");
    if (!response.error().empty()) return tl::make_unexpected(error_of(response));
    if (response.id() != last_id_) return fail("the daemon answered another request than ours");
    return response;
  }

  FrameSocket socket_;
  std::string release_;
  std::uint64_t last_id_ = 0;
};

}  // namespace lb::api
