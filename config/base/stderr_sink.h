// Where the log's lines go: stderr. A reader that is slow, stopped or gone costs lines, which are
// counted, and never holds up more than the thread that writes them.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string_view>

namespace lb::log {

class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  using Clock = std::chrono::steady_clock;

  // `waits`: for a reader, for as long as it takes; else until end_by().
  explicit StderrSink(bool waits);
  ~StderrSink() override;
  StderrSink(const StderrSink&) = delete;
  StderrSink& operator=(const StderrSink&) = delete;

  // Lines that find no reader by then are lost; of several times the earliest counts, and is
  // returned. From any thread.
  Clock::time_point end_by(Clock::time_point time);
  std::size_t lines() const { return lines_; }  // written or lost
  std::size_t lost() const { return lost_; }
  bool last_was_lost() const { return last_was_lost_; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  bool write_all(std::string_view text);
  bool wait_for_room() const;

  const bool waits_;
  int fd_;
  bool is_socket_ = false;
  std::atomic<Clock::rep> end_{Clock::time_point::max().time_since_epoch().count()};
  std::atomic<std::size_t> lines_{0};
  std::atomic<std::size_t> lost_{0};
  std::atomic<bool> last_was_lost_{false};
};

}  // namespace lb::log
