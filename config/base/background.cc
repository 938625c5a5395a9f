#include "config/base/background.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "config/base/blocked_signals.h"

namespace lb {
namespace {
constexpr std::chrono::seconds kEndLimit{1};
}  // namespace

struct Background::State {
  explicit State(std::size_t most) : most_waiting(most) {}

  void run_all();
  bool idle() const { return waiting.empty() && !busy; }

  const std::size_t most_waiting;
  std::mutex mutex;  // of what follows
  std::condition_variable changed;
  std::deque<std::function<void()>> waiting;
  bool busy = false;
  bool ending = false;
  bool ended = false;
};

void Background::State::run_all() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return ending || !waiting.empty(); });
    if (ending) break;
    std::function<void()> task = std::move(waiting.front());
    waiting.pop_front();
    busy = true;
    lock.unlock();
    task();
    task = nullptr;  // what it owns is freed without the lock
    lock.lock();
    busy = false;
    changed.notify_all();
  }
  ended = true;
  changed.notify_all();
}

Background::Background(const std::string& name, std::size_t most_waiting)
    : state_(std::make_shared<State>(most_waiting)) {
  const BlockedSignals blocked;
  thread_ = std::thread([state = state_, name] {
    pthread_setname_np(pthread_self(), name.c_str());
    state->run_all();
  });
}

Background::~Background() {
  std::unique_lock lock(state_->mutex);
  state_->ending = true;
  state_->changed.notify_all();
  const bool ended = state_->changed.wait_for(lock, kEndLimit, [this] { return state_->ended; });
  lock.unlock();
  ended ? thread_.join() : thread_.detach();
}

bool Background::run(std::function<void()> task) {
  const std::lock_guard lock(state_->mutex);
  if (state_->waiting.size() >= state_->most_waiting) return false;
  state_->waiting.push_back(std::move(task));
  state_->changed.notify_all();
  return true;
}

bool Background::finish(std::chrono::milliseconds limit) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, limit, [this] { return state_->idle(); });
}

}  // namespace lb
