// Shows other threads that an event loop turns. Runs on the loop.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace lb::controlplane {

class LoopBeat {
 public:
  // Grows five times a second while the loop turns. Outlives the loop.
  using Count = std::shared_ptr<const std::atomic<std::uint64_t>>;

  explicit LoopBeat(boost::asio::io_context& io) : timer_(io) { wait(); }

  Count count() const { return count_; }

 private:
  static constexpr std::chrono::milliseconds kEvery{200};

  void wait() {
    timer_.expires_after(kEvery);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      // Nothing else is published by it.
      count_->fetch_add(1, std::memory_order_relaxed);
      wait();
    });
  }

  const std::shared_ptr<std::atomic<std::uint64_t>> count_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
  boost::asio::steady_timer timer_;
};

// Whether a loop hangs. Counts looks and not time: a process that is stopped as a whole (a virtual
// machine that is moved) does not hang when it goes on.
class BeatWatch {
 public:
  // `looks`: so many without a beat are too many.
  BeatWatch(LoopBeat::Count count, int looks) : count_(std::move(count)), limit_(looks) {}

  bool hangs() {
    const std::uint64_t now = count_->load(std::memory_order_relaxed);
    looks_ = std::exchange(last_, now) == now ? looks_ + 1 : 0;
    return looks_ >= limit_;
  }

 private:
  LoopBeat::Count count_;
  int limit_;
  std::uint64_t last_ = 0;
  int looks_ = 0;
};

}  // namespace lb::controlplane
