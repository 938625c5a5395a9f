// SIGTERM and SIGINT of a daemon: an end that takes less than 5 s, whatever hangs, or so much longer
// as it was extended for programs of operators that are to be stopped first. They are
// received on a thread of their own, because the one that should end may be the one that hangs. The
// thread also ends a process that hangs, as watch() tells it.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace lb {

// Exit status of a daemon that gave something up in order to end in time; its log says what.
inline constexpr int kExitGaveUp = 3;

class StopSignals {
 public:
  using Clock = std::chrono::steady_clock;

  // In main(), before any thread is started: the signals are blocked in all threads that follow.
  // `limit`: from the first signal until the process is given up; its end follows within 750 ms.
  explicit StopSignals(std::chrono::milliseconds limit = std::chrono::milliseconds(4'000));
  // Gives the log what is left of that time.
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Until then a signal ends the process at once. `on_signal` is called on the thread of this
  // object for each signal, and must return at once; null: they are ignored from now on.
  void listen(std::function<void(int signal)> on_signal);

  // `hangs` is called on the thread of this object every `interval` from now on, and must return at
  // once; null: not any more. When it returns a text, what hangs, the process is given up as at the
  // limit.
  void watch(std::function<std::string()> hangs, std::chrono::milliseconds interval);

  // Gives the stop that much more time, for what is known to take long. Any thread but on_signal's.
  void extend(std::chrono::milliseconds extra);
  // The step of the stop that the process is in, as the log names what was given up: "the notify
  // program".
  void step(std::string what);
  // Called first of all when the limit has passed, or at a signal before listen(), on a thread of
  // its own. It must not rely on other threads, any of which may hang; after 500 ms the process ends
  // without it.
  void at_limit(std::function<void()> last);

 private:
  void run();
  int wait_ms() const;
  std::optional<Clock::time_point> end_time() const;
  void receive(int signal);
  void look();
  [[noreturn]] void give_up(std::string line);

  const std::chrono::milliseconds limit_;
  int signals_ = -1;
  int finish_ = -1;
  int watch_ = -1;                        // wakes the thread for a new watch
  std::optional<Clock::time_point> end_;  // of the thread

  mutable std::mutex mutex_;  // of what follows
  bool listening_ = false;
  std::function<void(int)> on_signal_;
  std::function<void()> last_;
  std::function<std::string()> hangs_;
  std::chrono::milliseconds interval_{0};
  std::chrono::milliseconds extra_{0};  // after limit_
  Clock::time_point next_look_;
  std::string step_ = "its event loop";

  std::thread thread_;
};

}  // namespace lb
