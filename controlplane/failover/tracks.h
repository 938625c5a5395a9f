// What an instance's priority depends on beside its base: interfaces, services, scripts. Pure
// except for the scripts, which run here. evaluate_tracks() is called on the failover thread,
// Scripts run on the main loop, because starting a program takes long.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

// One term of an instance's priority, for `lbcli show ha`.
struct Term {
  std::string what;  // "script chk_haproxy"
  bool failing = false;
  int weight = 0;  // as configured
  int adds = 0;    // to the priority now
};

struct TrackResult {
  std::uint8_t priority = 0;
  std::string fault;  // the first track of weight 0 that fails; empty: none
  std::vector<Term> terms;
};

// `failing`: whether a track fails. An owner's priority never changes (RFC 9568
// section 6.1); others stay between 1 and 254.
TrackResult evaluate_tracks(const config::HaInstance& instance,
                            const std::function<bool(const config::HaTrack&)>& failing);

// Runs the scripts at their intervals.
class Scripts {
 public:
  Scripts(boost::asio::io_context& io, const std::vector<config::HaScript>& scripts,
          std::function<void()> on_change);
  ~Scripts();
  void start();
  void stop();
  // A script counts as failing until its first success.
  bool failing(const std::string& name) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
