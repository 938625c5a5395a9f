// Runs the panic guard: logs what it does, queries the HA peer whether its checks fail too, and
// drives its timers. health/panic_guard.h decides what is held. Runs on the event loop.
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
#include "controlplane/health/panic_guard.h"
#include "controlplane/service/inventory.h"
#include "controlplane/sync/check_opinions.h"

namespace lb::api::control {
class Panic;
}

namespace lb::controlplane {

class Alerts;

class Panic {
 public:
  struct Host {
    // As PeerLink::ask(); also false without a peer.
    std::function<bool(const sync::CheckKeys&, sync::OnCheckOpinions)> ask;
    // The set of held servers changed.
    std::function<void()> changed;
  };

  // The references must outlive this.
  Panic(boost::asio::io_context& io, const Inventory& inventory, Alerts& alerts, Host host);

  void configure(const config::Config& config);
  // The state of a server: after every transition, and first when it is known to be up.
  void update(const RealServer& server);
  void forget(RealServerId id);  // it is no longer checked
  // Its check has the same result, but sends another request.
  void change_question(const RealServer& server);

  // In service though its check fails. An agent can still take it out.
  bool holds(const RealServer& server) const {
    return guard_.holds(server.id) && !server.health->agent.out();
  }
  // "held: check failed, 7 of 10 checks fail at once"
  std::string why() const;
  // `lbcli set health believe`: all held servers are taken out. What was done, or why not.
  Result<std::string> release_held();
  void fill(api::control::Panic& status) const;

 private:
  void settle(bool others);
  void begin();
  void end();
  void ask();
  void ask_next();
  void ask_again_later();
  void on_opinions(const sync::CheckOpinions& opinions);
  void end_round();

  // A server that the peer is queried about.
  struct Held {
    RealServerId id;
    sync::CheckKey key;
  };
  std::vector<Held> held() const;

  const Inventory& inventory_;
  health::PanicGuard guard_;
  config::Health config_;
  Alerts& alerts_;
  Host host_;
  boost::asio::steady_timer calm_timer_;
  boost::asio::steady_timer ask_timer_;
  bool reported_ = false;  // that it holds
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
  std::string peer_;  // its answer in the last one; empty: none
};

}  // namespace lb::controlplane
