// Health checks of all real servers of all services.
//
// Each distinct question (address, port and check) is asked once per interval, whichever number of
// services want the answer; every Target judges the answers for itself.
//
// Everything runs on the one thread that runs the io_context, and is called from it (or before it
// runs). docs/health.md tells what operators see.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/base/net.h"
#include "config/model.h"
#include "controlplane/health/agent_word.h"

namespace boost::asio {
class io_context;
}

namespace lb::health {

class Prober;

// A real server of a service. `service`, `vip` and `address` together are its identity.
struct Target {
  std::string service;
  Ipv4Endpoint vip;
  Ipv4Endpoint address;
  config::Check check;
  std::optional<config::AgentCheck> agent = {};
};

struct State {
  // Numbers of this process, given once: of the target, and of what it asks, which others may
  // share.
  std::uint64_t target = 0;
  std::uint64_t question = 0;
  bool passes = false;      // the check says so
  bool up = false;          // and the agent does not object
  std::string last_result;  // "L7OK/200 in 2ms"; empty: none yet
  std::chrono::steady_clock::time_point since;
  std::uint32_t rise_count = 0;  // consecutive good results
  std::uint32_t fall_count = 0;  // consecutive bad results
  AgentState agent;
  std::string agent_result;             // empty: none yet, or there is no agent
  std::optional<std::uint16_t> weight;  // by a script with dynamic_weight
  std::uint32_t transitions = 0;
  std::chrono::steady_clock::time_point known_since;
  std::chrono::steady_clock::duration up_time{};  // since then

  // Of a server that is configured with this weight.
  std::uint16_t weight_of(std::uint16_t configured) const {
    return agent.weight(weight.value_or(configured));
  }
};

// What an earlier process knew of a target when it wrote that down.
struct Past {
  std::chrono::steady_clock::time_point written;
  bool up = false;
  std::chrono::steady_clock::time_point since;
  std::chrono::steady_clock::time_point known_since;
  std::chrono::steady_clock::duration up_time{};  // until `written`
  std::uint32_t transitions = 0;
  bool operator==(const Past&) const = default;
};

struct Request;

// A distinct question, for show.
struct CheckView {
  const Request& request;
  std::string last_result;
  std::optional<std::chrono::steady_clock::time_point> last_at;  // of the last result
  std::optional<std::chrono::steady_clock::time_point> next_at;  // nullopt: it runs, or will not
  bool running = false;
  std::vector<std::pair<const Target*, State>> targets;  // that want the answer
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
  void add(const Target& target, std::optional<bool> initial_up);

  // To follow add() at once: since when, how often and how long count on from there; the state is
  // what add() was told. `in_between`: somebody forwarded by that state until now; else nothing is
  // known of the time since `past` was written, and it does not count.
  void remember(const Target& target, const Past& past, bool in_between);

  void set_on_weight(OnWeight on_weight);
  // Its check, too, unless other targets ask the same. An unknown target is none.
  void remove(const Target& target);

  // The first check of every target runs at once, in order of add(), a bounded number at a time.
  void start();
  // Drops running checks; states and counts stay.
  void stop();

  // Servers of which `cut_off` says so are not asked, until a call that does not: that no packet of
  // ours reaches them says nothing about them. Then they are checked at once. `why` is shown as
  // their result.
  void leave_alone(const std::function<bool(Ipv4Address)>& cut_off, const std::string& why);

  // Clients' handshakes with this target fail: its next check runs at once, or as soon as Haste
  // (schedule.h) lets it, unless its service does not want that. What evidence says of a target
  // that is down, or that is being asked, is no news.
  void hasten(const std::string& service, Ipv4Endpoint vip, Ipv4Endpoint address);

  // An unknown target is down and has no result.
  State state(const Target& target) const {
    return state(target.service, target.vip, target.address);
  }
  // The same by its identity alone, for who asks about thousands.
  State state(std::string_view service, Ipv4Endpoint vip, Ipv4Endpoint address) const;
  // In order of add().
  void for_each_check(const std::function<void(const CheckView&)>& show) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::health
