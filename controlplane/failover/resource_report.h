// What the main loop, which runs the programs of HA groups, and the failover thread tell each other
// about them. Values.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace lb::controlplane {

// Whether programs of a group may be running, as in lb.sync.Group.
enum class Programs : std::uint8_t { kUnknown, kStopped, kMayRun, kStopFailed };

// From the main loop, of one group.
struct ResourceReport {
  std::uint64_t role = 0;  // number of the role that it knows, ResourceView::number
  Programs programs = Programs::kMayRun;
  std::chrono::milliseconds stop_time{0};  // that stopping all of them takes at most
  bool operator==(const ResourceReport&) const = default;
};
using ResourceReports = std::map<std::string, ResourceReport>;

// To the main loop, of one group.
struct ResourceView {
  enum class Role : std::uint8_t {
    kUndecided,  // not known yet since the start of this process
    kMaster,
    kOther,
  };
  enum class Peer : std::uint8_t {
    kGone,        // nothing is received from it, or there is no sync link
    kMayRun,      // it may be running programs, or become master and start some
    kStopFailed,  // it could not stop one
    kStopped,     // it runs none, and starts none as long as this director is master
  };
  Role role = Role::kUndecided;
  std::uint64_t number = 0;  // of the role: another one at each transition
  Peer peer = Peer::kGone;
  // How long the peer needs to stop all of them, as it reported last; 0: not known.
  std::chrono::milliseconds peer_stop_time{0};
  bool operator==(const ResourceView&) const = default;
};
using ResourceViews = std::map<std::string, ResourceView>;

}  // namespace lb::controlplane
