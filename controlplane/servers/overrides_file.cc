#include "controlplane/servers/overrides_file.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "config/base/log.h"
#include "controlplane/os/text_file.h"
#include "controlplane/servers/state_number.h"

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
  if (json.contains("weight")) {
    server.weight = static_cast<std::uint16_t>(state_number(json, "weight", config::kMaxWeight));
  }
  const std::string admin_state = json.value("duty", "");
  if (admin_state == "maint") server.admin_state = AdminState::kMaint;
  if (admin_state == "drain") server.admin_state = AdminState::kDrain;
  if (json.contains("deadline_unix_ms")) {
    const auto left = state_unix_ms(json, "deadline_unix_ms") -
                      std::chrono::duration_cast<milliseconds>(now.calendar.time_since_epoch());
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

// The service of each entry, by name; entries of services that are gone are left out. As in
// Inventory::adopt() the key counts first, and the name for services that no key finds.
std::map<std::string, Service*> find_services(const Inventory& inventory, const Json& json) {
  std::map<std::string, Service*> found;
  std::set<const Service*> taken;
  const auto key_of = [](const Json& from) { return ServiceKey::parse(from.value("key", "")); };
  for (const auto& [name, from] : json.items()) {
    const auto key = key_of(from);
    Service* const service = key ? inventory.find(*key) : nullptr;
    if (service == nullptr) continue;
    found[name] = service;
    taken.insert(service);
  }
  for (const auto& [name, from] : json.items()) {
    Service* const service = inventory.find(name);
    if (found.contains(name) || service == nullptr || taken.contains(service)) continue;
    const auto key = key_of(from);
    if (!key || key->protocol == service->key.protocol) found[name] = service;
  }
  return found;
}

void read_json(const Json& json, const Sets& sets, const Now& now, Inventory& inventory) {
  const auto known = find_services(inventory, json);
  for (const auto& [name, from] : json.items()) {
    const auto found = known.find(name);
    if (found == known.end()) {
      log::warning("the changes of service {} are dropped: there is no such service now", name);
      continue;
    }
    Service* const service = found->second;
    (service->changes.*sets.service).scheduler = from_name<Scheduler>(from.value("scheduler", ""));
    const Json servers = from.value("real_servers", Json::object());
    for (const auto& [endpoint, change] : servers.items()) {
      const auto address = Endpoint::parse_port_optional(endpoint);
      RealServer* const server = address ? inventory.find(*service, *address) : nullptr;
      if (server != nullptr) {
        server->changes.*sets.server = to_server(change, now);
      } else {
        log::warning("the changes of real server {} of service {} are dropped: it has none now",
                     endpoint, name);
      }
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

std::string changes_text(const Inventory& inventory, const Now& now) {
  const Json in_force = to_json(inventory, kInForce, now);
  if (in_force.empty()) return {};
  const Json json{
      {"version", 1}, {"services", in_force}, {"saved", to_json(inventory, kSaved, now)}};
  return json.dump(2) + '\n';
}

Result<void> read_changes(const std::string& text, Inventory& inventory, const Now& now) {
  if (text.empty()) return {};
  try {
    const Json json = Json::parse(text);
    read_json(json.at("services"), kInForce, now, inventory);
    read_json(json.value("saved", Json::object()), kSaved, now, inventory);
    prune_all(inventory);
    return {};
  } catch (const Json::exception& error) {
    forget_all(inventory);
    return fail(damage(error));
  }
}

Result<void> load_changes(const std::string& path, Inventory& inventory, const Now& now) {
  const auto text = read_text(path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return {};
  const auto read = read_changes(**text, inventory, now);
  if (!read) return fail(fmt::format("{} is damaged: {}", path, read.error().message));
  return {};
}

std::optional<std::string> changes_file(const Inventory& inventory, const Now& now) {
  std::string text = changes_text(inventory, now);
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace lb::controlplane
