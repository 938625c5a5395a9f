#include "controlplane/alert/runner.h"

#include <boost/asio/io_context.hpp>
#include <deque>
#include <utility>

#include "config/base/log_limit.h"
#include "controlplane/os/process.h"

namespace lb::controlplane::alert {

struct Runner::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io_context, std::string name, const config::Alert& alert)
      : io(io_context), director(std::move(name)), config(alert) {}

  void run_next();
  void ended(const ProcessResult& how);

  boost::asio::io_context& io;
  const std::string director;
  config::Alert config;
  std::deque<Event> waiting;  // the first one runs
  std::function<void()> idle;
  Status status;
  LogLimit limit{5};
};

void Runner::Impl::run_next() {
  if (config.script.empty()) waiting.clear();
  if (waiting.empty()) {
    if (const auto call = std::exchange(idle, nullptr)) call();
    return;
  }
  const Event& event = waiting.front();
  Command program{config.script, environment_of(event, director),
                  config::script_user(config.script_user)};
  const auto arguments = arguments_of(event);
  program.argv.insert(program.argv.end(), arguments.begin(), arguments.end());
  run_process(io, program, config.script_timeout,
              [self = shared_from_this()](const ProcessResult& how) { self->ended(how); });
}

void Runner::Impl::ended(const ProcessResult& how) {
  if (how.good) {
    status.good += 1;
  } else {
    status.bad += 1;
    status.last_error = how.error;
    limit.write(log::Level::kWarning, "", how.error, "alert script for \"{}\": {}",
                clean(headline(waiting.front())), how.error);
  }
  waiting.pop_front();
  run_next();
}

Runner::Runner(boost::asio::io_context& io, std::string director, const config::Alert& config)
    : impl_(std::make_shared<Impl>(io, std::move(director), config)) {}

Runner::~Runner() {
  for (const Event& event : impl_->waiting) {
    log::warning("alert script for \"{}\": it was still running when lb-controlplane stopped",
                 clean(headline(event)));
  }
}

void Runner::configure(const config::Alert& config) {
  impl_->config = config;
}

void Runner::enqueue(const Event& event) {
  if (impl_->config.script.empty()) return;
  impl_->waiting.push_back(event);
  if (impl_->waiting.size() == 1) impl_->run_next();
}

void Runner::when_idle(std::function<void()> idle) {
  if (impl_->waiting.empty()) return idle();
  impl_->idle = std::move(idle);
}

Runner::Status Runner::status() const {
  Status status = impl_->status;
  status.queue = impl_->waiting.size();
  return status;
}

}  // namespace lb::controlplane::alert
