#include "config/base/stop_signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "config/base/log.h"

namespace lb {
namespace {

// For the last line of a log that nobody may be reading.
constexpr std::chrono::milliseconds kLogLimit{300};

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

}  // namespace

StopSignals::StopSignals(std::chrono::milliseconds limit) : limit_(limit) {
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  finish_ = eventfd(0, EFD_CLOEXEC);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

StopSignals::~StopSignals() {
  eventfd_write(finish_, 1);
  thread_.join();
  ::close(finish_);
  ::close(signals_);
}

void StopSignals::listen(std::function<void(int)> on_signal) {
  const std::lock_guard lock(mutex_);
  listening_ = true;
  on_signal_ = std::move(on_signal);
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
  pollfd ready[] = {{finish_, POLLIN, 0}, {signals_, POLLIN, 0}};
  for (;;) {
    int wait_ms = -1;
    if (end_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*end_ - Clock::now());
      if (left.count() <= 0) give_up();
      wait_ms = static_cast<int>(left.count());
    }
    if (poll(ready, 2, wait_ms) <= 0) continue;
    if (ready[0].revents != 0) return;
    signalfd_siginfo received{};
    if (read(signals_, &received, sizeof received) == sizeof received) {
      receive(static_cast<int>(received.ssi_signo));
    }
  }
}

void StopSignals::receive(int signal) {
  const std::lock_guard lock(mutex_);
  if (!listening_) {
    if (last_) last_();
    return end_by(signal);
  }
  if (!end_) end_ = Clock::now() + limit_;
  if (on_signal_) on_signal_(signal);
}

void StopSignals::give_up() {
  std::function<void()> last;
  {
    const std::lock_guard lock(mutex_);
    log::error("still not stopped {} ms after the signal: gave up {}", limit_.count(), step_);
    last = last_;
  }
  if (last) last();
  log::finish(kLogLimit);
  ::_exit(kExitGaveUp);
}

}  // namespace lb
