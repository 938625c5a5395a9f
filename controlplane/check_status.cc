#include "controlplane/check_status.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/health/checker.h"
#include "controlplane/health/request.h"

namespace lb::controlplane {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t in_ms(Clock::duration duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(whole, 0));
}

using IsHeld = std::function<bool(const health::State&)>;

void put_check(const health::CheckView& from, const IsHeld& held, Clock::time_point now,
               api::control::CheckStatus& to) {
  const health::Request& request = from.request;
  to.set_address(to_bytes(request.to.address));
  to.set_port(request.to.port);
  to.set_type(request.type == config::CheckType::kAgent ? std::string("agent")
                                                        : std::string(name_of(request.type)));
  to.set_last_result(from.last_result);
  if (from.last_at) to.set_last_ms(in_ms(now - *from.last_at));
  if (from.next_at && !from.running) to.set_next_ms(in_ms(*from.next_at - now));
  to.set_running(from.running);
  for (const auto& [target, state] : from.targets) {
    api::control::CheckTarget& each = *to.add_targets();
    each.set_service(target->service);
    each.set_address(to_bytes(target->address.address));
    each.set_port(target->address.port);
    each.set_up(state.up);
    each.set_held(held(state));
    each.set_since_ms(in_ms(now - state.since));
    each.set_transitions(state.transitions);
    each.set_up_ms(in_ms(state.up_time));
    each.set_known_ms(in_ms(now - state.known_since));
  }
}

}  // namespace

void put_checks(const health::Checker& checker, const IsHeld& held, api::control::Status& status) {
  const auto now = Clock::now();
  checker.for_each_check(
      [&](const health::CheckView& check) { put_check(check, held, now, *status.add_checks()); });
}

}  // namespace lb::controlplane
