// Runs something within a time. Of several calls the earliest one counts, and it is run once for all.
// Runs on the event loop, which does not run any more when this ends.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

namespace lb::controlplane {

class DueTimer {
 public:
  DueTimer(boost::asio::io_context& io, std::function<void()> run)
      : timer_(io), run_(std::move(run)) {}

  void within(std::chrono::milliseconds delay) {
    const auto due = std::chrono::steady_clock::now() + delay;
    if (due_ && *due_ <= due) return;
    due_ = due;
    timer_.expires_at(due);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      due_.reset();
      run_();
    });
  }
  void cancel() {
    due_.reset();
    timer_.cancel();
  }

 private:
  boost::asio::steady_timer timer_;
  std::function<void()> run_;
  std::optional<std::chrono::steady_clock::time_point> due_;
};

}  // namespace lb::controlplane
