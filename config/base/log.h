// One log per process: to stderr, or to the journal through it. Any thread may log; never from the
// packet path. A line is one message: what could be mistaken for more, or hide something, is escaped
// (printable.h), except tabs.
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

namespace lb::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class Delivery : std::uint8_t {
  kDirect,      // the caller waits until the line is written
  kBackground,  // a separate thread writes: the caller never waits
};

// Once, early in main(). Messages below `level` are dropped. When stderr goes to the journal
// (JOURNAL_STREAM names it) a line is "<N>message" with its priority, and the journal adds time and
// program; else it is "TIME LEVEL PROGRAM: message". Before init() messages from kInfo up are
// logged without the program's name.
//
// In the background, when stderr is slower than the log, the oldest waiting lines are dropped and
// a line says how many; so are lines whose reader has gone (SIGPIPE must be ignored). Waiting lines
// are written before the process ends, if stderr accepts them within a second; its end does not wait
// longer, whatever stderr is.
void init(std::string_view program, Level level, Delivery delivery = Delivery::kDirect);

// Waits until the lines so far are written, for `limit` and a tenth of a second at most: before
// _exit(). Lines that find no reader by then are lost, and so are later ones.
void finish(std::chrono::milliseconds limit);

void write(Level level, std::string_view message);
void write_formatted(Level level, fmt::string_view format, fmt::format_args args);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write_formatted(Level::kDebug, format, fmt::make_format_args(args...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write_formatted(Level::kInfo, format, fmt::make_format_args(args...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write_formatted(Level::kWarning, format, fmt::make_format_args(args...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write_formatted(Level::kError, format, fmt::make_format_args(args...));
}

}  // namespace lb::log
