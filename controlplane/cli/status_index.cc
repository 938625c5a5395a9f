#include "controlplane/cli/status_index.h"

#include <fmt/format.h>

#include "controlplane/cli/format.h"

namespace lb::cli {

StatusIndex::StatusIndex(const api::control::Status* status) {
  if (status == nullptr) return;
  for (const api::control::Target& target : status->targets()) {
    targets_.emplace(std::tuple(target.service(), target.address(), target.port()), &target);
  }
  for (const api::control::ServiceState& service : status->services()) {
    services_.emplace(service.name(), &service);
  }
}

const api::control::Target* StatusIndex::find(const api::ServiceStats& service,
                                              const api::RealServerStats& server) const {
  const auto found = targets_.find({service.name(), server.address(), server.port()});
  return found == targets_.end() ? nullptr : found->second;
}

const api::control::ServiceState* StatusIndex::find(const api::ServiceStats& service) const {
  const auto found = services_.find(service.name());
  return found == services_.end() ? nullptr : found->second;
}

bool StatusIndex::is_sorry(const api::ServiceStats& service,
                           const api::RealServerStats& server) const {
  const api::control::ServiceState* const state = find(service);
  return state != nullptr && !state->sorry_address().empty() &&
         state->sorry_address() == server.address() && state->sorry_port() == server.port();
}

std::string_view StatusIndex::state_name(const api::ServiceStats& service,
                                         const api::RealServerStats& server) const {
  const std::string_view plain = cli::state_text(server);
  if (server.removed()) return plain;
  if (is_sorry(service, server)) return find(service)->sorry_in_use() ? plain : "not in use";
  const api::control::Target* const target = find(service, server);
  if (target == nullptr) return plain;
  if (!target->duty().empty() && target->duty() != "ready") return target->duty();
  if (plain == "up" && !target->up()) return "quiesced";
  if (target->has_ramp_percent()) return "slow start";
  return plain;
}

std::string StatusIndex::state_text(const api::ServiceStats& service,
                                    const api::RealServerStats& server) const {
  const std::string name(state_name(service, server));
  if (is_sorry(service, server)) return "sorry server, " + name;
  const api::control::Target* const target = find(service, server);
  if (target != nullptr && name == "drain" && target->has_drain_left_ms()) {
    return fmt::format("{}, {} left", name, age_text(target->drain_left_ms()));
  }
  if (name == "slow start") return fmt::format("{} {}%", name, target->ramp_percent());
  return name;
}

std::string StatusIndex::weight_text(const api::ServiceStats& service,
                                     const api::RealServerStats& server) const {
  const api::control::Target* const target = find(service, server);
  if (target == nullptr || server.removed()) return std::to_string(server.weight());
  const bool changed = target->weight() != target->file_weight();
  return std::to_string(target->weight()) + (changed ? "*" : "");
}

Json StatusIndex::policy_json(const api::ServiceStats& service,
                              const api::RealServerStats& server) const {
  if (is_sorry(service, server)) {
    return {{"sorry_server", true}, {"in_use", find(service)->sorry_in_use()}};
  }
  const api::control::Target* const target = find(service, server);
  if (target == nullptr) return nullptr;
  Json json = {{"sorry_server", false},
               {"duty", target->duty()},
               {"weight", target->weight()},
               {"weight_in_file", target->file_weight()},
               {"weight_in_effect", target->weight_in_effect()}};
  json["drain_left_ms"] =
      target->has_drain_left_ms() ? Json(target->drain_left_ms()) : Json(nullptr);
  json["slow_start_percent"] =
      target->has_ramp_percent() ? Json(target->ramp_percent()) : Json(nullptr);
  return json;
}

}  // namespace lb::cli
