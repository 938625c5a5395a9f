#include "controlplane/os/command_queue.h"

#include <boost/asio/io_context.hpp>
#include <deque>
#include <utility>

#include "config/base/log_limit.h"

namespace lb::controlplane {
namespace {
// A program that hangs must not block the next ones.
constexpr std::chrono::seconds kLimit{60};
}  // namespace

struct CommandQueue::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(boost::asio::io_context& io_context) : io(io_context) {}

  void run_next() {
    if (waiting.empty()) {
      if (const auto call = std::exchange(idle, nullptr)) call();
      return;
    }
    run_process(
        io, waiting.front().first, kLimit, [self = shared_from_this()](const ProcessResult& ended) {
          if (!ended.good) {
            self->limit.write(log::Level::kWarning, self->waiting.front().second, ended.error,
                              "{}: {}", self->waiting.front().second, ended.error);
          }
          self->waiting.pop_front();
          self->run_next();
        });
  }

  boost::asio::io_context& io;
  std::deque<std::pair<Command, std::string>> waiting;  // the first one runs
  std::function<void()> idle;
  LogLimit limit{5};
};

CommandQueue::CommandQueue(boost::asio::io_context& io) : impl_(std::make_shared<Impl>(io)) {}

CommandQueue::~CommandQueue() {
  for (const auto& [command, what] : impl_->waiting) {
    log::warning("{}: it was still running when lb-controlplane stopped", what);
  }
}

void CommandQueue::when_idle(std::function<void()> idle) {
  if (impl_->waiting.empty()) return idle();
  impl_->idle = std::move(idle);
}

void CommandQueue::run(Command command, std::string what) {
  impl_->waiting.emplace_back(std::move(command), std::move(what));
  if (impl_->waiting.size() == 1) impl_->run_next();
}

}  // namespace lb::controlplane
