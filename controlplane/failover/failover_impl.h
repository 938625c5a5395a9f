// The parts of Failover; for its own files only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controlplane/failover/failover.h"
#include "controlplane/failover/notifier.h"
#include "controlplane/failover/peer.h"
#include "controlplane/failover/tracks.h"
#include "controlplane/failover/unit.h"

namespace lb::controlplane {

// Mastership on its way to the peer: flush, ask, leave, wait for word.
struct Running {
  std::set<std::string> groups;  // the peer has yet to take
  Unit::Clock::time_point begun;
  std::string reason;
};

// Of the last planned switchover that was begun here.
struct HandoverOutcome {
  std::string groups;
  bool over = false;
  bool done = false;
  std::string text;
  std::chrono::milliseconds took{0};
};

struct Failover::Impl : std::enable_shared_from_this<Impl> {
  using Clock = Unit::Clock;

  Impl(boost::asio::io_context& io, config::ConfigPtr config, const netlink::State& state,
       Host host);

  // failover.cc
  void make_units();
  void add_unit(const std::string& name, const std::vector<const config::HaInstance*>& instances);
  Result<void> start();
  void configure(config::ConfigPtr next);
  void look();
  bool failing(const config::HaTrack& track) const;
  std::optional<Ipv4Address> first_address(const std::string& interface) const;
  void on_transition(Unit& unit, vrrp::State from, vrrp::State to, const std::string& reason);
  void apply_roles();
  void announce(const Unit& unit);
  void fill_beat(lb::sync::Heartbeat& beat) const;
  void heard_peer();
  std::chrono::milliseconds gate_timeout() const;
  std::string closed_gate() const;  // why it is closed; empty: it is open
  void look_at_gate();
  void tick();
  Unit* find(const std::string& group);

  // handover.cc
  Result<std::string> command(const api::control::HaCommand& command);
  Result<std::string> switchover(const std::set<std::string>& groups, const std::string& reason);
  std::string hindrance(const Unit& unit) const;  // to a switchover; empty: none
  void give(bool flushed);
  void take_back(const std::string& why);
  void on_switchover(const lb::sync::Switchover& message);
  void end_handover(bool done, const std::string& text);
  void leave(std::function<void()> done);

  // status.cc
  void fill_status(api::control::Status& status) const;
  void fill_unit(const Unit& unit, api::control::Status& status) const;

  boost::asio::io_context& io;
  config::ConfigPtr config;
  const netlink::State& state;
  const Host host;
  Scripts scripts;
  Notifier notifier;
  std::unique_ptr<Peer> peer;  // null without [ha.sync]
  std::vector<std::unique_ptr<Unit>> units;
  std::map<const Unit*, Clock::time_point> announced;
  std::deque<HaEvent> events;
  boost::asio::steady_timer ticker;
  const Clock::time_point started = Clock::now();
  Clock::time_point gate_closed_at = started;
  Clock::time_point refreshed = Clock::now();

  std::optional<Running> handover;
  boost::asio::steady_timer handover_timer;
  std::optional<HandoverOutcome> last_handover;
  std::function<void()> leaving;
};

}  // namespace lb::controlplane
