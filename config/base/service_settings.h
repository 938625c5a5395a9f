// Settings of a service that the packet path uses unchanged: the same in the
// configuration, in the API and in the data plane. A new key of this kind is a field here, and all
// that lies between the configuration and the data plane's snapshot carries it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/base/address.h"
#include "config/base/service_enums.h"

namespace lb {

// How long a connection lives after its last packet, by state.
struct ConnTimeouts {
  std::chrono::milliseconds tcp_syn_sent{30'000};
  std::chrono::milliseconds tcp_syn_received{30'000};
  std::chrono::milliseconds tcp_handshake{60'000};  // DR mode; at most tcp_established counts
  std::chrono::milliseconds tcp_established{900'000};
  std::chrono::milliseconds tcp_fin_wait{120'000};
  std::chrono::milliseconds tcp_close_wait{60'000};
  std::chrono::milliseconds tcp_last_ack{30'000};
  std::chrono::milliseconds tcp_time_wait{60'000};
  std::chrono::milliseconds tcp_closed{10'000};
  std::chrono::milliseconds udp_unanswered{30'000};  // at most udp counts
  std::chrono::milliseconds udp{300'000};
  bool operator==(const ConnTimeouts&) const = default;
};

// New connections; 0: no limit.
struct ConnLimits {
  std::uint32_t new_per_second = 0;
  std::uint32_t new_per_second_per_client = 0;
  std::uint8_t client_prefix = 32;        // clients with so many equal leading bits count as one
  std::chrono::milliseconds burst{1000};  // as much of the rate may come at once
  bool any() const { return new_per_second != 0 || new_per_second_per_client != 0; }
  bool operator==(const ConnLimits&) const = default;
};

// Percent of the connection table that the services without a table_share divide evenly.
inline constexpr std::uint8_t kDefaultTableShare = 20;
// What the others may have together.
inline constexpr std::uint8_t kMaxTableShare = 100 - kDefaultTableShare;

struct ServiceSettings {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  // VIPs with their ports. Never empty: of a file without one it is 0.0.0.0:0. With the protocol
  // the first is the service's identity.
  std::vector<EndpointRange> addresses{EndpointRange{}};
  Mode mode = Mode::kNat;
  Scheduler scheduler = Scheduler::kWrr;
  OnServerDown on_server_down = OnServerDown::kReset;
  bool one_packet = false;  // of UDP: each datagram goes on its own, without a connection
  bool sync = true;         // its connections are replicated to the HA peer
  // Percent of the connection table that are kept for it; nullopt: its part of kDefaultTableShare.
  std::optional<std::uint8_t> table_share;
  // How long a client stays with its server; 0: no longer than a connection.
  std::chrono::milliseconds persistence{0};
  std::uint8_t persistence_prefix = 32;  // clients whose addresses agree in so many bits are one
  // TOS byte that packets to its real servers get, without the ECN bits, which stay as they come.
  std::optional<std::uint8_t> tos;
  std::string group;  // services of one group share their clients' servers; empty: none
  ConnLimits limits;
  SynProxyMode syn_proxy = SynProxyMode::kOff;  // of TCP in NAT mode
  // "adaptive" begins with more half-open connections than these.
  std::uint32_t syn_proxy_threshold = 10'000;
  std::optional<ConnTimeouts> timeouts;  // nullopt: those of all services
  bool operator==(const ServiceSettings&) const = default;

  // The first of its addresses with the first of that one's ports: it represents the service
  // where one address is needed.
  Endpoint primary_endpoint() const { return addresses.front().front(); }
  bool has_single_endpoint() const { return addresses.size() == 1 && addresses[0].is_single(); }
};

}  // namespace lb
