// What a configuration file says, after parsing. Plain values: the two daemons, lbcli and the tests
// read it, none changes it. Defaults stand here and nowhere else; config/ballast.toml documents
// every key.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/base/net.h"

namespace lb::config {

using Milliseconds = std::chrono::milliseconds;

// Where something stands in the file, for messages: both count from 1, a column is a character.
// 0: nowhere in particular.
struct Location {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  auto operator<=>(const Location&) const = default;
};

// The place that a part of the configuration came from. It is no part of what is configured: two
// configurations that differ in it alone are equal.
struct Origin : Location {
  constexpr bool operator==(const Origin&) const { return true; }
};

struct Director {
  std::string name;
  std::string run_dir = "/run/ballast";
  bool operator==(const Director&) const = default;
};

enum class Memory : std::uint8_t { kHugepages, kNoHuge };
enum class Idle : std::uint8_t { kAdaptive, kPoll };

// How long a connection lives after its last packet, by state.
struct Timeouts {
  Milliseconds tcp_syn_sent{30'000};
  Milliseconds tcp_syn_received{30'000};
  Milliseconds tcp_established{900'000};
  Milliseconds tcp_fin_wait{120'000};
  Milliseconds tcp_close_wait{60'000};
  Milliseconds tcp_last_ack{30'000};
  Milliseconds tcp_time_wait{60'000};
  Milliseconds tcp_closed{10'000};
  Milliseconds udp{300'000};
  bool operator==(const Timeouts&) const = default;
};

struct Dataplane {
  std::uint32_t main_lcore = 0;       // CPU number
  std::vector<std::uint32_t> lcores;  // CPU numbers of the workers, sorted, distinct
  Memory memory = Memory::kHugepages;
  std::uint32_t memory_mb = 1024;
  std::uint32_t max_connections = 1'000'000;
  Idle idle = Idle::kAdaptive;
  std::string drivers;  // absolute path of a shared library or of a folder of them; empty: none
  std::uint32_t punt_limit_pps = 50'000;  // per worker, towards the kernel; 0 = no limit
  Timeouts timeouts;
  bool operator==(const Dataplane&) const = default;
};

// A VLAN on a port: a kernel interface of its own (on the port's) with addresses of its own.
struct Vlan {
  std::string name;  // kernel interface
  std::uint16_t id = 0;
  std::vector<Ipv4Prefix> addresses;
  Origin where;
  bool operator==(const Vlan&) const = default;
};

struct Port {
  std::string name;    // also the kernel interface
  std::string device;  // PCI address or vdev with its arguments
  std::uint16_t mtu = 1500;
  std::vector<Ipv4Prefix> addresses;
  std::vector<Vlan> vlans;
  Origin where;
  bool operator==(const Port&) const = default;
};

struct Route {
  Ipv4Prefix destination;  // "default" is 0.0.0.0/0
  Ipv4Address via;
  Origin where;
  bool operator==(const Route&) const = default;
};

enum class Protocol : std::uint8_t { kTcp, kUdp };
enum class Mode : std::uint8_t { kNat, kDr };
enum class Scheduler : std::uint8_t { kRr, kWrr, kLc, kWlc };
enum class CheckType : std::uint8_t { kNone, kTcp, kHttp, kHttps, kPing };

// What becomes of connections whose real server went down or was removed.
enum class OnServerDown : std::uint8_t {
  kReset,  // TCP: the client gets a RST; UDP: the connection ends, the next datagram makes a new
           // one
  kKeep,   // packets go on to the old server until the connection times out
};

struct Check {
  CheckType type = CheckType::kTcp;
  std::optional<std::uint16_t> port;  // default: the real server's
  Milliseconds interval{2000};
  Milliseconds timeout{1000};
  std::uint32_t rise = 2;
  std::uint32_t fall = 3;
  // http and https
  std::string method = "GET";
  std::string path = "/";
  std::string host;  // Host header; empty: the VIP's address:port
  std::uint16_t expect_status = 200;
  // https
  bool tls_verify = true;
  std::string tls_server_name;  // SNI and the name that the certificate must bear; empty: `host`
  std::string tls_ca_file;      // PEM; empty: the system's store
  bool operator==(const Check&) const = default;
};

struct RealServer {
  Ipv4Endpoint address;
  std::uint16_t weight = 1;  // 0: no new connections
  Origin where;
  bool operator==(const RealServer&) const = default;
};

struct Service {
  std::string name;
  Ipv4Endpoint address;  // VIP and port
  Protocol protocol = Protocol::kTcp;
  Mode mode = Mode::kNat;
  Scheduler scheduler = Scheduler::kWrr;
  OnServerDown on_server_down = OnServerDown::kReset;
  std::string port;  // interface that bears the VIP; empty: the one whose subnet contains it
  Check check;
  std::vector<RealServer> real_servers;
  Origin where;
  bool operator==(const Service&) const = default;
};

struct Config {
  Director director;
  Dataplane dataplane;
  std::vector<Port> ports;
  std::vector<Route> routes;
  std::vector<Service> services;
  bool operator==(const Config&) const = default;
};

inline constexpr std::size_t kMaxPorts = 16;
inline constexpr std::size_t kMaxServices = 16'384;
inline constexpr std::size_t kMaxRealServers = 65'536;
inline constexpr std::uint16_t kMaxWeight = 65'535;

}  // namespace lb::config
