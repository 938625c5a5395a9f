// Services and real servers: what the data plane counts, joined with what the control plane knows
// of their health and of what operators and policies make of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lb::api {
class Stats;
namespace control {
class Status;
}
}  // namespace lb::api

namespace lb::view {

// Counters since the data plane started.
struct Traffic {
  std::uint64_t connections = 0;
  std::uint64_t packets_in = 0;  // from clients
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t syn_unanswered = 0;
  std::uint64_t syn_refused = 0;
};

// Operators' changes and policies of a real server that is not a sorry server.
struct ServerPolicy {
  std::string admin_state;  // "ready", "maint", "drain", "drained"
  std::uint32_t weight = 0;
  std::uint32_t weight_in_file = 0;
  std::uint32_t weight_in_effect = 0;
  std::optional<std::uint64_t> drain_left_ms;
  std::optional<std::uint32_t> slow_start_percent;
};

struct Policy {
  bool sorry_server = false;
  std::optional<bool> in_use;          // of a sorry server
  std::optional<ServerPolicy> server;  // of every other
};

struct Health {
  bool up = false;
  std::uint64_t since_ms = 0;
  std::string check;
  std::string last_result;          // empty: none yet
  std::optional<std::string> held;  // why it is in service though its check fails
  std::uint32_t rise_count = 0;
  std::uint32_t fall_count = 0;
};

struct RealServerRow {
  std::string service;
  std::string_view protocol;
  std::string address;
  std::uint32_t port = 0;
  std::string_view mode;
  std::uint32_t weight = 0;  // in the data plane
  std::string state;
  bool up = false;
  bool removed = false;
  bool next_hop_resolved = false;
  bool full = false;
  std::uint32_t max_connections = 0;  // 0: no limit
  std::uint32_t resume_connections = 0;
  std::int64_t active_connections = 0;
  std::int64_t inactive_connections = 0;
  Traffic traffic;
  std::optional<Policy> policy;  // none: the control plane does not know the server, or is silent
  std::optional<Health> health;  // likewise, and none of a server without health check
};

struct Refused {
  std::uint64_t denied = 0;
  std::uint64_t client_rate_limited = 0;
  std::uint64_t service_rate_limited = 0;
};

struct SynProxy {
  std::string_view mode;
  bool active = false;
  bool timestamps = false;
  std::int64_t half_open = 0;
  std::uint64_t cookies = 0;
  std::uint64_t proven = 0;
  std::uint64_t refused = 0;
};

struct Quorum {
  std::optional<bool> reached;  // none: not all servers were checked yet
  std::uint64_t weight_up = 0;
  std::uint32_t quorum = 0;
  std::uint32_t hysteresis = 0;
  bool sorry_server_in_use = false;
};

struct ServiceRow {
  std::string name;
  std::string_view protocol;
  std::string address;  // the first, by which the service is known
  std::uint32_t port = 0;
  std::vector<std::string> addresses;
  std::string_view mode;
  std::string_view scheduler;
  bool one_packet = false;
  Traffic traffic;
  std::optional<Refused> refused;     // none: no lists and limits
  std::optional<SynProxy> syn_proxy;  // none: it has none
  std::optional<Quorum> quorum;       // none: the control plane is silent
  std::vector<RealServerRow> real_servers;
};

// `show service`
struct Services {
  std::uint64_t connections = 0;
  std::uint64_t max_connections = 0;
  std::uint64_t generation = 0;
  std::vector<ServiceRow> services;
};

// `show rs`
struct RealServers {
  bool health_known = false;
  std::vector<RealServerRow> real_servers;
};

// `show stats`
struct Statistics {
  std::uint64_t uptime_ms = 0;
  std::uint64_t connections = 0;
  std::uint64_t max_connections = 0;
  std::uint64_t connections_created = 0;
  std::uint64_t connections_expired = 0;
  std::uint64_t connections_shed = 0;
  std::uint64_t client_hops = 0;
  std::uint64_t max_client_hops = 0;
  std::uint64_t client_hops_kept = 0;
  std::uint64_t persistence_entries = 0;
  std::uint64_t max_persistence = 0;
  std::uint64_t persistence_evicted = 0;
  std::vector<ServiceRow> services;  // without health and policies
};

// `status` is null when the control plane does not answer.
Services services_of(const api::Stats& stats, const api::control::Status* status);
RealServers real_servers_of(const api::Stats& stats, const api::control::Status* status);
Statistics statistics_of(const api::Stats& stats);

}  // namespace lb::view
