// For the tests of probes: a network of their own, odd servers, and a way to run one probe.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "controlplane/health/probe.h"

namespace lb::health {

// The tests run in a network namespace of their own, which has:
//   lo     127.0.0.0/8, ::1
//   void0  198.18.0.1/24: what is sent there never arrives anywhere, and nothing answers
// and no route to anywhere else.
inline constexpr const char* kLoopback = "127.0.0.1";
inline constexpr const char* kLoopback6 = "::1";
inline constexpr const char* kSilentAddress = "198.18.0.2";
inline constexpr const char* kUnroutedAddress = "203.0.113.1";

// Time-outs of checks.
inline constexpr config::Milliseconds kAmple{60'000};
inline constexpr config::Milliseconds kBrief{
    50};  // only where running out of time is what is tested

inline config::Check check_of(config::CheckType type) {
  config::Check check;
  check.type = type;
  return check;
}

// A TCP server on loopback, with a thread that serves one connection after the other.
class TestServer {
 public:
  using Serve = std::function<void(int fd)>;  // the connection is closed after it

  explicit TestServer(Serve serve, const char* address = kLoopback);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }

 private:
  void accept_all(const Serve& serve);

  Endpoint endpoint_;  // before the socket, which fills it in
  int listener_;
  std::thread thread_;
};

// An address that refuses connections: a bound socket that does not listen.
class RefusedEndpoint {
 public:
  explicit RefusedEndpoint(const char* address = kLoopback);
  ~RefusedEndpoint();
  RefusedEndpoint(const RefusedEndpoint&) = delete;
  RefusedEndpoint& operator=(const RefusedEndpoint&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }

 private:
  Endpoint endpoint_;  // before the socket, which fills it in
  int socket_;
};

// For use in Serve. Reading ends at the blank line after the header, or with the connection.
std::string read_http_request(int fd);
bool send_text(int fd, const std::string& text);  // false: the peer is gone
void wait_for_peer_to_close(int fd);
// Until the peer's kernel has all that was sent.
void wait_until_delivered(int fd);
// True when the connection ended in order (FIN), false when it was reset.
bool peer_closes_properly(int fd);

// Runs the probe and then what it leaves to do after its result.
Outcome run_probe(const Request& request);

// "L4OK in 1ms" -> "L4OK in": tests assert nothing about durations.
std::string without_time(const Outcome& outcome);

}  // namespace lb::health
