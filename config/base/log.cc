#include "config/base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

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

struct Log {
  std::unique_ptr<spdlog::logger> logger;
  bool journal;

  explicit Log(std::string_view program, Level level) : journal(stderr_is_journal()) {
    logger = std::make_unique<spdlog::logger>(std::string(program),
                                              std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_level(to_spdlog(level));
    logger->set_pattern(journal           ? "%v"
                        : program.empty() ? "%Y-%m-%d %H:%M:%S.%e %l %v"
                                          : "%Y-%m-%d %H:%M:%S.%e %l %n: %v");
    logger->flush_on(spdlog::level::debug);
  }
};

Log& instance() {
  static Log log("", Level::kInfo);
  return log;
}

}  // namespace

void init(std::string_view program, Level level) {
  instance() = Log(program, level);
}

void write(Level level, std::string_view message) {
  Log& log = instance();
  if (!log.logger->should_log(to_spdlog(level))) return;
  std::string line(log.journal ? journal_prefix(level) : std::string_view{});
  line += message;
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; }, '?');
  log.logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void write_formatted(Level level, fmt::string_view format, fmt::format_args args) {
  if (!instance().logger->should_log(to_spdlog(level))) return;
  write(level, fmt::vformat(format, args));
}

}  // namespace lb::log
