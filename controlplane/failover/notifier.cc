#include "controlplane/failover/notifier.h"

#include <boost/asio/io_context.hpp>
#include <deque>
#include <utility>

#include "config/base/log.h"
#include "controlplane/process.h"

namespace lb::controlplane {
namespace {
// A program that hangs must not hold up those of the transitions to come for ever.
constexpr std::chrono::seconds kLimit{60};
}  // namespace

struct Notifier::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(boost::asio::io_context& io_context) : io(io_context) {}

  void run_next();

  boost::asio::io_context& io;
  std::string director;
  std::vector<std::string> command;
  std::string user;
  std::deque<HaEvent> waiting;  // the first one is being told
  std::function<void()> idle;
};

void Notifier::Impl::run_next() {
  if (waiting.empty()) {
    if (const auto call = std::exchange(idle, nullptr)) call();
    return;
  }
  const HaEvent& event = waiting.front();
  const std::string priority = std::to_string(event.priority);
  Command program{command, {}, user};
  program.argv.insert(program.argv.end(), {"INSTANCE", event.instance, event.to, priority});
  program.environment = {"BALLAST_DIRECTOR=" + director, "BALLAST_INSTANCE=" + event.instance,
                         "BALLAST_FROM=" + event.from,   "BALLAST_STATE=" + event.to,
                         "BALLAST_PRIORITY=" + priority, "BALLAST_REASON=" + event.reason};
  run_process(io, program, kLimit, [self = shared_from_this()](const Ended& ended) {
    if (!ended.good) {
      const HaEvent& told = self->waiting.front();
      log::warning("notify program for {} {}: {}", told.instance, told.to, ended.error);
    }
    self->waiting.pop_front();
    self->run_next();
  });
}

Notifier::Notifier(boost::asio::io_context& io, std::string director,
                   std::vector<std::string> command, std::string user)
    : impl_(std::make_shared<Impl>(io)) {
  impl_->director = std::move(director);
  impl_->command = std::move(command);
  impl_->user = std::move(user);
}

Notifier::~Notifier() {
  for (const HaEvent& event : impl_->waiting) {
    log::warning("notify program for {} {}: it had not ended when this process did", event.instance,
                 event.to);
  }
}

void Notifier::notify(const HaEvent& event) {
  if (impl_->command.empty()) return;
  impl_->waiting.push_back(event);
  if (impl_->waiting.size() == 1) impl_->run_next();
}

void Notifier::when_idle(std::function<void()> idle) {
  if (impl_->waiting.empty()) return idle();
  impl_->idle = std::move(idle);
}

}  // namespace lb::controlplane
