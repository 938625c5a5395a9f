#include "controlplane/health/subscriber.h"

namespace lb::health {
namespace {

Tracker make_tracker(const config::Check& check, std::optional<bool> initial_up,
                     Subscriber::Clock::time_point now) {
  const std::uint32_t rise = check.type == config::CheckType::kNone ? 1 : check.rise;
  return {rise, check.fall, initial_up, now};
}

}  // namespace

Subscriber::Subscriber(const Target& wanted, std::optional<bool> initial_up, Clock::time_point now)
    : target(wanted),
      state(std::make_shared<State>()),
      tracker_(make_tracker(wanted.check, initial_up, now)) {
  state->up = tracker_.up();
  state->since = state->known_since = now;
  show();
}

Subscriber::Effect Subscriber::change(const Target& next, bool stays_up, Clock::time_point now) {
  if (next.check != target.check) {
    const bool was_checked = !state->unchecked();
    tracker_ = make_tracker(next.check, was_checked ? std::optional(stays_up) : std::nullopt, now);
    state->weight.reset();
    last_result_.clear();
    // Its check failed and the panic guard held it in service: it stays there, by now without a
    // failed check.
    if (was_checked && stays_up && !state->passes) last_result_ = "no result of the new check yet";
  }
  // A changed agent check keeps what the agent said last, until it says otherwise.
  if (!next.agent) {
    state->agent = {};
    state->agent_result.clear();
  }
  target = next;
  const bool turned = turn(now);
  show();
  return turned ? Effect::kUpOrDown : Effect::kNone;
}

void Subscriber::restore(const SavedState& saved, bool in_between) {
  const auto now = Clock::now();
  const Clock::duration missing = now - saved.written;
  state->transitions = saved.transitions;
  state->up_time_before = saved.up_time;
  state->known_since = in_between ? saved.known_since : saved.known_since + missing;
  if (!in_between) return;
  if (state->up == saved.up) {
    state->since = saved.since;
    if (state->up) state->up_time_before -= saved.written - saved.since;
  } else {  // it changed after that was written
    ++state->transitions;
    if (saved.up) state->up_time_before += missing;
  }
}

Subscriber::Effect Subscriber::on_result(config::CheckType type, const Outcome& outcome,
                                         Clock::time_point now) {
  const auto weight_before = state->weight;
  const AgentState agent_before = state->agent;
  if (type == config::CheckType::kAgent) {
    state->agent_result = outcome.text;
    // An agent that does not answer changes nothing: the check is there to find a dead server.
    if (outcome.agent) state->agent.apply(*outcome.agent);
  } else {
    last_result_ = outcome.text;
    const bool good = outcome.verdict == Verdict::kGood;
    if (good) state->weight = outcome.weight;
    if (outcome.verdict != Verdict::kInconclusive) tracker_.add_result(good, now);
  }
  const bool turned = turn(now);
  show();
  if (turned) return Effect::kUpOrDown;
  const bool same = state->weight == weight_before && state->agent == agent_before;
  return same ? Effect::kNone : Effect::kWeight;
}

void Subscriber::cut_off(const std::string& why) {
  // Without any check its state is unknown.
  if (!last_result_.empty()) last_result_ = why;
  show();
}

// Copies the state of tracker and agent for readers.
void Subscriber::show() {
  state->passes = tracker_.up();
  state->rise_count = tracker_.rise_count();
  state->fall_count = tracker_.fall_count();
  state->last_result = state->agent.out() ? "agent " + state->agent_result : last_result_;
}

bool Subscriber::turn(Clock::time_point now) {
  const bool is_up = tracker_.up() && !state->agent.out();
  if (is_up == state->up) return false;
  if (state->up) state->up_time_before += now - state->since;
  state->up = is_up;
  state->since = now;
  ++state->transitions;
  return true;
}

}  // namespace lb::health
