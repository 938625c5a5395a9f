#include "controlplane/view/checks.h"

#include <fmt/format.h>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/view/format.h"

namespace lb::view {
namespace {

// How many of the targets are up: each counts for itself, with its own rise and fall.
std::string check_state(const CheckRow& check) {
  std::size_t up = 0;
  bool held = false;
  for (const CheckTargetRow& target : check.targets) {
    up += target.up ? 1 : 0;
    held |= target.held;
  }
  if (up == check.targets.size()) return "up";
  if (up == 0 && held) return "held";
  return up == 0 ? "down" : fmt::format("{} of {} up", up, check.targets.size());
}

CheckRow check_of(const api::control::CheckStatus& check) {
  CheckRow out{.address = address_text(check.address()),
               .port = check.port(),
               .check = check.type(),
               .state = {},
               .last_ms = {},
               .next_ms = {},
               .running = check.running(),
               .last_result = check.last_result(),
               .targets = {}};
  if (check.has_last_ms()) out.last_ms = check.last_ms();
  if (check.has_next_ms()) out.next_ms = check.next_ms();
  for (const api::control::CheckTarget& target : check.targets()) {
    out.targets.push_back({.service = target.service(),
                           .address = address_text(target.address()),
                           .port = target.port(),
                           .up = target.up(),
                           .held = target.held(),
                           .since_ms = target.since_ms(),
                           .transitions = target.transitions(),
                           .up_ms = target.up_ms(),
                           .known_ms = target.known_ms()});
  }
  out.state = check_state(out);
  return out;
}

PanicGuard panic_guard_of(const api::control::Panic& panic) {
  PanicGuard out{
      .threshold = panic.threshold(), .times = panic.times(), .holds = panic.holds(), .hold = {}};
  if (!panic.holds()) return out;
  out.hold = PanicHold{
      .since_ms = panic.since_ms(), .failing = panic.failing(), .all = panic.all(), .peer = {}};
  if (!panic.peer().empty()) out.hold->peer = panic.peer();
  return out;
}

}  // namespace

const CheckTargetRow* CheckRow::latest() const {
  const CheckTargetRow* found = nullptr;
  for (const CheckTargetRow& target : targets) {
    if (found == nullptr || target.since_ms < found->since_ms) found = &target;
  }
  return found;
}

Checks checks_of(const api::control::Status& status) {
  Checks out;
  if (status.has_panic()) out.panic = panic_guard_of(status.panic());
  for (const api::control::CheckStatus& check : status.checks()) {
    out.checks.push_back(check_of(check));
  }
  return out;
}

}  // namespace lb::view
