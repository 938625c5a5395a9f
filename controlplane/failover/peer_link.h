// The other director, over the sync link: its heartbeats and its connection table.
// Runs on the failover thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/base/result.h"
#include "controlplane/failover/peer_groups.h"
#include "controlplane/failover/settings.h"
#include "controlplane/sync/check_opinions.h"
#include "controlplane/sync/link.h"
#include "controlplane/sync/mirror.h"
#include "vrrp/fsm.h"

namespace lb::api::control {
class HaPeer;
class Sync;
}  // namespace lb::api::control

namespace lb::sync {
class Services;
class Switchover;
}  // namespace lb::sync

namespace lb::controlplane {

class PeerLink {
 public:
  using Clock = std::chrono::steady_clock;

  struct Events {
    std::function<void(lb::sync::Heartbeat&)> fill_beat;
    std::function<void()> update;    // a heartbeat came, or the session ended
    std::function<void()> progress;  // the table may be complete now
    std::function<void(const lb::sync::Switchover&)> switchover;
    std::function<void(bool up, const std::string& why)> link;
    // Heartbeats come late. Not for each of them.
    std::function<void(const std::string& text)> late_heartbeat;
    // The peer's services, and its name.
    std::function<void(const std::string& director, const lb::sync::Services&)> services;
    // The peer queries our own checks. `done` is called once, later, on the same thread.
    std::function<void(const sync::CheckKeys&, sync::OnCheckOpinions done)> check_opinions;
  };

  static Result<std::unique_ptr<PeerLink>> make(boost::asio::io_context& io, SettingsPtr settings,
                                                Events events);
  ~PeerLink();
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  void start();
  // New values of the configuration; sends its services to the peer.
  void configure(SettingsPtr settings);
  // Whether the data plane runs our configuration.
  void set_dataplane_ready(bool ready);

  // The last state of a group at the peer; not alive when it is too old.
  vrrp::Peer group(const std::string& name) const;
  // What it said of a group in this session; null: nothing, or there is no session.
  const PeerGroup* report(const std::string& name) const;
  bool alive() const;
  // Whether our table has all that the peer has, or had at its last message.
  bool complete() const;
  bool peer_complete() const;
  bool connected() const;
  // Since when there has been no session; nothing: there is one.
  std::optional<Clock::time_point> unreachable_since() const;

  void beat();
  void flush(std::chrono::milliseconds limit, std::function<void(bool)> done);
  void send(const lb::sync::Switchover& message);
  // Queries the peer's own checks of at most kMaxCheckKeys real servers. `done` is called once or,
  // when that is not possible, the link ends or another query follows, never.
  void ask(const sync::CheckKeys& keys, sync::OnCheckOpinions done);

  void fill(api::control::HaPeer& peer) const;
  void fill(api::control::Sync& sync) const;

 private:
  struct Impl;
  explicit PeerLink(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
