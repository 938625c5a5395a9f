#include "controlplane/service/inventory.h"

#include "config/match_services.h"

namespace lb::controlplane {
Inventory::Inventory(config::ConfigPtr config) {
  adopt(std::move(config));
}

Inventory::Adopted Inventory::adopt(config::ConfigPtr config) {
  Adopted adopted;
  adopted.before = std::exchange(config_, std::move(config));
  std::vector<Service> old = std::exchange(services_, {});
  const auto matches = config::match_services(
      adopted.before ? adopted.before->services : std::vector<config::Service>(),
      config_->services);
  services_.reserve(matches.size());
  for (std::size_t i = 0; i < matches.size(); ++i) {
    Service& service = services_.emplace_back();
    Service* const before = matches[i] ? &old[*matches[i]] : nullptr;
    if (before == nullptr) {
      service.id = ServiceId{++last_service_};
    } else {
      // All but the servers, which are matched one by one.
      std::vector<RealServer> servers = std::exchange(before->servers, {});
      service = *before;
      before->servers = std::move(servers);
    }
    service.config = &config_->services[i];
    service.key = key_of(*service.config);
    add_servers(service, before, adopted);
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
