#include "config/base/stop_signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <future>
#include <memory>
#include <system_error>
#include <utility>

#include "config/base/blocked_signals.h"
#include "config/base/log.h"

namespace lb {
namespace {

using std::chrono::milliseconds;

// After the limit: for what at_limit() was given, which may hang, too, and for the last lines of a
// log that nobody may be reading.
constexpr milliseconds kLastLimit{500};
constexpr milliseconds kLogLimit{250};
// For the log of a process that stops in time.
constexpr milliseconds kLogTime{1'000};

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

// As if it had not been blocked.
[[noreturn]] void end_by(int signal) {
  std::signal(signal, SIG_DFL);
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::kill(::getpid(), signal);
  // The first process of a container is not ended by it.
  ::_exit(128 + signal);
}

// False: it has not returned by then.
bool run_within(milliseconds limit, std::function<void()> task) {
  const auto done = std::make_shared<std::promise<void>>();
  try {
    const BlockedSignals blocked;
    std::thread([done, task] {
      task();
      done->set_value();
    }).detach();
  } catch (const std::system_error&) {  // too many threads
    task();
    return true;
  }
  return done->get_future().wait_for(limit) == std::future_status::ready;
}

}  // namespace

StopSignals::StopSignals(std::chrono::milliseconds limit) : limit_(limit) {
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  finish_ = eventfd(0, EFD_CLOEXEC);
  watch_ = eventfd(0, EFD_CLOEXEC);
  const BlockedSignals blocked;
  thread_ = std::thread([this] { run(); });
}

StopSignals::~StopSignals() {
  eventfd_write(finish_, 1);
  thread_.join();
  ::close(finish_);
  ::close(watch_);
  ::close(signals_);
  const auto end = end_time();
  if (!end) return;
  const auto left = std::chrono::ceil<milliseconds>(*end + kLogLimit - Clock::now());
  log::finish(std::clamp(left, milliseconds(0), kLogTime));
}

void StopSignals::listen(std::function<void(int)> on_signal) {
  const std::lock_guard lock(mutex_);
  listening_ = true;
  on_signal_ = std::move(on_signal);
}

void StopSignals::watch(std::function<std::string()> hangs, std::chrono::milliseconds interval) {
  const std::lock_guard lock(mutex_);
  hangs_ = std::move(hangs);
  interval_ = interval;
  next_look_ = Clock::now() + interval;
  eventfd_write(watch_, 1);
}

void StopSignals::extend(std::chrono::milliseconds extra) {
  const std::lock_guard lock(mutex_);
  extra_ = extra;
  eventfd_write(watch_, 1);
}

void StopSignals::step(std::string what) {
  const std::lock_guard lock(mutex_);
  step_ = std::move(what);
}

void StopSignals::at_limit(std::function<void()> last) {
  const std::lock_guard lock(mutex_);
  last_ = std::move(last);
}

void StopSignals::run() {
  pthread_setname_np(pthread_self(), "stop");
  pollfd ready[] = {{finish_, POLLIN, 0}, {signals_, POLLIN, 0}, {watch_, POLLIN, 0}};
  for (;;) {
    if (const auto end = end_time(); end && *end <= Clock::now()) {
      const auto took = std::chrono::duration_cast<milliseconds>(*end - *end_ + limit_);
      give_up(fmt::format("still not stopped {} ms after the signal", took.count()));
    }
    const int found = poll(ready, 3, wait_ms());
    if (found > 0 && ready[0].revents != 0) return;
    if (found > 0 && ready[2].revents != 0) {
      eventfd_t calls = 0;
      eventfd_read(watch_, &calls);
    }
    look();
    if (found <= 0 || ready[1].revents == 0) continue;
    signalfd_siginfo received{};
    if (read(signals_, &received, sizeof received) == sizeof received) {
      receive(static_cast<int>(received.ssi_signo));
    }
  }
}

std::optional<StopSignals::Clock::time_point> StopSignals::end_time() const {
  const std::lock_guard lock(mutex_);
  return end_ ? std::optional(*end_ + extra_) : std::nullopt;
}

int StopSignals::wait_ms() const {
  const auto end = end_time();
  const std::lock_guard lock(mutex_);
  auto until = end.value_or(Clock::time_point::max());
  if (hangs_) until = std::min(until, next_look_);
  if (until == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
  return static_cast<int>(std::max<milliseconds::rep>(left.count(), 0));
}

void StopSignals::look() {
  std::string what;
  {
    const std::lock_guard lock(mutex_);
    if (!hangs_ || Clock::now() < next_look_) return;
    next_look_ = Clock::now() + interval_;
    what = hangs_();
    if (what.empty()) return;
    step_ = what;
  }
  give_up("hangs");
}

void StopSignals::receive(int signal) {
  const std::lock_guard lock(mutex_);
  if (!listening_) {
    if (last_) run_within(kLastLimit, last_);
    return end_by(signal);
  }
  if (!end_) end_ = Clock::now() + limit_;
  if (on_signal_) on_signal_(signal);
}

void StopSignals::give_up(std::string line) {
  std::function<void()> last;
  {
    const std::lock_guard lock(mutex_);
    line += ": gave up " + step_;
    last = last_;
  }
  if (last && !run_within(kLastLimit, last)) line += " and what should be undone at the end";
  // A log that is written directly may hang.
  run_within(kLogLimit, [line] {
    log::error("{}", line);
    log::finish(kLogLimit);
  });
  ::_exit(kExitGaveUp);
}

}  // namespace lb
