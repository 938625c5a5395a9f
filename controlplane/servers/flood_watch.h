// Detects when something begins that only floods and attacks cause, and when that is over, in the
// data plane's counters of it. However often a flood begins anew, few are reported; one that goes on
// is reported when the limit allows it. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/base/log_limit.h"

namespace lb::controlplane {

class FloodWatch {
 public:
  using Clock = std::chrono::steady_clock;
  // When a counter has stood for so long it is over: a flood with gaps is one flood.
  static constexpr std::chrono::seconds kQuiet{10};

  struct Reading {
    std::string name;         // of the port or service; empty: of neither
    std::string kind;         // what is counted
    std::uint64_t count = 0;  // since the data plane's start
  };
  struct Change {
    std::string name;
    std::string kind;
    bool begun = false;          // else it is over
    std::uint64_t count = 0;     // since the last reading; since it began, when it is over
    std::uint64_t left_out = 0;  // floods before this one that were not reported
  };

  // What is to be reported. An end is if its begin was. The first readings are where counting
  // begins; counters that went down are another data plane's, which began with 0.
  std::vector<Change> observe(const std::vector<Reading>& readings, Clock::time_point now);

 private:
  struct State {
    std::uint64_t last = 0;
    std::uint64_t count = 0;  // since it began
    Clock::time_point last_rise{};
    bool begun = false;
    bool reported = false;
    std::uint64_t left_out = 0;
  };
  LogLimit limit_{2};
  std::map<std::pair<std::string, std::string>, State> states_;  // by name and kind
};

}  // namespace lb::controlplane
