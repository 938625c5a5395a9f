#include "controlplane/service/overrides_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "controlplane/text_file.h"

namespace lb::controlplane {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

Json to_json(const ServerOverride& server, const Now& now) {
  Json json = Json::object();
  if (server.weight) json["weight"] = *server.weight;
  if (server.duty == Duty::kMaint) json["duty"] = "maint";
  if (server.duty == Duty::kDrain) json["duty"] = "drain";
  if (server.deadline) {
    const auto at = now.calendar.time_since_epoch() + (*server.deadline - now.steady);
    json["deadline_unix_ms"] = std::chrono::duration_cast<milliseconds>(at).count();
  }
  return json;
}

ServerOverride to_server(const Json& json, const Now& now) {
  ServerOverride server;
  if (json.contains("weight")) server.weight = json.at("weight").get<std::uint16_t>();
  const std::string duty = json.value("duty", "");
  if (duty == "maint") server.duty = Duty::kMaint;
  if (duty == "drain") server.duty = Duty::kDrain;
  if (json.contains("deadline_unix_ms")) {
    const milliseconds at(json.at("deadline_unix_ms").get<std::int64_t>());
    const auto left =
        at - std::chrono::duration_cast<milliseconds>(now.calendar.time_since_epoch());
    server.deadline = now.steady + left;
  }
  return server;
}

Json to_json(const Overrides& overrides, const Now& now) {
  Json services = Json::object();
  for (const auto& [name, service] : overrides) {
    Json json = Json::object();
    if (service.scheduler) json["scheduler"] = name_of(*service.scheduler);
    for (const auto& [address, server] : service.servers) {
      json["real_servers"][address.to_string()] = to_json(server, now);
    }
    services[name] = std::move(json);
  }
  return services;
}

Overrides to_overrides(const Json& json, const Now& now) {
  Overrides overrides;
  for (const auto& [name, from] : json.items()) {
    ServiceOverride& service = overrides[name];
    service.scheduler = from_name<Scheduler>(from.value("scheduler", ""));
    const Json servers = from.value("real_servers", Json::object());
    for (const auto& [endpoint, server] : servers.items()) {
      const auto address = Ipv4Endpoint::parse_port_optional(endpoint);
      if (address) service.servers[*address] = to_server(server, now);
    }
  }
  return overrides;
}

}  // namespace

Result<Changes> load_changes(const std::string& path, const Now& now) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Changes{};
  try {
    const Json json = Json::parse(file);
    return Changes{to_overrides(json.at("services"), now),
                   to_overrides(json.value("saved", Json::object()), now)};
  } catch (const Json::exception& error) {
    return fail(fmt::format("{} is not what was written: {}", path, error.what()));
  }
}

Result<void> save_changes(const std::string& path, const Changes& changes, const Now& now) {
  if (changes.in_force.empty()) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return fail(fmt::format("{} cannot be removed: {}", path, std::strerror(errno)));
  }
  const Json json{{"version", 1},
                  {"services", to_json(changes.in_force, now)},
                  {"saved", to_json(changes.saved, now)}};
  return write_text(path, json.dump(2) + '\n');
}

}  // namespace lb::controlplane
