// The other director as the sync link shows it: heartbeats, the connection table, its services.
// Runs on the event loop.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/base/result.h"
#include "config/model.h"
#include "controlplane/sync/check_words.h"
#include "controlplane/sync/link.h"
#include "controlplane/sync/mirror.h"
#include "vrrp/fsm.h"

namespace lb::api::control {
class HaPeer;
class Sync;
}  // namespace lb::api::control

namespace lb::sync {
class Switchover;
}

namespace lb::controlplane {

class Peer {
 public:
  using Clock = std::chrono::steady_clock;

  struct Events {
    std::function<void(lb::sync::Heartbeat&)> fill_beat;
    std::function<void()> heard;     // a heartbeat came; or the session ended
    std::function<void()> progress;  // the table may be complete now
    std::function<void(const lb::sync::Switchover&)> switchover;
    std::function<void(bool up, const std::string& why)> link;
    // What our own checks say, to be told the peer.
    std::function<sync::CheckWords(const sync::CheckKeys&)> check_words;
  };

  static Result<std::unique_ptr<Peer>> make(boost::asio::io_context& io, config::ConfigPtr config,
                                            Events events);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void start();
  // Another configuration: its services are compared with the peer's anew.
  void configure(config::ConfigPtr config);
  // Whether the data plane runs our configuration.
  void set_dataplane_ready(bool ready);

  // What the peer said of a group last; not alive when that is too long ago.
  vrrp::Peer group(const std::string& name) const;
  bool alive() const;
  // Whether our table has all that the peer has, or had when it was heard last.
  bool complete() const;
  bool peer_complete() const;
  bool connected() const;
  // Since when there has been no session; nothing: there is one.
  std::optional<Clock::time_point> unreachable_since() const;

  void beat();
  void flush(std::chrono::milliseconds limit, std::function<void(bool)> done);
  void send(const lb::sync::Switchover& message);
  // Asks what the peer's own checks say of at most kMaxCheckKeys real servers. False: it cannot be
  // asked now. Else `done` is called once or, when the link goes or another question comes, never.
  bool ask(const sync::CheckKeys& keys, sync::OnCheckWords done);

  void fill(api::control::HaPeer& peer) const;
  void fill(api::control::Sync& sync) const;

 private:
  struct Impl;
  explicit Peer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What differs between the services of two directors, a line each: pure. Keys are protocol and
// VIP:port, texts the canonical form of the configuration.
struct NamedService {
  std::string name;
  std::string text;
};
using ServiceTexts = std::map<std::string, NamedService>;
std::vector<std::string> differences(const ServiceTexts& ours, const ServiceTexts& theirs);

}  // namespace lb::controlplane
