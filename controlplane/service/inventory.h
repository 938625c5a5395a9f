// The services and their real servers, each once, with all that is known of it: configuration,
// results of checks, operators' changes, decisions. Each group of fields has one writer; all parts
// read them. Runs on the event loop.
//
// A service or real server of a new configuration that is the same as before keeps its id and all
// that is known of it: adopt().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/model.h"
#include "controlplane/service/health_state.h"
#include "controlplane/service/ids.h"
#include "controlplane/service/key.h"
#include "controlplane/service/overrides.h"
#include "controlplane/service/policy.h"
#include "dataplane/api/snapshot_spec.h"

namespace lb::controlplane {

struct RealServer {
  // Inventory::adopt()
  RealServerId id{};
  Service* service = nullptr;
  const config::RealServer* config = nullptr;
  // Servers, which follows it by its checks and its next hop
  std::shared_ptr<const health::State> health;  // the Checker writes it; null: not followed yet
  bool held = false;  // kept in service by the panic guard though its check fails
  std::optional<NextHopSpec> next_hop;
  // Operations, for operators
  Changes<ServerOverride> changes;
  // decide()
  ServerPolicyState policy_state;
  ServerDecision decision;
  // Alerts: what was reported last
  std::optional<bool> reported_up;

  bool up() const { return held || (health && health->up); }
  bool unchecked() const { return !health || health->unchecked(); }
  // As configured, or as its agent or script reports.
  std::uint16_t weight() const {
    return health ? health->weight_of(config->weight) : config->weight;
  }
};

struct Service {
  // Inventory::adopt()
  ServiceId id{};
  ServiceKey key;
  const config::Service* config = nullptr;
  std::vector<RealServer> servers;  // in the order of the configuration
  // Servers
  std::optional<NextHopSpec> sorry_next_hop;
  // Operations, for operators
  Changes<ServiceOverride> changes;
  bool was_standby = false;  // at its last decision
  // decide()
  ServicePolicyState policy_state;
  ServiceDecision decision;
  // Alerts: what was reported last, and the servers' states that it depends on
  std::optional<bool> reported_up;
  std::optional<bool> reported_quorum;
  std::size_t servers_up = 0;
  std::size_t servers_down = 0;
};

class Inventory {
 public:
  // The difference to the configuration before.
  struct Adopted {
    config::ConfigPtr before;
    std::vector<RealServerId> added;
    std::vector<RealServerId> kept;
    std::vector<RealServerId> removed;
  };

  explicit Inventory(config::ConfigPtr config);
  Inventory(const Inventory&) = delete;
  Inventory& operator=(const Inventory&) = delete;

  // Which service is the same as before: config::match_services(). A real server is the same if its
  // service and its address are.
  Adopted adopt(config::ConfigPtr config);

  const config::ConfigPtr& config() const { return config_; }
  // In the order of the configuration. Pointers to them and to their servers are good until the
  // next adopt().
  std::vector<Service>& services() { return services_; }
  const std::vector<Service>& services() const { return services_; }

  // Null: there is none.
  RealServer* find(RealServerId id) const;
  Service* find(const ServiceKey& key) const;
  Service* find(std::string_view name) const;
  RealServer* find(const Service& service, Endpoint server) const;

 private:
  void add_servers(Service& service, Service* before, Adopted& adopted);
  void index();

  config::ConfigPtr config_;
  std::vector<Service> services_;
  std::uint32_t last_service_ = 0;
  std::uint32_t last_server_ = 0;
  std::unordered_map<RealServerId, RealServer*> by_id_;
  std::map<ServiceKey, Service*> by_key_;
  std::unordered_map<std::string_view, Service*> by_name_;  // the names are the configuration's
  std::map<std::pair<ServiceId, Endpoint>, RealServer*> by_address_;
};

}  // namespace lb::controlplane
