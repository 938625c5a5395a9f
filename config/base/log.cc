#include "config/base/log.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/logger.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "config/base/blocked_signals.h"
#include "config/base/printable.h"
#include "config/base/stderr_sink.h"

namespace lb::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Priorities of sd-daemon(3).
std::string_view journal_prefix(Level level) {
  switch (level) {
    case Level::kDebug:
      return "<7>";
    case Level::kInfo:
      return "<6>";
    case Level::kWarning:
      return "<4>";
    case Level::kError:
      return "<3>";
  }
  return "<3>";
}

// JOURNAL_STREAM is inherited by children whose stderr may go elsewhere, so device and inode are
// compared, as systemd.exec(5) tells.
bool stderr_is_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  if (stream == nullptr) return false;
  struct stat status = {};
  if (fstat(STDERR_FILENO, &status) != 0) return false;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

// The lines of 10,000 real servers that go down at once.
constexpr std::size_t kQueuedLines = 16'384;
// How long waiting lines have to be written at the end.
constexpr std::chrono::milliseconds kEndLimit{1'000};

// Then for a thread that has just given up, to notice it.
constexpr std::chrono::milliseconds kNoticeTime{100};

using ThreadPool = spdlog::details::thread_pool;

std::shared_ptr<ThreadPool> make_background() {
  const BlockedSignals blocked;
  return std::make_shared<ThreadPool>(kQueuedLines, 1);
}

// Of a log whose thread does not return from stderr: waiting for it would not end.
std::vector<std::shared_ptr<ThreadPool>>& abandoned() {
  static auto& pools = *new std::vector<std::shared_ptr<ThreadPool>>;
  return pools;
}

struct Log {
  const std::shared_ptr<StderrSink> sink;
  std::shared_ptr<ThreadPool> background;  // null: none
  std::shared_ptr<spdlog::logger> logger;
  bool journal;
  std::atomic<std::size_t> submitted{0};  // lines
  std::atomic<std::size_t> dropped{0};    // lines, as logged

  Log(std::string_view program, Level level, Delivery delivery)
      : sink(std::make_shared<StderrSink>(delivery == Delivery::kDirect)),
        journal(stderr_is_journal()) {
    const std::string name(program);
    if (delivery == Delivery::kBackground) {
      background = make_background();
      logger = std::make_shared<spdlog::async_logger>(
          name, sink, background, spdlog::async_overflow_policy::overrun_oldest);
    } else {
      logger = std::make_shared<spdlog::logger>(name, sink);
    }
    logger->set_level(to_spdlog(level));
    logger->set_pattern(journal        ? "%v"
                        : name.empty() ? "%Y-%m-%d %H:%M:%S.%e %l %v"
                                       : "%Y-%m-%d %H:%M:%S.%e %l %n: %v");
  }

  ~Log() {
    if (background && !finish(kEndLimit)) abandoned().push_back(background);
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void write(Level level, std::string_view message) {
    std::string line(journal ? journal_prefix(level) : std::string_view{});
    line += printable(message, "\t");
    ++submitted;
    logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  }

  // Waits until all lines are written, or are lost because the time is up. False: neither.
  bool finish(std::chrono::milliseconds limit) const {
    const auto end = sink->end_by(StderrSink::Clock::now() + limit) + kNoticeTime;
    while (sink->lines() + background->overrun_counter() < submitted) {
      if (StderrSink::Clock::now() >= end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  // Once there is room again, so that it does not drive out more.
  void tell_dropped() {
    if (!background || background->queue_size() > kQueuedLines / 2) return;
    if (sink->last_was_lost()) return;
    const std::size_t now = background->overrun_counter() + sink->lost();
    const std::size_t before = dropped.exchange(now);
    if (now == before) return;
    write(Level::kWarning,
          fmt::format("{} log lines were dropped: stderr was not read in time", now - before));
  }
};

std::unique_ptr<Log>& slot() {
  static auto log = std::make_unique<Log>("", Level::kInfo, Delivery::kDirect);
  return log;
}

}  // namespace

void init(std::string_view program, Level level, Delivery delivery) {
  slot() = std::make_unique<Log>(program, level, delivery);
}

void finish(std::chrono::milliseconds limit) {
  const Log& log = *slot();
  if (log.background) log.finish(limit);
}

void write(Level level, std::string_view message) {
  Log& log = *slot();
  if (!log.logger->should_log(to_spdlog(level))) return;
  log.tell_dropped();
  log.write(level, message);
}

void write_formatted(Level level, fmt::string_view format, fmt::format_args args) {
  if (!slot()->logger->should_log(to_spdlog(level))) return;
  write(level, fmt::vformat(format, args));
}

}  // namespace lb::log
