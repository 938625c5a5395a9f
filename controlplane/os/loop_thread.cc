#include "controlplane/os/loop_thread.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "config/base/blocked_signals.h"
#include "config/base/log.h"

namespace lb::controlplane {
namespace {

// Below the kernel's own threads for interrupts (50), above every usual process.
constexpr int kRealTimePriority = 10;
constexpr int kNice = -15;

void raise_priority(const std::string& name) {
  sched_param parameters{};
  parameters.sched_priority = kRealTimePriority;
  // Of the calling thread. Processes that it starts get normal priority again.
  if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) == 0) {
    return log::info("thread {}: real-time priority {}", name, kRealTimePriority);
  }
  const std::string why = std::strerror(errno);
  if (setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice) == 0) {
    return log::info("thread {}: nice {}; real-time priority: {}", name, kNice, why);
  }
  log::warning("thread {}: no priority over other processes: {}; CAP_SYS_NICE allows it", name,
               why);
}

}  // namespace

LoopThread::LoopThread(std::string name) : name_(std::move(name)), work_(io_.get_executor()) {}

LoopThread::~LoopThread() {
  stop();
}

void LoopThread::start() {
  const BlockedSignals blocked;
  thread_ = std::thread([this] { run(); });
}

void LoopThread::run() {
  pthread_setname_np(pthread_self(), name_.c_str());
  raise_priority(name_);
  io_.run();
}

void LoopThread::post(std::function<void()> task) {
  boost::asio::post(io_, std::move(task));
}

void LoopThread::stop(std::function<void()> last) {
  if (!thread_.joinable()) return;
  post([this, last = std::move(last)] {
    if (last) last();
    io_.stop();
  });
  thread_.join();
}

}  // namespace lb::controlplane
