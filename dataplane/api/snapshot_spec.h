// What the data plane forwards by, as the control plane describes it: plain values without slots or
// states. The control plane fills a SnapshotSpec, snapshot_codec.h carries it, dataplane/service
// builds a Snapshot from it.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/base/address.h"
#include "config/base/service_enums.h"
#include "config/base/service_settings.h"

namespace lb {

struct NextHopSpec {
  std::string port;        // name
  std::uint16_t vlan = 0;  // 0: untagged
  MacAddress mac;
  bool operator==(const NextHopSpec&) const = default;
};

struct RealServerSpec {
  Endpoint address;  // port 0: the one that the client asked for
  std::uint16_t weight = 1;
  std::uint32_t max_connections = 0;     // 0: no limit
  std::uint32_t resume_connections = 0;  // a full server gets none until it is down to this
  std::optional<Mode> mode = {};         // nullopt: the service's
  bool up = false;                       // down: it gets no new connections
  // The result of its health check, where it differs from `up`. For a control plane that starts
  // while the data plane runs; the data plane ignores it.
  std::optional<bool> healthy = {};
  // With !up, the connections that it has are left alone, whatever on_server_down says: its health
  // is not known yet, or it drains.
  bool keep_connections = false;
  bool end_connections = false;              // they end, whatever on_server_down and `up` say
  std::optional<NextHopSpec> next_hop = {};  // nullopt: not resolved yet; its packets are dropped
  // The director itself: its kernel gets the packets as they are. In DR mode, and without a next hop.
  bool local = false;
  bool operator==(const RealServerSpec&) const = default;
};

// Which clients may open connections; the longest prefix decides. A prefix in both is denied.
struct AccessListSpec {
  std::vector<Prefix> allow;
  std::vector<Prefix> deny;
  bool others = true;  // whether clients in none of them may
  bool operator==(const AccessListSpec&) const = default;
  auto operator<=>(const AccessListSpec&) const = default;
};

// A list that services and specs share, since lists may be long. Equal when what is in them is.
class SharedAccessList {
 public:
  SharedAccessList() = default;  // none: everyone may connect
  explicit SharedAccessList(AccessListSpec list)
      : list_(std::make_shared<const AccessListSpec>(std::move(list))) {}

  explicit operator bool() const { return list_ != nullptr; }
  const AccessListSpec& operator*() const { return *list_; }
  const AccessListSpec* operator->() const { return list_.get(); }

  bool operator==(const SharedAccessList& o) const { return (*this <=> o) == 0; }
  std::strong_ordering operator<=>(const SharedAccessList& o) const {
    if (list_ == o.list_) return std::strong_ordering::equal;
    if (list_ == nullptr || o.list_ == nullptr) return (list_ != nullptr) <=> (o.list_ != nullptr);
    return *list_ <=> *o.list_;
  }

 private:
  std::shared_ptr<const AccessListSpec> list_;
};

struct ServiceSpec : ServiceSettings {
  SharedAccessList access;
  bool standby = false;  // another director is master of its VIP
  std::vector<RealServerSpec> real_servers;
  bool operator==(const ServiceSpec&) const = default;
};

// The address that the director answers from (ICMP errors) to packets that came in there.
struct PortAddressSpec {
  std::string port;        // name
  std::uint16_t vlan = 0;  // 0: untagged
  Address address;
  bool operator==(const PortAddressSpec&) const = default;
};

// A port with another MAC address than its device's: the virtual router's while this director is
// master (RFC 9568 section 7.3).
struct PortMacSpec {
  std::string port;  // name
  MacAddress mac;
  bool operator==(const PortMacSpec&) const = default;
};

// Which packets may come in by a port. One without a policy accepts every VLAN and every source.
struct PortPolicySpec {
  std::string port;                  // name
  std::vector<std::uint16_t> vlans;  // that it has, beside what is untagged
  AntiSpoof anti_spoof = AntiSpoof::kAddresses;
  bool clients_from_other_ports = false;  // connections of other ports follow their clients here
  bool operator==(const PortPolicySpec&) const = default;
};

// Packets from this network are expected there: the kernel sends there what goes to it. The longest
// prefix decides; there may be several of the same.
struct SourceRouteSpec {
  Prefix network;
  std::string port;        // name
  std::uint16_t vlan = 0;  // 0: untagged
  bool operator==(const SourceRouteSpec&) const = default;
};

struct SnapshotSpec {
  std::uint64_t generation = 0;  // set by the data plane: +1 with every accepted one
  std::vector<PortAddressSpec> port_addresses;
  std::vector<PortMacSpec> port_macs;
  // All that the director itself may have; VIPs need not be among them.
  std::vector<Address> own_addresses;
  // That nobody outside can have now: of those, not what another director is master of; and the
  // broadcast addresses of the director's subnets.
  std::vector<Address> held_addresses;
  std::vector<PortPolicySpec> port_policies;
  std::vector<SourceRouteSpec> source_routes;
  ConnTimeouts timeouts;
  std::vector<ServiceSpec> services;
  bool operator==(const SnapshotSpec&) const = default;
};

}  // namespace lb
