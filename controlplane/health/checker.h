// Health checks of all real servers of all services.
//
// Each distinct check (address, port and parameters) runs once per interval, however many services
// use it; every Target counts the results for itself.
//
// Everything runs on the thread of the io_context, and is called from it (or before it runs).
// docs/health.md describes what operators see.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/base/address.h"
#include "config/model.h"
#include "controlplane/service/health_state.h"
#include "controlplane/service/ids.h"

namespace boost::asio {
class io_context;
}

namespace lb::health {

class Prober;

// A real server of a service, by its id; the rest says how it is checked.
struct Target {
  RealServerId id{};
  std::string service;
  Endpoint vip;
  Endpoint address;
  config::Check check;
  std::optional<config::AgentCheck> agent = {};
  bool operator==(const Target&) const = default;
};

struct Request;

// A distinct check, for lbcli show.
struct CheckView {
  const Request& request;
  std::string last_result;
  std::optional<std::chrono::steady_clock::time_point> last_at;  // of the last result
  std::optional<std::chrono::steady_clock::time_point> next_at;  // nullopt: running or never
  bool running = false;
  std::vector<std::pair<RealServerId, const State*>> targets;  // that use the result
};

class Checker {
 public:
  // Called after every up <-> down transition. It may call the Checker, even destroy it; it must
  // not throw.
  using OnChange = std::function<void(const Target&, const State&)>;
  // Called when a script changes the weight, or an agent anything: weight, limit of connections, or
  // whether it takes out a target that is down already, which matters when the panic guard holds
  // it; else like OnChange.
  using OnWeight = std::function<void(const Target&, const State&)>;

  // The io_context must outlive the Checker.
  Checker(boost::asio::io_context& io, OnChange on_change);
  // With another prober than by sockets.
  Checker(boost::asio::io_context& io, OnChange on_change, std::unique_ptr<Prober> prober);
  ~Checker();
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  // `initial_up`: the state in the data plane (a restart of the control plane must not flap); it is
  // kept until `fall` bad (or `rise` good) results. nullopt: a new target; it is down, and its
  // first result decides: a good one brings it up, a bad one leaves it down, and then `rise` good
  // ones are needed. A target without a check (CheckType::kNone) comes up at start(). A known
  // target stays as it is. After start(), the target is checked at once. Returns its state, which
  // is updated until the target is removed.
  std::shared_ptr<const State> add(const Target& target, std::optional<bool> initial_up);

  // Changes the name, check or agent of a known target. Its history continues. With another check
  // it stays up (`stays_up`) or down until the new check's results change that; an unchecked target
  // starts as a new one. The state of a removed agent is dropped. True: the check is another one.
  bool change(const Target& target, bool stays_up);

  // Call it right after add(): time in state, transitions and up time continue from `saved`; the
  // state is that of add(). `in_between`: the data plane used that state until now; else the time
  // since `saved` was written does not count.
  void restore(RealServerId id, const SavedState& saved, bool in_between);

  void set_on_weight(OnWeight on_weight);
  // Its check, too, unless other targets use it. An unknown target is ignored.
  void remove(RealServerId id);

  // The first check of every target runs at once, in order of add(), a bounded number at a time.
  void start();
  // Drops running checks; states and counts stay.
  void stop();

  // Pauses the checks of servers for which `cut_off` is true, until a call in which it is false:
  // that our packets cannot reach them says nothing about them. Then they are checked at once.
  // `why` is shown as their result.
  void pause_checks(const std::function<bool(const Address&)>& cut_off, const std::string& why);

  // Clients' handshakes with this target fail: its next check runs at once, or as soon as Haste
  // (schedule.h) allows, unless its service disables that. Ignored for a target that is down or
  // being checked.
  void hasten(RealServerId id);

  // As returned by add(). An unknown target is down and has no result.
  const State& state(RealServerId id) const;
  // In order of add().
  void for_each_check(const std::function<void(const CheckView&)>& show) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::health
