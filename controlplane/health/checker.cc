#include "controlplane/health/checker.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/base/log.h"
#include "controlplane/health/active_check.h"
#include "controlplane/health/probe.h"
#include "controlplane/health/subscriber.h"

namespace lb::health {
namespace {

using Clock = std::chrono::steady_clock;
using boost::system::error_code;

// First checks that run at the same time. It bounds the descriptors and the burst of SYNs at start;
// 10,000 servers that answer within a few milliseconds need about a second.
constexpr std::size_t kMaxFirstChecks = 512;

Request question_of(const Target& target) {
  return make_request(target.service, target.vip, target.address, target.check);
}

Request agent_of(const Target& target) {
  return make_request(target.address, *target.agent);
}

}  // namespace

// Handlers hold weak pointers to it, and a shared one while they run, so that the Checker may be
// destroyed at any time.
class Checker::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& io, OnChange on_change, std::unique_ptr<Prober> prober)
      : io_(io),
        on_change_(std::move(on_change)),
        prober_(std::move(prober)),
        random_(std::random_device{}()) {}

  std::shared_ptr<const State> add(const Target& target, std::optional<bool> initial_up);
  bool change(const Target& target, bool stays_up);
  void restore(RealServerId id, const SavedState& saved, bool in_between);
  void remove(RealServerId id);
  void start();
  void stop();
  void pause_checks(const std::function<bool(const Address&)>& cut_off, const std::string& why);
  void hasten(RealServerId id);
  const State& state(RealServerId id) const;
  void for_each_check(const std::function<void(const CheckView&)>& show) const;
  void set_on_weight(OnWeight on_weight) { on_weight_ = std::move(on_weight); }

 private:
  using CheckPtr = std::shared_ptr<Check>;

  Subscriber* find(RealServerId id) const;
  void ask_question(const std::shared_ptr<Subscriber>& subscriber);
  CheckPtr subscribe(Request request, const std::shared_ptr<Subscriber>& subscriber);
  void unsubscribe(const Request& request, const std::shared_ptr<Subscriber>& subscriber);
  void begin(const CheckPtr& check);
  void halt(Check& check);
  void run_first_checks();
  void run_at(const CheckPtr& check, Clock::time_point when);
  void run(const CheckPtr& check);
  void on_outcome(const CheckPtr& check, const Outcome& outcome);
  void deliver(const CheckPtr& check, const Outcome& outcome);
  void notify(const Subscriber& subscriber, Subscriber::Effect effect);

  boost::asio::io_context& io_;
  OnChange on_change_;
  OnWeight on_weight_;
  std::unique_ptr<Prober> prober_;
  std::minstd_rand random_;
  bool running_ = false;
  std::uint64_t last_id_ = 0;     // of a check
  std::vector<CheckPtr> checks_;  // in order of add()
  std::unordered_map<Request, CheckPtr, RequestHash> by_request_;
  std::unordered_map<RealServerId, std::shared_ptr<Subscriber>> by_target_;
  std::deque<CheckPtr> first_checks_;  // not yet run
  std::size_t first_running_ = 0;
};

std::shared_ptr<const State> Checker::Impl::add(const Target& target,
                                                std::optional<bool> initial_up) {
  auto& known = by_target_[target.id];
  if (known) return known->state;
  known = std::make_shared<Subscriber>(target, initial_up, Clock::now());
  const auto subscriber = known;
  ask_question(subscriber);
  if (target.agent) subscribe(agent_of(target), subscriber);
  if (running_) run_first_checks();
  return subscriber->state;
}

bool Checker::Impl::change(const Target& target, bool stays_up) {
  const auto found = by_target_.find(target.id);
  if (found == by_target_.end()) return false;
  const std::shared_ptr<Subscriber> subscriber = found->second;
  if (subscriber->target == target) return false;
  const Target before = subscriber->target;
  const bool other_check = before.check != target.check;
  const bool other_agent = before.agent != target.agent;
  // A script gets the service's name.
  const bool other_question = other_check || question_of(before) != question_of(target);
  if (other_question) unsubscribe(question_of(before), subscriber);
  if (other_agent && before.agent) unsubscribe(agent_of(before), subscriber);
  const auto effect = subscriber->change(target, stays_up, Clock::now());
  if (other_question) ask_question(subscriber);
  if (other_agent && target.agent) subscribe(agent_of(target), subscriber);
  if (running_) run_first_checks();
  notify(*subscriber, effect);
  return other_check;
}

Subscriber* Checker::Impl::find(RealServerId id) const {
  const auto found = by_target_.find(id);
  return found == by_target_.end() ? nullptr : found->second.get();
}

void Checker::Impl::ask_question(const std::shared_ptr<Subscriber>& subscriber) {
  subscriber->state->question = subscribe(question_of(subscriber->target), subscriber)->id;
}

Checker::Impl::CheckPtr Checker::Impl::subscribe(Request request,
                                                 const std::shared_ptr<Subscriber>& subscriber) {
  auto& check = by_request_[request];
  const bool is_new = !check;
  if (is_new) {
    check = std::make_shared<Check>(io_, ++last_id_, std::move(request));
    checks_.push_back(check);
  }
  check->subscribers.push_back(subscriber);
  if (running_ && (is_new || check->request.type == config::CheckType::kNone)) begin(check);
  return check;
}

void Checker::Impl::restore(RealServerId id, const SavedState& saved, bool in_between) {
  if (Subscriber* const subscriber = find(id)) subscriber->restore(saved, in_between);
}

void Checker::Impl::remove(RealServerId id) {
  const auto found = by_target_.find(id);
  if (found == by_target_.end()) return;
  const std::shared_ptr<Subscriber> subscriber = found->second;
  by_target_.erase(found);
  subscriber->removed = true;
  const Target& known = subscriber->target;
  unsubscribe(question_of(known), subscriber);
  if (known.agent) unsubscribe(agent_of(known), subscriber);
  if (running_) run_first_checks();
}

void Checker::Impl::unsubscribe(const Request& request,
                                const std::shared_ptr<Subscriber>& subscriber) {
  const auto asked = by_request_.find(request);
  const CheckPtr check = asked->second;
  std::erase(check->subscribers, subscriber);
  if (!check->subscribers.empty()) return;
  halt(*check);
  by_request_.erase(asked);
  std::erase(checks_, check);
}

void Checker::Impl::start() {
  if (std::exchange(running_, true)) return;
  for (const auto& check : checks_) begin(check);
  run_first_checks();
}

void Checker::Impl::stop() {
  running_ = false;
  first_checks_.clear();
  first_running_ = 0;
  for (const auto& check : checks_) halt(*check);
}

void Checker::Impl::halt(Check& check) {
  check.timer.cancel();
  if (const auto probe = std::exchange(check.probe, nullptr)) probe->cancel();
  check.first_waits = false;
  check.wake.reset();
  check.hastened = false;
  check.retries = 0;
  if (std::exchange(check.first_runs, false) && running_) --first_running_;
}

void Checker::Impl::pause_checks(const std::function<bool(const Address&)>& cut_off,
                                 const std::string& why) {
  for (const auto& check : checks_) {
    const bool cut =
        check->request.type != config::CheckType::kNone && cut_off(check->request.to.address);
    if (check->cut_off == cut) continue;
    check->cut_off = cut;
    if (!cut) {
      if (running_) begin(check);
      continue;
    }
    halt(*check);
    for (const auto& subscriber : check->subscribers) {
      subscriber->cut_off(why);
    }
  }
  if (running_) run_first_checks();
}

void Checker::Impl::hasten(RealServerId id) {
  const Subscriber* const subscriber = find(id);
  if (!running_ || subscriber == nullptr) return;
  const Target& target = subscriber->target;
  if (!target.check.passive || !subscriber->state->up) return;
  const CheckPtr& check =
      by_request_.at(make_request(target.service, target.vip, target.address, target.check));
  // Without `wake` it runs, or is not to be run; a retry comes soon anyway.
  if (!check->wake || check->retries != 0) return;
  const auto when = check->haste.start(Clock::now());
  if (when >= *check->wake) return;
  check->hastened = true;
  run_at(check, when);
}

const State& Checker::Impl::state(RealServerId id) const {
  static const State kUnknown;
  const Subscriber* const subscriber = find(id);
  return subscriber == nullptr ? kUnknown : *subscriber->state;
}

void Checker::Impl::for_each_check(const std::function<void(const CheckView&)>& show) const {
  for (const auto& check : checks_) {
    CheckView view{check->request, check->last_result,      check->last_at,
                   check->wake,    check->probe != nullptr, {}};
    for (const auto& subscriber : check->subscribers) {
      view.targets.emplace_back(subscriber->target.id, subscriber->state.get());
    }
    show(view);
  }
}

void Checker::Impl::begin(const CheckPtr& check) {
  if (check->cut_off) return;
  if (check->request.type == config::CheckType::kNone) {
    boost::asio::post(io_, [weak = weak_from_this(), check] {
      const auto self = weak.lock();
      if (self && self->running_) self->deliver(check, {Verdict::kGood, "no check"});
    });
    return;
  }
  std::uniform_int_distribution<Clock::duration::rep> offset(
      0, Clock::duration(check->request.interval).count());
  const auto phase = Clock::now() + Clock::duration(offset(random_));
  check->schedule = Schedule(check->request.interval, phase);
  check->first_waits = true;
  first_checks_.push_back(check);
  // When the queue is too slow for it (thousands of dead servers), the timer runs the first check.
  run_at(check, phase);
}

void Checker::Impl::run_first_checks() {
  while (first_running_ < kMaxFirstChecks && !first_checks_.empty()) {
    const CheckPtr check = std::move(first_checks_.front());
    first_checks_.pop_front();
    if (check->first_waits) run(check);
  }
}

void Checker::Impl::run_at(const CheckPtr& check, Clock::time_point when) {
  check->wake = when;
  check->timer.expires_at(when);
  check->timer.async_wait(
      [weak = weak_from_this(), weak_check = std::weak_ptr(check)](error_code ec) {
        const auto self = weak.lock();
        const auto due = weak_check.lock();
        if (ec || !self || !due || !self->running_) return;
        // It may have run from the queue while this handler was already pending.
        if (due->probe || !due->wake || Clock::now() < *due->wake) return;
        self->run(due);
      });
}

void Checker::Impl::run(const CheckPtr& check) {
  check->first_runs = std::exchange(check->first_waits, false);
  if (check->first_runs) ++first_running_;
  check->timer.cancel();
  check->wake.reset();
  const auto now = Clock::now();
  check->schedule.started(now);
  if (check->hastened) check->haste.started(now);
  check->probe = prober_->start(
      check->request,
      [weak = weak_from_this(), weak_check = std::weak_ptr(check)](const Outcome& outcome) {
        const auto self = weak.lock();
        const auto ended = weak_check.lock();
        if (self && ended) self->on_outcome(ended, outcome);
      });
}

void Checker::Impl::on_outcome(const CheckPtr& check, const Outcome& outcome) {
  check->probe.reset();
  if (std::exchange(check->first_runs, false)) --first_running_;
  const auto now = Clock::now();
  check->last_result = outcome.text;
  check->last_at = now;
  const bool useless_answer = outcome.agent && outcome.verdict == Verdict::kBad;
  if (useless_answer && check->useless.is_news(outcome.text, now)) {
    log::warning("agent {}: {}; nothing changes", check->request.to.to_string(), outcome.text);
  }
  if (outcome.verdict == Verdict::kBad && check->retries < check->request.retry) {
    ++check->retries;
    run_at(check, now + check->request.retry_delay);
    return run_first_checks();
  }
  check->retries = 0;
  if (std::exchange(check->hastened, false) && outcome.verdict == Verdict::kGood) {
    check->haste.found_good();
  }
  run_at(check, check->schedule.next_start(now));
  run_first_checks();
  deliver(check, outcome);
}

// The last thing that a handler does: a subscriber's owner may add(), stop() or destroy.
void Checker::Impl::deliver(const CheckPtr& check, const Outcome& outcome) {
  const auto subscribers = check->subscribers;
  for (const auto& subscriber : subscribers) {
    if (!running_) return;
    if (subscriber->removed) continue;
    notify(*subscriber, subscriber->on_result(check->request.type, outcome, Clock::now()));
  }
}

void Checker::Impl::notify(const Subscriber& subscriber, Subscriber::Effect effect) {
  if (effect == Subscriber::Effect::kNone) return;
  const auto& call = effect == Subscriber::Effect::kUpOrDown ? on_change_ : on_weight_;
  if (call) call(subscriber.target, *subscriber.state);
}

Checker::Checker(boost::asio::io_context& io, OnChange on_change)
    : Checker(io, std::move(on_change), make_socket_prober(io)) {}

Checker::Checker(boost::asio::io_context& io, OnChange on_change, std::unique_ptr<Prober> prober)
    : impl_(std::make_shared<Impl>(io, std::move(on_change), std::move(prober))) {}

Checker::~Checker() {
  impl_->stop();
}

std::shared_ptr<const State> Checker::add(const Target& target, std::optional<bool> initial_up) {
  return impl_->add(target, initial_up);
}

bool Checker::change(const Target& target, bool stays_up) {
  return impl_->change(target, stays_up);
}

void Checker::restore(RealServerId id, const SavedState& saved, bool in_between) {
  impl_->restore(id, saved, in_between);
}
void Checker::set_on_weight(OnWeight on_weight) {
  impl_->set_on_weight(std::move(on_weight));
}
void Checker::for_each_check(const std::function<void(const CheckView&)>& show) const {
  impl_->for_each_check(show);
}
void Checker::remove(RealServerId id) {
  impl_->remove(id);
}

void Checker::start() {
  impl_->start();
}
void Checker::stop() {
  impl_->stop();
}
void Checker::pause_checks(const std::function<bool(const Address&)>& cut_off,
                           const std::string& why) {
  impl_->pause_checks(cut_off, why);
}
void Checker::hasten(RealServerId id) {
  impl_->hasten(id);
}
const State& Checker::state(RealServerId id) const {
  return impl_->state(id);
}

}  // namespace lb::health
