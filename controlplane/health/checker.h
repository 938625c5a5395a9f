// Health checks of all real servers of all services.
//
// Each distinct question (address, port and check) is asked once per interval, whichever number of
// services want the answer; every Target judges the answers for itself.
//
// Everything runs on the one thread that runs the io_context, and is called from it (or before it
// runs). docs/health.md tells what operators see.
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

// A distinct question, for show.
struct CheckView {
  const Request& request;
  std::string last_result;
  std::optional<std::chrono::steady_clock::time_point> last_at;  // of the last result
  std::optional<std::chrono::steady_clock::time_point> next_at;  // nullopt: it runs, or will not
  bool running = false;
  std::vector<std::pair<RealServerId, const State*>> targets;  // that want the answer
};

class Checker {
 public:
  // Called after every up <-> down transition. It may call the Checker, even destroy it; it must
  // not throw.
  using OnChange = std::function<void(const Target&, const State&)>;
  // Called when an agent or a script gives another weight, or an agent takes out a target that is
  // down already, which counts when the panic guard holds it; as OnChange otherwise.
  using OnWeight = std::function<void(const Target&, const State&)>;

  // The io_context must outlive the Checker.
  Checker(boost::asio::io_context& io, OnChange on_change);
  // With another way to ask than by sockets.
  Checker(boost::asio::io_context& io, OnChange on_change, std::unique_ptr<Prober> prober);
  ~Checker();
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  // `initial_up`: what the data plane runs now (a restart of the control plane must not flap): the
  // state is kept until `fall` bad (or `rise` good) results. nullopt: a new target; it is down, and
  // its very first result decides: a good one brings it up, a bad one leaves it down, and then
  // `rise` good ones are needed. A target without a check (CheckType::kNone) comes up at start().
  // A target that is known already stays as it is. After start(), the target is checked at once.
  // What is known of it from now on, as long as it is a target and after that as it was at the end.
  std::shared_ptr<const State> add(const Target& target, std::optional<bool> initial_up);

  // A target that is known, with another name, check or agent. Its history goes on. With another
  // check it stays up (`stays_up`) or down until that one's results say otherwise; one that was not
  // checked yet begins as a new one. An agent that is not asked any more objects to nothing.
  // True: the check is another one.
  bool change(const Target& target, bool stays_up);

  // To follow add() at once: since when, how often and how long count on from there; the state is
  // what add() was told. `in_between`: somebody forwarded by that state until now; else nothing is
  // known of the time since `saved` was written, and it does not count.
  void restore(RealServerId id, const SavedState& saved, bool in_between);

  void set_on_weight(OnWeight on_weight);
  // Its check, too, unless other targets ask the same. An unknown target is none.
  void remove(RealServerId id);

  // The first check of every target runs at once, in order of add(), a bounded number at a time.
  void start();
  // Drops running checks; states and counts stay.
  void stop();

  // Servers of which `cut_off` says so are not asked, until a call that does not: that no packet of
  // ours reaches them says nothing about them. Then they are checked at once. `why` is shown as
  // their result.
  void pause_checks(const std::function<bool(const Address&)>& cut_off, const std::string& why);

  // Clients' handshakes with this target fail: its next check runs at once, or as soon as Haste
  // (schedule.h) lets it, unless its service does not want that. What evidence says of a target
  // that is down, or that is being asked, is no news.
  void hasten(RealServerId id);

  // As add() gave it. An unknown target is down and has no result.
  const State& state(RealServerId id) const;
  // In order of add().
  void for_each_check(const std::function<void(const CheckView&)>& show) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::health
