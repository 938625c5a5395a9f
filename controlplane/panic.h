// The panic guard at work: tells what it does, asks the HA peer whether its checks fail too, and
// lets time pass. What is held is decided by health/panic_guard.h. Runs on the event loop.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/base/result.h"
#include "config/model.h"
#include "controlplane/health/checker.h"
#include "controlplane/health/panic_guard.h"
#include "controlplane/sync/check_words.h"

namespace lb::api::control {
class Panic;
}

namespace lb::controlplane {

class Alerts;

class Panic {
 public:
  struct Held {
    std::uint64_t target;
    sync::CheckKey key;
  };
  struct Host {
    std::function<std::vector<Held>()> held;  // all, now
    // As Peer::ask(); also false without a peer.
    std::function<bool(const sync::CheckKeys&, sync::OnCheckWords)> ask;
    // Others are held than before, or others are not any more.
    std::function<void()> changed;
  };

  Panic(boost::asio::io_context& io, const config::Config& config, Alerts& alerts, Host host);

  void configure(const config::Config& config);
  // How a target is now: each time that it has turned, and first when it is known to be up.
  void know(const health::Target& target, const health::State& state);
  void forget(const health::State& state);  // it is checked no more

  // In service though its check fails. An agent's word counts nevertheless.
  bool holds(const health::State& state) const {
    return guard_.holds(state.target) && !state.agent.out();
  }
  // "held: check failed, 7 of 10 checks fail at once"
  std::string why() const;
  // An operator says that the checks are right. What was done, or why not.
  Result<std::string> believe();
  void fill(api::control::Panic& status) const;

 private:
  void settle(bool others);
  void begin();
  void end();
  void ask();
  void ask_next();
  void ask_again_later();
  void hear(const sync::CheckWords& words);
  void end_round();

  health::PanicGuard guard_;
  config::Health config_;
  Alerts& alerts_;
  Host host_;
  boost::asio::steady_timer calm_timer_;
  boost::asio::steady_timer ask_timer_;
  bool told_ = false;  // that it holds
  std::chrono::steady_clock::time_point since_;
  std::uint64_t times_ = 0;

  // A round asks about all that are held, some at a time.
  struct Round {
    std::uint64_t number = 0;
    std::vector<Held> held;
    std::size_t done = 0;
    std::size_t up = 0, down = 0;
  };
  Round round_;
  std::string peer_;  // what it said in the last one; empty: nothing
};

}  // namespace lb::controlplane
