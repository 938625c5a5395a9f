// A limit for lines about what may happen at any rate: a stranger's packets, a link that flaps, a
// request that fails at every try. Good and bad may alternate as they like: a line is not rearmed
// by anything but time. Bounded memory, whatever the number of sources. One thread.
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/base/log.h"

namespace lb {

class LogLimit {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::seconds kPeriod{60};
  static constexpr std::size_t kMaxSources = 64;  // of all kinds together; the others share a limit

  // `lines`: of one kind and source, in each period.
  explicit LogLimit(unsigned lines = 1) : lines_(lines) {}

  // Whether such a line may be written now; then how many were left out since the last one.
  std::optional<std::uint64_t> admit(std::string_view kind, std::string_view source,
                                     Clock::time_point now = Clock::now());

  // Writes the line, or counts it: the next one says how many were left out.
  template <typename... Args>
  void write(log::Level level, std::string_view kind, std::string_view source,
             fmt::format_string<Args...> format, Args&&... args) {
    if (const auto left_out = admit(kind, source)) {
      write(level, fmt::format(format, std::forward<Args>(args)...), *left_out);
    }
  }
  static void write(log::Level level, const std::string& line, std::uint64_t left_out);

 private:
  struct Source {
    Clock::time_point begun;  // the period
    unsigned written = 0;     // in it
    std::uint64_t left_out = 0;
  };
  Source& find(std::string key, Clock::time_point now);

  unsigned lines_;
  std::map<std::string, Source, std::less<>> sources_;
};

}  // namespace lb
