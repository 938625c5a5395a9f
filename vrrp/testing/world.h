// For tests: several directors on some LANs, and a sync link between the first two, in virtual
// time. What they do is watched all along (watcher.h), and so is that no two masters receive each
// other.
#pragma once

#include <array>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "vrrp/fsm.h"
#include "vrrp/testing/watcher.h"

namespace lb::vrrp::test {

inline constexpr std::size_t kMostDirectors = 4;
inline constexpr std::size_t kMostLans = 3;

struct Plan {
  std::vector<Group::Options> directors;    // member i of each is on LAN i
  std::chrono::microseconds most_delay{0};  // of a packet on a LAN
  std::chrono::microseconds most_late{0};   // of a timer
  std::chrono::microseconds sync_delay{0};
  milliseconds beat{0};  // of the sync link
  bool has_sync = false;
};

class World {
 public:
  World(Plan plan, std::uint32_t seed, bool traced);

  // ---- what happens to it
  void start(std::size_t director);
  void kill(std::size_t director);
  void resign(std::size_t director);
  void take(std::size_t director);
  // A timer that runs out for nothing.
  void wake(std::size_t director);
  void set_frozen(std::size_t director, bool frozen);
  void set_gate(std::size_t director, bool open);
  void set_fault(std::size_t director, std::size_t lan, bool failed);
  void set_priority(std::size_t director, std::size_t lan, std::uint8_t priority);
  void set_health(std::size_t director, int health);
  void set_path(std::size_t lan, std::size_t from, std::size_t to, bool up);
  void set_loss(unsigned percent);
  void set_sync(bool up);
  // Until then, or until a rule is broken.
  void pass(Time::duration time);

  // ---- what it looks like
  const Plan& plan() const { return plan_; }
  std::size_t directors() const { return plan_.directors.size(); }
  std::size_t lans() const { return plan_.directors.front().members.size(); }
  // None: it is dead.
  const std::optional<Group>& group(std::size_t director) const {
    return directors_[director].group;
  }
  const Conditions& conditions(std::size_t director) const {
    return directors_[director].conditions;
  }
  bool has_fault(std::size_t director) const;
  bool is_master(std::size_t director) const {
    return group(director) && group(director)->state() == State::kMaster;
  }
  bool sync_up() const { return plan_.has_sync && sync_up_; }
  unsigned transitions() const { return transitions_; }
  const std::string& violation() const { return violation_; }
  const std::string& trace() const { return trace_; }

 private:
  struct Director {
    std::optional<Group> group;
    std::optional<Watcher> watcher;
    Conditions conditions;
    std::array<bool, kMostLans> faults{};
    std::optional<Time> deadline;  // the group's
    Time wake;                     // a little later
    Time peer_received;
  };
  struct Event {
    enum class Kind { kAdvert, kPeer, kBeat };
    Time at{};
    std::uint64_t number = 0;  // keeps the order of what happens at the same time
    Kind kind = Kind::kAdvert;
    std::size_t from = 0;
    std::size_t to = 0;
    std::size_t lan = 0;
    std::uint8_t priority = 0;
    Peer peer = {};
    bool operator>(const Event& other) const {
      return std::pair(at, number) > std::pair(other.at, other.number);
    }
  };

  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_()) % limit; }
  void push(Event event);
  void handle(const Event& event);
  void receive(const Event& event);
  void beat(std::size_t director);
  void send_state(std::size_t director);
  void expire(std::size_t director);
  void done(std::size_t director, Watcher::Cause cause, const Actions& actions);
  void send(std::size_t director, const Action& action);
  bool peer_denies_master(std::size_t director) const;
  void check_masters();
  void note(std::size_t director, const std::string& text);
  void check(std::size_t director);

  const Plan plan_;
  std::minstd_rand random_;
  const bool traced_;
  milliseconds least_interval_;
  Time now_ = Time(std::chrono::hours(1));
  std::vector<Director> directors_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t numbers_ = 0;
  using Pairs = std::array<std::array<bool, kMostDirectors>, kMostDirectors>;
  std::array<Pairs, kMostLans> paths_{};
  using Since = std::array<std::array<std::optional<Time>, kMostDirectors>, kMostDirectors>;
  std::array<Since, kMostLans> two_since_{};  // two masters receive each other
  bool were_two_ = false;
  unsigned loss_percent_ = 0;
  bool sync_up_ = true;
  unsigned transitions_ = 0;
  std::string violation_;
  std::string trace_;
};

}  // namespace lb::vrrp::test
