// Detects when packets for the kernel begin to be dropped and when that is over, by port and class,
// in the data plane's counters. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lb::controlplane {

class PuntWatch {
 public:
  using Clock = std::chrono::steady_clock;
  // Without drops for so long it is over: a flood with gaps is one flood.
  static constexpr std::chrono::seconds kQuiet{10};

  struct Reading {
    std::string port;
    std::string kind;           // name of the class
    std::uint64_t dropped = 0;  // since the data plane's start
  };
  struct Change {
    std::string port;
    std::string kind;
    bool dropping = false;      // begins; else it is over
    std::uint64_t dropped = 0;  // packets since the last reading; since it began, when it is over
  };

  // What has changed since the last readings. The first ones are where counting begins; counters
  // that went down are another data plane's, which began with 0.
  std::vector<Change> observe(const std::vector<Reading>& readings, Clock::time_point now);

 private:
  struct State {
    std::uint64_t last = 0;
    std::uint64_t dropped = 0;  // since it began
    Clock::time_point last_drop{};
    bool dropping = false;
  };
  std::map<std::pair<std::string, std::string>, State> states_;  // by port and class
};

}  // namespace lb::controlplane
