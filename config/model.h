// The values of a configuration file, after parsing. Plain: the two daemons, lbcli and the tests
// read it, none changes it. Defaults are here and nowhere else; config/ballast.toml documents
// every key.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/base/address.h"
#include "config/base/enum_names.h"
#include "config/base/service_settings.h"
#include "config/check.h"

namespace lb::config {

using Milliseconds = std::chrono::milliseconds;

// A place in the file, for messages: both count from 1, a column is a character.
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
  std::string state_dir = "/var/lib/ballast";  // what must survive a restart
  bool auto_reload = false;                    // when the configuration file changes
  std::string admin_group;  // whose members may do everything, beside root; empty: none
  std::string read_group;   // whose members may read; empty: none
  std::string audit_file;   // for who changed what, beside the log; empty: none
  bool operator==(const Director&) const = default;
};

enum class Memory : std::uint8_t { kHugepages, kNoHuge };
constexpr auto enum_names(Memory) {
  return std::to_array<EnumName<Memory>>({
      {"hugepages", Memory::kHugepages},
      {"no-huge", Memory::kNoHuge},
  });
}

enum class Idle : std::uint8_t { kAdaptive, kPoll };
constexpr auto enum_names(Idle) {
  return std::to_array<EnumName<Idle>>({
      {"adaptive", Idle::kAdaptive},
      {"poll", Idle::kPoll},
  });
}

struct Dataplane {
  std::uint32_t main_lcore = 0;       // CPU number
  std::vector<std::uint32_t> lcores;  // CPU numbers of the workers, sorted, distinct
  Memory memory = Memory::kHugepages;
  std::uint32_t memory_mb = 1024;
  std::uint32_t max_connections = 1'000'000;
  std::uint32_t max_persistence = 250'000;  // entries; allocated when a service has persistence
  Idle idle = Idle::kAdaptive;
  std::string drivers;  // absolute path of a shared library or of a folder of them; empty: none
  // Towards the kernel; 0: no limit.
  std::uint32_t punt_limit_pps = 50'000;             // per worker, port and class
  std::uint32_t punt_limit_pps_per_source = 20'000;  // of them
  ConnTimeouts timeouts;
  bool operator==(const Dataplane&) const = default;
};

// A VLAN on a port: a kernel interface of its own (on the port's) with addresses of its own.
struct Vlan {
  std::string name;  // kernel interface
  std::uint16_t id = 0;
  std::vector<Prefix> addresses;
  Origin where;
  bool operator==(const Vlan&) const = default;
};

struct Port {
  std::string name;    // also the kernel interface
  std::string device;  // PCI address or vdev with its arguments
  std::uint16_t mtu = 1500;
  std::vector<Prefix> addresses;
  AntiSpoof anti_spoof = AntiSpoof::kAddresses;
  // Whether connections that were opened on another port follow their clients to this one.
  bool clients_from_other_ports = false;
  std::vector<Vlan> vlans;
  Origin where;
  bool operator==(const Port&) const = default;
};

struct Route {
  Prefix destination;  // "default" is 0.0.0.0/0
  Address via;
  std::optional<MacAddress> mac;  // of the gateway; not set: as ARP says
  Origin where;
  bool operator==(const Route&) const = default;
};

// Which clients may open connections; the longest prefix decides. With `allow` or an allow_file all
// others may not.
struct Access {
  std::vector<Prefix> allow;
  std::vector<Prefix> deny;
  std::string allow_file;
  std::string deny_file;
  // What was in the files.
  std::vector<Prefix> allow_listed;
  std::vector<Prefix> deny_listed;
  bool any() const {
    return !allow.empty() || !deny.empty() || !allow_file.empty() || !deny_file.empty();
  }
  bool operator==(const Access&) const = default;
};

// Three quarters, rounded down.
constexpr std::uint32_t default_resume_connections(std::uint32_t max_connections) {
  return max_connections - (max_connections + 3) / 4;
}

struct RealServer {
  Endpoint address;          // port 0: the one that the client asked for
  std::uint16_t weight = 1;  // 0: no new connections
  // Upper and lower threshold: no new connections from max on, until it is down to resume.
  std::uint32_t max_connections = 0;     // 0: none
  std::uint32_t resume_connections = 0;  // of a file without it: default_resume_connections()
  std::optional<Check> check = {};       // in the place of the service's
  std::optional<MacAddress> mac = {};    // not set: as ARP says
  Origin where;
  bool operator==(const RealServer&) const = default;
};

// Gets the new connections of a service that has lost its quorum. A loopback address means the director's own
// sockets, which get packets as they are: then `mode` has no meaning.
struct SorryServer {
  Endpoint address;  // port 0: the one that the client asked for
  Mode mode = Mode::kNat;
  Origin where;
  bool operator==(const SorryServer&) const = default;

  bool is_local() const;
};

// Who programs of operators run as when the configuration does not say it: the user of a key, or a
// user of their own. Never the one that the control plane runs as without being named.
inline constexpr const char* kScriptUser = "ballast-script";
inline std::string script_user(const std::string& named) {
  return named.empty() ? kScriptUser : named;
}

// Which directors of a pair run the programs of a service's quorum.
enum class QuorumOn : std::uint8_t { kAll, kMaster };
constexpr auto enum_names(QuorumOn) {
  return std::to_array<EnumName<QuorumOn>>({
      {"all", QuorumOn::kAll},
      {"master", QuorumOn::kMaster},
  });
}

struct Service : ServiceSettings {
  std::string port;  // interface that has the VIP; empty: the one whose subnet contains it
  Access access;
  Milliseconds slow_start{0};  // how long the weight of a server that returns grows; 0: at once
  // Of the weights of the servers that are up: lost below quorum - hysteresis, regained at quorum +
  // hysteresis.
  std::uint32_t quorum = 1;
  std::uint32_t quorum_hysteresis = 0;
  std::vector<std::string> quorum_up;  // program and arguments, no shell
  std::vector<std::string> quorum_down;
  std::string quorum_user;  // empty: kScriptUser
  QuorumOn quorum_on = QuorumOn::kAll;
  std::optional<SorryServer> sorry_server;
  std::string sorry_page;  // a file with HTML, which the director serves itself; empty: none
  Check check;
  std::optional<AgentCheck> agent;
  std::vector<RealServer> real_servers;
  Origin where;
  bool operator==(const Service&) const = default;

  const Check& check_of(const RealServer& server) const {
    return server.check ? *server.check : check;
  }
  // What gets the new connections without a quorum: the sorry server, or the director with its sorry_page.
  std::optional<SorryServer> stand_in() const;
  // The port of all its VIPs; 0: there are several.
  std::uint16_t only_port() const;
  // Without its ports, each once.
  std::vector<Address> vips() const;
};

// What an instance's priority depends on: exactly one of the three names is set.
struct HaTrack {
  std::string interface;  // of a port or VLAN: fails while it has no link
  std::string service;    // fails while none of its real servers is up
  std::string script;     // name of a HaScript
  // Added to the priority: a negative weight while it fails, a positive one while it does not.
  // 0: the instance is in FAULT while it fails.
  std::int32_t weight = 0;
  Origin where;
  bool operator==(const HaTrack&) const = default;
};

// A VRRP virtual router of which this director is a member.
struct HaInstance {
  std::string name;
  std::string port;                    // interface of a port or VLAN; has the addresses
  std::uint8_t virtual_router_id = 0;  // 1 to 255
  std::uint8_t priority = 100;         // 255: owner of the addresses
  std::uint8_t version = 3;            // of VRRP: 2 or 3
  Milliseconds advert_interval{1000};  // whole seconds with version 2, 1/100 s with version 3
  Milliseconds warn_after{0};          // an advert that comes later is reported; 0: two intervals
  bool preempt = true;                 // whether to take over from a master of lower priority
  Milliseconds preempt_delay{0};       // after the start or a fault
  std::vector<Prefix> addresses;
  std::vector<Address> unicast_peers;   // empty: multicast
  std::vector<Address> peers;           // with multicast: whose adverts count; empty: see next
  bool accept_unknown_routers = false;  // with a sync link: others than the peer, too
  std::optional<Address> source;        // of adverts; default: the interface's first address
  std::string auth_pass;                // version 2 only, in clear text on the wire; empty: none
  std::string sync_group;               // instances of one group are master together; empty: none
  bool virtual_mac = false;             // 00:00:5e:00:01:<virtual_router_id> while master
  std::vector<HaTrack> tracks;
  Origin where;
  bool operator==(const HaInstance&) const = default;
};

// What is master as one.
inline const std::string& group_of(const HaInstance& instance) {
  return instance.sync_group.empty() ? instance.name : instance.sync_group;
}

struct HaScript {
  std::string name;
  std::vector<std::string> command;  // program and arguments, no shell; status 0 is good
  Milliseconds interval{2000};
  Milliseconds timeout{1000};  // then its process group is killed, which counts as bad
  std::uint32_t rise = 1;
  std::uint32_t fall = 1;
  std::string user;  // empty: kScriptUser
  Origin where;
  bool operator==(const HaScript&) const = default;
};

enum class ResourceFailure : std::uint8_t { kMove, kKeep };
constexpr auto enum_names(ResourceFailure) {
  return std::to_array<EnumName<ResourceFailure>>({
      {"move", ResourceFailure::kMove},
      {"keep", ResourceFailure::kKeep},
  });
}

// What a new master waits for before it starts a program that the peer may still be running.
enum class PeerConfirmation : std::uint8_t { kLease, kRequired, kNone };
constexpr auto enum_names(PeerConfirmation) {
  return std::to_array<EnumName<PeerConfirmation>>({
      {"lease", PeerConfirmation::kLease},
      {"required", PeerConfirmation::kRequired},
      {"none", PeerConfirmation::kNone},
  });
}

// A program that runs on the master only. Either unit, or start, stop and monitor.
struct HaResource {
  std::string name;
  std::string
      instance;      // of which this director is master; with a sync group, any of its instances
  std::string unit;  // of systemd
  std::vector<std::string> start, stop, monitor;  // program and arguments; status 0 is good
  std::string user;                               // of all of them; empty: kScriptUser
  Milliseconds monitor_interval{5'000};           // from end to start
  Milliseconds monitor_timeout{5'000};
  Milliseconds start_timeout{20'000};
  Milliseconds stop_timeout{10'000};
  std::uint32_t restart_limit = 3;  // restarts within restart_window before it has failed
  Milliseconds restart_window{600'000};
  ResourceFailure on_failure = ResourceFailure::kMove;
  Milliseconds failure_timeout{0};  // after which a failure is forgotten; 0: never
  PeerConfirmation peer_confirmation = PeerConfirmation::kLease;
  Origin where;
  bool operator==(const HaResource&) const = default;
};

// The link to the peer. Either key_file, or the three files of certificates.
struct HaSync {
  Endpoint listen;
  Endpoint peer;
  std::string key_file;  // pre-shared key: text of 64 hexadecimal digits
  std::string certificate_file;
  std::string private_key_file;
  std::string ca_file;
  std::uint32_t sync_id = 1;
  Milliseconds heartbeat{100};
  Milliseconds warn_after{0};         // a heartbeat that comes later is reported; 0: two of them
  Milliseconds gate_timeout{60'000};  // longest that mastership waits for a complete table
  Origin where;
  bool operator==(const HaSync&) const = default;
};

struct Ha {
  std::vector<HaInstance> instances;
  std::vector<HaScript> scripts;
  std::vector<HaResource> resources;  // in the order in which they start
  std::optional<HaSync> sync;
  std::uint32_t garp_count = 3;  // announcements of each address on becoming master
  Milliseconds garp_interval{1000};
  Milliseconds garp_refresh{0};     // 0: none
  std::vector<std::string> notify;  // program and arguments, run at every transition
  std::string notify_user;
  bool operator==(const Ha&) const = default;
};

enum class MailTls : std::uint8_t { kStarttls, kTls, kNone };
constexpr auto enum_names(MailTls) {
  return std::to_array<EnumName<MailTls>>({
      {"starttls", MailTls::kStarttls},
      {"tls", MailTls::kTls},
      {"none", MailTls::kNone},
  });
}

// By host name or address.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  // An IPv6 address in brackets.
  std::string to_string() const {
    const bool ipv6 = host.find(':') != std::string::npos;
    return (ipv6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
  }
  bool operator==(const HostPort&) const = default;
};

struct AlertMail {
  HostPort server;
  MailTls tls = MailTls::kStarttls;
  bool tls_verify = true;
  std::string tls_ca_file;    // PEM; empty: the system's store
  std::string user;           // empty: no AUTH
  std::string password_file;  // its first line; with `user` only
  std::string from;
  std::vector<std::string> to;
  Milliseconds timeout{30'000};     // of one attempt
  Milliseconds group_delay{5'000};  // events that come within it are one mail
  Milliseconds retry_interval{30'000};
  std::uint32_t max_queue = 1000;  // mails on disk
  Origin where;
  bool operator==(const AlertMail&) const = default;
};

// The recipients of every transition.
struct Alert {
  std::vector<std::string> script;  // program and arguments, no shell; empty: none
  std::string script_user;          // empty: kScriptUser
  Milliseconds script_timeout{30'000};
  std::optional<AlertMail> mail;
  bool operator==(const Alert&) const = default;
};

// What holds for all health checks together.
struct Health {
  std::uint32_t panic_threshold = 0;  // percent of all checks; 0: no panic guard
  Milliseconds panic_window{10'000};
  bool operator==(const Health&) const = default;
};

struct Config {
  Director director;
  Dataplane dataplane;
  std::vector<Port> ports;
  std::vector<Route> routes;
  std::vector<Service> services;
  Ha ha;
  Health health;
  Alert alert;
  bool operator==(const Config&) const = default;
};

// Sealed when it is loaded: never changed in place, but replaced by another one. Who keeps a
// pointer into it keeps a share of it.
using ConfigPtr = std::shared_ptr<const Config>;
inline ConfigPtr seal(Config config) {
  return std::make_shared<const Config>(std::move(config));
}

inline constexpr std::size_t kMaxPorts = 16;
inline constexpr std::size_t kMaxServices = 16'384;
inline constexpr std::size_t kMaxRealServers = 65'536;
inline constexpr std::size_t kMaxClientPrefixes = 1'000'000;  // of all lists that differ
inline constexpr std::size_t kMaxServiceAddresses = 65'536;
inline constexpr std::uint16_t kMaxWeight = 65'535;
inline constexpr std::uint32_t kMaxConnections = 200'000'000;
inline constexpr std::uint8_t kOwnerPriority = 255;

}  // namespace lb::config
