#include "controlplane/health/panic_guard.h"

namespace lb::health {

bool PanicGuard::configure(const Settings& settings, Time now) {
  settings_ = settings;
  if (settings_.threshold == 0) return release();
  return release_when_due(now);
}

bool PanicGuard::good(const Target& target, Time now) {
  put(target, Phase::kUp, now);
  return release_when_due(now);
}

bool PanicGuard::bad(const Target& target, Time now) {
  expire(now);
  const auto known = targets_.find(target.id);
  if (known == targets_.end() || known->second.phase != Phase::kUp) return false;
  put(target, holding_ ? Phase::kHeld : Phase::kFell, now);
  if (holding_) return release_when_due(now);
  falls_.emplace_back(now, target.id);
  return trip();
}

bool PanicGuard::forget(RealServerId id, Time now) {
  drop(id);
  return release_when_due(now);
}

void PanicGuard::change_question(RealServerId id, std::uint64_t question) {
  const auto known = targets_.find(id);
  if (known == targets_.end()) return;
  Known& target = known->second;
  count(target.target, target.phase, false);
  target.target.question = question;
  count(target.target, target.phase, true);
}

bool PanicGuard::agree(std::span<const RealServerId> ids, Time now) {
  bool any = false;
  for (const RealServerId id : ids) {
    if (!holds(id)) continue;
    drop(id);
    any = true;
  }
  return release_when_due(now) || any;
}

bool PanicGuard::release_all(Time) {
  return release();
}

bool PanicGuard::pass(Time now) {
  expire(now);
  return release_when_due(now);
}

bool PanicGuard::holds(RealServerId id) const {
  if (!holding_) return false;
  const auto known = targets_.find(id);
  return known != targets_.end() && known->second.phase == Phase::kHeld;
}

std::optional<PanicGuard::Time> PanicGuard::next() const {
  if (!holding_ || !calm_since_) return std::nullopt;
  return *calm_since_ + settings_.window;
}

void PanicGuard::put(const Target& target, Phase phase, Time now) {
  drop(target.id);
  targets_.emplace(target.id, Known{target, phase, now});
  count(target, phase, true);
}

void PanicGuard::drop(RealServerId id) {
  const auto known = targets_.find(id);
  if (known == targets_.end()) return;
  count(known->second.target, known->second.phase, false);
  targets_.erase(known);
}

// Updates the counts of questions and servers when a target is added or removed.
void PanicGuard::count(const Target& target, Phase phase, bool in) {
  Question& question = questions_[target.question];
  const bool was_failing = question.failing > 0;
  const bool was_counted = was_failing || question.up > 0;
  std::size_t& targets = phase == Phase::kUp ? question.up : question.failing;
  in ? ++targets : --targets;
  const bool is_failing = question.failing > 0;
  const bool is_counted = is_failing || question.up > 0;
  if (is_failing && !was_failing) {
    ++failing_;
    ++failing_servers_[target.server];
  } else if (was_failing && !is_failing) {
    --failing_;
    const auto server = failing_servers_.find(target.server);
    if (--server->second == 0) failing_servers_.erase(server);
  }
  if (is_counted && !was_counted) ++all_;
  if (was_counted && !is_counted) --all_;
  if (!is_counted) questions_.erase(target.question);
}

void PanicGuard::expire(Time now) {
  while (!falls_.empty() && falls_.front().first + settings_.window < now) {
    const auto [at, id] = falls_.front();
    falls_.pop_front();
    const auto known = targets_.find(id);
    if (known == targets_.end() || known->second.phase != Phase::kFell || known->second.fell != at)
      continue;
    drop(id);
  }
}

bool PanicGuard::above_threshold() const {
  return failing_servers_.size() >= kFewestServers && failing_ * 100 > settings_.threshold * all_;
}

bool PanicGuard::trip() {
  if (settings_.threshold == 0 || !above_threshold()) return false;
  for (const auto& [at, id] : falls_) {
    const auto known = targets_.find(id);
    if (known == targets_.end() || known->second.phase != Phase::kFell) continue;
    known->second.phase = Phase::kHeld;
  }
  falls_.clear();
  holding_ = true;
  calm_since_.reset();
  return true;
}

bool PanicGuard::release_when_due(Time now) {
  if (!holding_) return false;
  if (failing_ == 0) return release();
  if (above_threshold()) {
    calm_since_.reset();
    return false;
  }
  if (!calm_since_) calm_since_ = now;
  return now >= *calm_since_ + settings_.window && release();
}

// Those that still fail are down, and no longer count.
bool PanicGuard::release() {
  if (!holding_) return false;
  holding_ = false;
  calm_since_.reset();
  const bool any = failing_ > 0;
  for (auto it = targets_.begin(); it != targets_.end();) {
    if (it->second.phase == Phase::kHeld) {
      count(it->second.target, Phase::kHeld, false);
      it = targets_.erase(it);
    } else {
      ++it;
    }
  }
  return any;
}

}  // namespace lb::health
