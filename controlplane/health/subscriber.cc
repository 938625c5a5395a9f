#include "controlplane/health/subscriber.h"

namespace lb::health {
namespace {

std::uint32_t rise_of(const config::Check& check) {
  return check.type == config::CheckType::kNone ? 1 : check.rise;
}

}  // namespace

Subscriber::Subscriber(std::uint64_t its_id, const Target& wanted, std::optional<bool> initial_up,
                       Clock::time_point now)
    : id(its_id),
      target(wanted),
      tracker(rise_of(wanted.check), wanted.check.fall, initial_up, now),
      up(tracker.up()),
      since(now),
      known_since(now) {}

State Subscriber::state() const {
  State out;
  out.target = id;
  out.question = question;
  out.passes = tracker.up();
  out.up = up;
  out.last_result = agent.out() ? "agent " + agent_result : last_result;
  out.since = since;
  out.rise_count = tracker.rise_count();
  out.fall_count = tracker.fall_count();
  out.agent = agent;
  out.agent_result = agent_result;
  out.weight = weight;
  out.transitions = transitions;
  out.known_since = known_since;
  out.up_time = up_time + (up ? Clock::now() - since : Clock::duration{});
  return out;
}

void Subscriber::remember(const Past& past, bool in_between) {
  const auto now = Clock::now();
  const Clock::duration missing = now - past.written;
  transitions = past.transitions;
  up_time = past.up_time;
  known_since = in_between ? past.known_since : past.known_since + missing;
  if (!in_between) return;
  if (up == past.up) {
    since = past.since;
    if (up) up_time -= past.written - past.since;
  } else {  // it turned after that was written
    ++transitions;
    if (past.up) up_time += missing;
  }
}

Subscriber::News Subscriber::hear(config::CheckType type, const Outcome& outcome,
                                  Clock::time_point now) {
  const std::uint16_t weight_before = weight_now();
  const bool was_out = agent.out();
  if (type == config::CheckType::kAgent) {
    agent_result = outcome.text;
    // An agent that does not answer changes nothing: the check is there to find a dead server.
    if (outcome.agent) agent.hear(*outcome.agent);
  } else {
    last_result = outcome.text;
    if (outcome.verdict == Verdict::kInconclusive) return News::kNone;
    const bool good = outcome.verdict == Verdict::kGood;
    if (good) weight = outcome.weight;
    tracker.add_result(good, now);
  }
  if (turn(now)) return News::kTurned;
  return weight_now() != weight_before || agent.out() != was_out ? News::kWeight : News::kNone;
}

bool Subscriber::turn(Clock::time_point now) {
  const bool is_up = tracker.up() && !agent.out();
  if (is_up == up) return false;
  if (up) up_time += now - since;
  up = is_up;
  since = now;
  ++transitions;
  return true;
}

std::uint16_t Subscriber::weight_now() const {
  return agent.weight(weight.value_or(config::kMaxWeight));
}

}  // namespace lb::health
