// The sync link: one TLS 1.3 connection between two directors, always re-established. The director
// with the lower address connects, the other one listens. A peer that cannot prove the secret, has
// another protocol or another sync_id is refused and counted; that affects neither a session that
// is up, nor the thread for long. One thread: the one that runs the io_context.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"

namespace boost::asio {
class io_context;
}

namespace lb::sync {
class Heartbeat;
class Hello;
class Message;
}  // namespace lb::sync

namespace lb::controlplane::sync {

class Credentials;

// Raised with every incompatible change of a message or a batch.
inline constexpr std::uint32_t kSyncProtocol = 3;

// One table: the name is what `lbcli show sync` prints.
#define LB_SYNC_REFUSALS(X)                                                             \
  X(wrong_address, "a connection from an address that is not the peer's")               \
  X(not_proved, "the TLS handshake failed: another key, no certificate, or no TLS 1.3") \
  X(other_protocol, "the peer speaks another version of the sync protocol")             \
  X(other_sync_id, "the peer has another sync_id")                                      \
  X(malformed, "a malformed, too large or unexpected message")                          \
  X(out_of_order, "a batch or an acknowledgement with an unexpected number")            \
  X(silent, "no greeting in time")

enum class Refusal : std::uint8_t {
#define X(name, text) name,
  LB_SYNC_REFUSALS(X)
#undef X
      kCount
};
inline constexpr std::size_t kRefusals = static_cast<std::size_t>(Refusal::kCount);
std::string_view name_of(Refusal refusal);
std::string_view text_of(Refusal refusal);

class Link {
 public:
  using Clock = std::chrono::steady_clock;
  using Message = lb::sync::Message;

  struct Options {
    Endpoint listen;
    Endpoint peer;
    std::uint32_t sync_id = 0;
    std::chrono::milliseconds heartbeat{100};
    std::string director;            // our name
    std::vector<std::string> ports;  // by their numbers
  };
  struct Events {
    std::function<void(const lb::sync::Hello&)> up;
    std::function<void(const std::string& why)> down;
    std::function<void(const Message&)> message;          // any but Hello
    std::function<void(lb::sync::Heartbeat&)> fill_beat;  // contents of the next heartbeat
  };
  struct Counters {
    std::uint64_t sessions = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::array<std::uint64_t, kRefusals> refused{};
  };

  Link(boost::asio::io_context& io, Options options, std::unique_ptr<Credentials> credentials,
       Events events);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start();
  void stop();  // no event comes after it

  bool up() const;
  // When the last message came in this session; the epoch when there is none.
  Clock::time_point last_received() const;
  // In order. Dropped while the link is down.
  void send(const Message& message);
  void beat();  // a heartbeat now, beside those at a steady pace
  // The peer violated the protocol: the session ends.
  void refuse(Refusal refusal, const std::string& what);
  // The session is restarted: its state is lost on this side.
  void reset(const std::string& why);
  const Counters& counters() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane::sync
