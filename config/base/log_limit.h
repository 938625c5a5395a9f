// A limit for lines about what may happen at any rate: a stranger's packets, a link that flaps, a
// request that fails at every try. Good and bad may alternate as they like: a line is not rearmed
// by anything but time. Bounded memory, whatever the number of sources.
//
// The last line that a limit held back is written when the limit allows it again, so that the log
// ends with the present state. So all lines about one state (a link that is up, down, gone) must
// have one kind and source, and none of them may bypass the limit.
//
// Any thread may use an object. What is held back is written by a thread of the process that the
// first such line starts; it is lost when the process ends before.
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <memory>
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
  static constexpr std::size_t kMaxSources = 64;  // of a kind; its others share a limit
  static constexpr std::size_t kMaxKinds = 32;    // the others share a limit

  // `lines`: of one kind and source, in each period.
  explicit LogLimit(unsigned lines = 1, std::chrono::milliseconds period = kPeriod);
  ~LogLimit();
  LogLimit(LogLimit&&) noexcept;
  LogLimit& operator=(LogLimit&&) noexcept;

  // For events, of which none is held back: whether such a line may be written now; then how many
  // were left out since the last one.
  std::optional<std::uint64_t> admit(std::string_view kind, std::string_view source,
                                     Clock::time_point now = Clock::now());
  static void write(log::Level level, const std::string& line, std::uint64_t left_out);

  // Writes the line, or holds it back.
  template <typename... Args>
  void write(log::Level level, std::string_view kind, std::string_view source,
             fmt::format_string<Args...> format, Args&&... args) {
    write_at(Clock::now(), level, kind, source, fmt::format(format, std::forward<Args>(args)...));
  }
  void write_at(Clock::time_point now, log::Level level, std::string_view kind,
                std::string_view source, std::string line);

  // The line that is held back is not true any more, and no other one says so.
  void forget(std::string_view kind, std::string_view source);

  // Writes what may be written by now. Called by the thread.
  void report(Clock::time_point now);

 private:
  struct Table;
  class Reporter;
  std::shared_ptr<Table> table_;
};

}  // namespace lb
