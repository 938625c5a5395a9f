// For tests: one group with a clock of its own, whose actions are kept as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vrrp/fsm.h"

namespace lb::vrrp::test {

inline Ipv4Address ip(const char* text) {
  return Ipv4Address::parse(text).value();
}

// "BACKUP->MASTER (no advert from a master), 0:150, 1:150": a transition with its reason, an advert
// of priority 150 on each of two members; "announce"; "0:deferred", "0:unconfirmed" of an advert.
inline std::string to_text(const Actions& actions) {
  std::string text;
  for (const Action& action : actions) {
    if (!text.empty()) text += ", ";
    switch (action.kind) {
      case Action::Kind::kSendAdvert:
        text += std::to_string(action.member) + ":" + std::to_string(action.priority);
        break;
      case Action::Kind::kTransition:
        text += std::string(to_string(action.from)) + "->" + std::string(to_string(action.to)) +
                " (" + action.reason + ")";
        break;
      case Action::Kind::kAnnounce:
        text += "announce";
        break;
      case Action::Kind::kRefuse:
        text += std::to_string(action.member) + ":" + std::string(name_of(action.reject));
        break;
      case Action::Kind::kDefer:
        text += std::to_string(action.member) + ":deferred";
        break;
    }
  }
  return text;
}

inline constexpr milliseconds kSecond{1000};

inline const Ipv4Address kOurs = Ipv4Address::from_host(0xc0000202);    // 192.0.2.2
inline const Ipv4Address kLower = Ipv4Address::from_host(0xc0000201);   // 192.0.2.1
inline const Ipv4Address kHigher = Ipv4Address::from_host(0xc0000203);  // 192.0.2.3

inline Group::Member member(std::uint8_t priority, milliseconds interval = milliseconds(1000),
                            std::uint8_t version = 3) {
  return {version, priority, interval, kOurs};
}

inline Group::Options alone(std::uint8_t priority) {
  return {.members = {member(priority)}};
}

class Rig {
 public:
  explicit Rig(Group::Options options) : group(std::move(options)) {}

  Time now() const { return now_; }
  // Milliseconds since the rig was made.
  long ms() const { return std::chrono::duration_cast<milliseconds>(now_ - kBegin).count(); }
  long deadline_ms() const {
    const auto deadline = group.next_deadline();
    return deadline ? std::chrono::duration_cast<milliseconds>(*deadline - kBegin).count() : -1;
  }

  std::string start() { return to_text(group.start(now_)); }
  std::string advert(std::size_t on, std::uint8_t priority, Ipv4Address source = kHigher,
                     milliseconds interval = milliseconds(1000), std::uint8_t version = 3) {
    Advert advert;
    advert.version = version;
    advert.priority = priority;
    advert.interval = interval;
    return to_text(group.advert(on, advert, source, now_));
  }
  std::string fault(std::size_t on, const std::string& why) {
    return to_text(group.set_fault(on, why, now_));
  }
  std::string peer(State state, int health, std::uint8_t priority, Ipv4Address address) {
    return to_text(group.set_peer({true, state, {health, priority, address}, 0, {address}}, now_));
  }
  // The same, arriving now.
  std::string report(State state, int health, std::uint8_t priority, Ipv4Address address) {
    return to_text(
        group.set_peer({true, state, {health, priority, address}, 0, {address}, now_}, now_));
  }
  // The peer is standby and has so many silent members.
  std::string without_adverts(int members) {
    return to_text(group.set_peer({true, State::kBackup, {}, members}, now_));
  }
  std::string peer_is_gone() { return to_text(group.set_peer({}, now_)); }
  std::string resign() { return to_text(group.resign("resign", now_)); }
  std::string take() { return to_text(group.take("take", now_)); }

  // Lets time pass, with expire() at each deadline; what happened: "3609 BACKUP->MASTER (...)", one
  // line per deadline at which something was done.
  std::string pass(milliseconds time) {
    const Time end = now_ + time;
    std::string log;
    while (group.next_deadline() && *group.next_deadline() <= end) {
      now_ = std::max(now_, *group.next_deadline());
      const std::string done = to_text(group.expire(now_));
      if (!done.empty()) log += (log.empty() ? "" : "\n") + std::to_string(ms()) + " " + done;
    }
    now_ = end;
    return log;
  }
  // Lets time pass without expire().
  void sleep(milliseconds time) { now_ += time; }
  // As master, at the same time.
  std::string become_master() {
    start();
    return take();
  }

  Group group;

 private:
  static constexpr Time kBegin = Time(std::chrono::hours(1));
  Time now_ = kBegin;
};

}  // namespace lb::vrrp::test
