#include "controlplane/cli/json.h"

#include "controlplane/cli/format.h"

namespace lb::cli {

std::string print(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string print_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json addresses_json(const api::ServiceStats& service) {
  Json texts = Json::array();
  for (const api::AddressRange& range : service.addresses()) texts.push_back(range_text(range));
  return texts;
}

Json refused_json(const api::ServiceStats& service) {
  if (!service.has_refused()) return nullptr;
  return Json{{"denied", service.refused().denied()},
              {"client_rate_limited", service.refused().client_rate_limited()},
              {"service_rate_limited", service.refused().service_rate_limited()}};
}

Json traffic_json(const api::TrafficStats& traffic) {
  return Json{{"connections", traffic.connections()}, {"packets_in", traffic.packets_in()},
              {"packets_out", traffic.packets_out()}, {"bytes_in", traffic.bytes_in()},
              {"bytes_out", traffic.bytes_out()},     {"syn_unanswered", traffic.syn_unanswered()},
              {"syn_refused", traffic.syn_refused()}};
}

}  // namespace lb::cli
