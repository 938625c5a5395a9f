#include "controlplane/servers/overrides_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "controlplane/os/text_file.h"

namespace lb::controlplane {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

Json to_json(const ServerOverride& server, const Now& now) {
  Json json = Json::object();
  if (server.weight) json["weight"] = *server.weight;
  if (server.admin_state == AdminState::kMaint) json["duty"] = "maint";
  if (server.admin_state == AdminState::kDrain) json["duty"] = "drain";
  if (server.deadline) {
    const auto at = now.calendar.time_since_epoch() + (*server.deadline - now.steady);
    json["deadline_unix_ms"] = std::chrono::duration_cast<milliseconds>(at).count();
  }
  return json;
}

ServerOverride to_server(const Json& json, const Now& now) {
  ServerOverride server;
  if (json.contains("weight")) server.weight = json.at("weight").get<std::uint16_t>();
  const std::string admin_state = json.value("duty", "");
  if (admin_state == "maint") server.admin_state = AdminState::kMaint;
  if (admin_state == "drain") server.admin_state = AdminState::kDrain;
  if (json.contains("deadline_unix_ms")) {
    const milliseconds at(json.at("deadline_unix_ms").get<std::int64_t>());
    const auto left =
        at - std::chrono::duration_cast<milliseconds>(now.calendar.time_since_epoch());
    server.deadline = now.steady + left;
  }
  return server;
}

// One of a service's two sets: what is in force, or what is saved.
template <typename Override>
using Set = Override Changes<Override>::*;
struct Sets {
  Set<ServiceOverride> service;
  Set<ServerOverride> server;
};
constexpr Sets kInForce = {&Changes<ServiceOverride>::in_force, &Changes<ServerOverride>::in_force};
constexpr Sets kSaved = {&Changes<ServiceOverride>::saved, &Changes<ServerOverride>::saved};

Json to_json(const Inventory& inventory, const Sets& sets, const Now& now) {
  Json services = Json::object();
  for (const Service& service : inventory.services()) {
    Json json = Json::object();
    const auto scheduler = (service.changes.*sets.service).scheduler;
    if (scheduler) json["scheduler"] = name_of(*scheduler);
    for (const RealServer& server : service.servers) {
      const ServerOverride& change = server.changes.*sets.server;
      if (change == ServerOverride{}) continue;
      json["real_servers"][server.config->address.to_string()] = to_json(change, now);
    }
    if (json.empty()) continue;
    json["key"] = service.key.to_string();
    services[service.config->name] = std::move(json);
  }
  return services;
}

Service* find_service(const Inventory& inventory, const std::string& name, const Json& json) {
  if (!json.contains("key")) return inventory.find(name);
  const auto key = ServiceKey::parse(json.at("key").get<std::string>());
  return key ? inventory.find(*key) : nullptr;
}

void read_json(const Json& json, const Sets& sets, const Now& now, Inventory& inventory) {
  for (const auto& [name, from] : json.items()) {
    Service* const service = find_service(inventory, name, from);
    if (service == nullptr) continue;
    (service->changes.*sets.service).scheduler = from_name<Scheduler>(from.value("scheduler", ""));
    const Json servers = from.value("real_servers", Json::object());
    for (const auto& [endpoint, change] : servers.items()) {
      const auto address = Endpoint::parse_port_optional(endpoint);
      RealServer* const server = address ? inventory.find(*service, *address) : nullptr;
      if (server != nullptr) server->changes.*sets.server = to_server(change, now);
    }
  }
}

void forget_all(Inventory& inventory) {
  for (Service& service : inventory.services()) {
    service.changes = {};
    for (RealServer& server : service.servers) server.changes = {};
  }
}

void prune_all(Inventory& inventory) {
  for (Service& service : inventory.services()) {
    prune(service);
    for (RealServer& server : service.servers) prune(server);
  }
}

}  // namespace

Result<void> load_changes(const std::string& path, Inventory& inventory, const Now& now) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  try {
    const Json json = Json::parse(file);
    read_json(json.at("services"), kInForce, now, inventory);
    read_json(json.value("saved", Json::object()), kSaved, now, inventory);
    prune_all(inventory);
    return {};
  } catch (const Json::exception& error) {
    forget_all(inventory);
    return fail(fmt::format("{} is damaged: {}", path, error.what()));
  }
}

Result<void> save_changes(const std::string& path, const Inventory& inventory, const Now& now) {
  const Json in_force = to_json(inventory, kInForce, now);
  if (in_force.empty()) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return fail(fmt::format("{} cannot be removed: {}", path, std::strerror(errno)));
  }
  const Json json{
      {"version", 1}, {"services", in_force}, {"saved", to_json(inventory, kSaved, now)}};
  return write_text(path, json.dump(2) + '\n');
}

}  // namespace lb::controlplane
