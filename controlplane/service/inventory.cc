#include "controlplane/service/inventory.h"

namespace lb::controlplane {
namespace {

// The old service of each new one; null: it is new.
std::vector<Service*> match(std::vector<Service>& before,
                            const std::map<ServiceKey, Service*>& by_key,
                            const std::vector<config::Service>& next) {
  std::vector<Service*> matches;
  std::unordered_map<const Service*, bool> taken;
  for (const config::Service& service : next) {
    const auto same = by_key.find(key_of(service));
    matches.push_back(same == by_key.end() ? nullptr : same->second);
    if (matches.back() != nullptr) taken[matches.back()] = true;
  }
  if (taken.size() == before.size() || taken.size() == next.size()) return matches;
  std::map<ServiceKey, Service*> by_any;
  for (Service& service : before) {
    if (taken.contains(&service)) continue;
    for (const EndpointRange& vip : service.config->addresses) {
      by_any.emplace(ServiceKey{service.key.protocol, vip}, &service);
    }
  }
  for (std::size_t i = 0; i < next.size(); ++i) {
    if (matches[i] != nullptr) continue;
    for (const EndpointRange& vip : next[i].addresses) {
      const auto same = by_any.find({next[i].protocol, vip});
      if (same == by_any.end() || !taken.emplace(same->second, true).second) continue;
      matches[i] = same->second;
      break;
    }
  }
  for (std::size_t i = 0; i < next.size(); ++i) {
    if (matches[i] != nullptr) continue;
    for (Service& service : before) {
      if (service.config->name != next[i].name || service.key.protocol != next[i].protocol)
        continue;
      if (taken.emplace(&service, true).second) matches[i] = &service;
      break;
    }
  }
  return matches;
}

}  // namespace

Inventory::Inventory(config::ConfigPtr config) {
  adopt(std::move(config));
}

Inventory::Adopted Inventory::adopt(config::ConfigPtr config) {
  Adopted adopted;
  adopted.before = std::exchange(config_, std::move(config));
  std::vector<Service> old = std::exchange(services_, {});
  const std::vector<Service*> same = match(old, by_key_, config_->services);
  services_.reserve(same.size());
  for (std::size_t i = 0; i < same.size(); ++i) {
    Service& service = services_.emplace_back();
    if (same[i] == nullptr) {
      service.id = ServiceId{++last_service_};
    } else {
      // All but the servers, which are matched one by one.
      std::vector<RealServer> servers = std::exchange(same[i]->servers, {});
      service = *same[i];
      same[i]->servers = std::move(servers);
    }
    service.config = &config_->services[i];
    service.key = key_of(*service.config);
    add_servers(service, same[i], adopted);
  }
  for (const Service& gone : old) {
    for (const RealServer& server : gone.servers) {
      if (server.id != RealServerId{}) adopted.removed.push_back(server.id);
    }
  }
  index();
  return adopted;
}

void Inventory::add_servers(Service& service, Service* before, Adopted& adopted) {
  service.servers.reserve(service.config->real_servers.size());
  for (const config::RealServer& configured : service.config->real_servers) {
    RealServer& server = service.servers.emplace_back();
    const auto known = by_address_.find({service.id, configured.address});
    if (before != nullptr && known != by_address_.end()) {
      server = std::exchange(*known->second, {});
      adopted.kept.push_back(server.id);
    } else {
      server.id = RealServerId{++last_server_};
      adopted.added.push_back(server.id);
    }
    server.config = &configured;
  }
}

void Inventory::index() {
  by_id_.clear();
  by_key_.clear();
  by_name_.clear();
  by_address_.clear();
  for (Service& service : services_) {
    by_key_.emplace(service.key, &service);
    by_name_.emplace(service.config->name, &service);
    for (RealServer& server : service.servers) {
      server.service = &service;
      by_id_.emplace(server.id, &server);
      by_address_.emplace(std::pair(service.id, server.config->address), &server);
    }
  }
}

RealServer* Inventory::find(RealServerId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

Service* Inventory::find(const ServiceKey& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

Service* Inventory::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

RealServer* Inventory::find(const Service& service, Endpoint server) const {
  const auto found = by_address_.find({service.id, server});
  return found == by_address_.end() ? nullptr : found->second;
}

}  // namespace lb::controlplane
