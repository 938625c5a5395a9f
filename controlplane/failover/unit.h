// Runs one sync group: its state machine, its sockets, its timers. Callbacks request changes of
// addresses and connections. Runs on the failover thread.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/base/log_limit.h"
#include "config/model.h"
#include "controlplane/failover/lateness.h"
#include "controlplane/failover/tracks.h"
#include "controlplane/netlink/model.h"
#include "vrrp/fsm.h"
#include "vrrp/io.h"

namespace lb::controlplane {

class Unit {
 public:
  using Clock = std::chrono::steady_clock;

  // What the unit reads; after any change of it update() must be called.
  struct Inputs {
    std::function<const netlink::Link*(const std::string& name)> link;
    std::function<bool(const netlink::Link&)> works;  // it can carry packets
    std::function<bool(const netlink::Link&, Address)> has_address;
    std::function<bool(const config::HaTrack&)> failing;
    // Why its resources keep the instance from being master; empty: they do not.
    std::function<std::string(const std::string& instance)> resource_fault;
    // Of the interface, in the configuration.
    std::function<std::optional<Ipv4Address>(const std::string& name)> first_address;
  };
  struct Events {
    std::function<void(vrrp::State from, vrrp::State to, const std::string& reason)> transition;
    // Another director is master: addresses that a previous process left here must go.
    std::function<void()> settled;
    std::function<void()> announce;
    // The peer's present state, asked before the master counts as silent.
    std::function<vrrp::Peer()> peer;
    // A router that may not take part sends adverts. Not for each of them.
    std::function<void(const std::string& instance, const std::string& text)> unknown_router;
    // Adverts of the master come late. Not for each of them.
    std::function<void(const std::string& instance, const std::string& text)> late_advert;
  };
  struct Member {
    const config::HaInstance* config = nullptr;
    std::unique_ptr<vrrp::Io> io;
    int link_index = 0;  // that the socket was opened on, and for which address
    Ipv4Address source;
    TrackResult track_result;
    std::string fault;
    std::optional<Address> master;  // of the last advert that counts
    Clock::time_point last_advert;
    Ipv4Address deferred_source;  // of the advert that waits for the peer's report
    std::uint8_t deferred_priority = 0;
    std::optional<Clock::time_point> reported;  // an unknown router, the last time
    Lateness late;
    std::optional<Clock::time_point> late_reported;  // the last time
  };

  // The instances must outlive this, or configure() must come first.
  // `has_link`: there is a sync link, by which the peer is known.
  Unit(boost::asio::io_context& io, std::string name,
       const std::vector<const config::HaInstance*>& instances, bool has_link, Inputs inputs,
       Events events);
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  void start();
  // New values of the same instances, found by name among all instances.
  void configure(const std::vector<config::HaInstance>& instances);
  void update();
  void act(const vrrp::Actions& actions);  // requests of the state machine
  void set_peer(const vrrp::Peer& peer);

  const std::string& name() const { return name_; }
  vrrp::Group& fsm() { return fsm_; }
  const vrrp::Group& fsm() const { return fsm_; }
  const std::vector<Member>& members() const { return members_; }
  bool is_master() const { return fsm_.state() == vrrp::State::kMaster; }
  // False: not known yet whether another director is master since this process started.
  bool settled() const { return settled_; }
  Clock::time_point since() const { return since_; }
  std::uint64_t transitions() const { return transitions_; }
  const std::string& reason() const { return reason_; }

 private:
  void open_socket(Member& member);
  std::string fault_of(Member& member);
  std::optional<vrrp::Reject> on_advert(std::size_t member, const vrrp::Advert& advert,
                                        Ipv4Address source);
  void on_refused(Member& member, const vrrp::Io::Refused& refused, std::uint64_t left_out);
  void watch_interval(Member& member, const vrrp::Advert& advert, Clock::time_point now);
  void on_deadline();
  void arm();
  void settle();

  const std::string name_;
  const Inputs inputs_;
  const Events events_;
  std::vector<Member> members_;
  vrrp::Group fsm_;
  boost::asio::steady_timer timer_;
  std::optional<vrrp::Time> armed_;
  bool settled_ = false;
  Clock::time_point since_;
  std::uint64_t transitions_ = 0;
  std::string reason_ = "start";
  LogLimit intervals_;
  LogLimit late_;
};

}  // namespace lb::controlplane
