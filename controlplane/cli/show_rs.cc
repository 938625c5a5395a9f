// `show rs`: real servers as the data plane runs them, with the control plane's word on their
// health.
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/format.h"
#include "controlplane/cli/json.h"
#include "controlplane/cli/show.h"
#include "controlplane/cli/status_index.h"

namespace lb::cli {
namespace {

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

// "100/75": full at 100, back at 75.
std::string limit_text(const api::RealServerStats& server) {
  if (server.max_connections() == 0) return "-";
  return std::to_string(server.max_connections()) + "/" +
         std::to_string(server.resume_connections());
}

// "held: check failed, 7 of 10 checks fail at once (L4TOUT after 1000ms)"
std::string result_text(const api::control::Target& target) {
  if (target.held().empty()) return target.last_result();
  return target.held() + " (" + target.last_result() + ")";
}

Json health_json(const api::control::Target* target) {
  if (target == nullptr) return nullptr;
  return {{"up", target->up()},
          {"since_ms", target->since_ms()},
          {"check", target->check()},
          {"last_result", target->last_result()},
          {"held", target->held().empty() ? Json(nullptr) : Json(target->held())},
          {"rise_count", target->rise_count()},
          {"fall_count", target->fall_count()}};
}

}  // namespace

std::string rs_text(const api::Stats& stats, const api::control::Status* health) {
  using enum Columns::Align;
  const StatusIndex index(health);
  Columns columns({kLeft, kLeft, kLeft, kRight, kLeft, kLeft, kRight, kLeft, kRight, kRight, kRight,
                   kRight, kLeft});
  columns.row({"Service", "RealServer:Port", "Forward", "Weight", "State", "Health", "Since",
               "Check", "ActiveConn", "InActConn", "MaxConn", "Conns", "LastResult"});
  for (const api::ServiceStats& service : stats.services()) {
    for (const api::RealServerStats& server : service.real_servers()) {
      const api::control::Target* const target = index.find(service, server);
      columns.row({service.name(), endpoint_text(server.address(), server.port()),
                   std::string(forward_text(server.mode())), index.weight_text(service, server),
                   index.state_text(service, server),
                   target == nullptr        ? "-"
                   : target->up()           ? "up"
                   : target->held().empty() ? "down"
                                            : "held",
                   target == nullptr ? "-" : age_text(target->since_ms()),
                   target == nullptr ? "-" : or_dash(target->check()),
                   std::to_string(server.active_connections()),
                   std::to_string(server.inactive_connections()), limit_text(server),
                   std::to_string(server.traffic().connections()),
                   target == nullptr ? "-" : or_dash(result_text(*target))});
    }
  }
  return columns.text();
}

std::string rs_json(const api::Stats& stats, const api::control::Status* health) {
  const StatusIndex index(health);
  Json servers = Json::array();
  for (const api::ServiceStats& service : stats.services()) {
    for (const api::RealServerStats& server : service.real_servers()) {
      Json json = {{"service", service.name()},
                   {"protocol", name_in(service.protocol())},
                   {"address", address_text(server.address())},
                   {"port", server.port()},
                   {"mode", name_in(server.mode())},
                   {"weight", server.weight()},
                   {"state", index.state_name(service, server)},
                   {"up", server.up()},
                   {"removed", server.removed()},
                   {"next_hop_resolved", server.next_hop_resolved()},
                   {"max_connections", server.max_connections()},
                   {"resume_connections", server.resume_connections()},
                   {"full", server.full()},
                   {"active_connections", server.active_connections()},
                   {"inactive_connections", server.inactive_connections()}};
      json.update(traffic_json(server.traffic()));
      json["policy"] = index.policy_json(service, server);
      json["health"] = health_json(index.find(service, server));
      servers.push_back(std::move(json));
    }
  }
  return print({{"health_known", health != nullptr}, {"real_servers", std::move(servers)}});
}

}  // namespace lb::cli
