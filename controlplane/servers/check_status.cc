#include "controlplane/servers/check_status.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/health/checker.h"
#include "controlplane/health/request.h"
#include "controlplane/service/inventory.h"

namespace lb::controlplane {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t in_ms(Clock::duration duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(whole, 0));
}

void put_check(const health::CheckView& from, const Inventory& inventory, Clock::time_point now,
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
  for (const auto& [id, state] : from.targets) {
    const RealServer* const server = inventory.find(id);
    if (server == nullptr) continue;
    api::control::CheckTarget& each = *to.add_targets();
    each.set_service(server->service->config->name);
    each.set_address(to_bytes(server->config->address.address));
    each.set_port(server->config->address.port);
    each.set_up(state->up);
    each.set_held(server->held);
    each.set_since_ms(in_ms(now - state->since));
    each.set_transitions(state->transitions);
    each.set_up_ms(in_ms(state->up_time(now)));
    each.set_known_ms(in_ms(now - state->known_since));
  }
}

}  // namespace

void put_checks(const health::Checker& checker, const Inventory& inventory,
                api::control::Status& status) {
  const auto now = Clock::now();
  checker.for_each_check([&](const health::CheckView& check) {
    put_check(check, inventory, now, *status.add_checks());
  });
}

}  // namespace lb::controlplane
