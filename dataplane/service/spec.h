// A snapshot as the control plane describes it, and the step from there to slots.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/base/net.h"
#include "config/base/result.h"
#include "dataplane/service/snapshot.h"

namespace lb {

struct NextHopSpec {
  std::uint8_t port = 0;  // index
  std::uint16_t vlan = 0;
  MacAddress mac;
  bool operator==(const NextHopSpec&) const = default;
};

struct RealServerSpec {
  Ipv4Endpoint address;  // port 0: the one that the client asked for
  std::uint16_t weight = 1;
  std::uint32_t max_connections = 0;  // 0: none
  std::uint32_t resume_connections = 0;
  bool up = false;
  bool unchecked = false;         // with !up: the connections that it has are left alone
  bool end = false;               // its connections end, whatever on_server_down says
  std::optional<Mode> mode = {};  // nullopt: the service's
  bool resolved = false;
  NextHopSpec next_hop;  // when resolved
};

struct ServiceSpec {
  std::string name;
  std::uint8_t proto = kProtoTcp;
  Ipv4Endpoint address;                      // of several the first, with the first of its ports
  std::vector<Ipv4EndpointRange> addresses;  // all, when there are several or a range; else empty
  Mode mode = Mode::kNat;
  Scheduler scheduler = Scheduler::kWrr;
  OnServerDown on_server_down = OnServerDown::kReset;
  bool sync = true;
  bool standby = false;
  std::uint32_t persistence_ticks = 0;  // 0: none
  std::uint8_t persistence_prefix = 32;
  std::string group;                         // empty: none
  std::shared_ptr<const AccessList> access;  // null: everyone may connect
  LimitSpec limits;
  std::optional<TimeoutTicks> timeout_ticks;  // of its own
  bool one_packet = false;                    // of UDP: no connections
  std::vector<RealServerSpec> real_servers;

  Ipv4EndpointRange first_address() const {
    return addresses.empty() ? Ipv4EndpointRange{address.address, address.port, address.port}
                             : addresses.front();
  }
};

// As it came, so that an equal one need not be built again.
struct NamedAccessList {
  std::string source;
  std::shared_ptr<const AccessList> list;
};

struct SnapshotSpec {
  std::vector<NamedAccessList> access_lists;  // that the services share
  std::vector<PortInfo> ports;
  std::vector<ServiceSpec> services;
  std::vector<Be32> own_addresses;  // of the director
  TimeoutTicks timeout_ticks{};
};

// Checks a spec that came from a peer process: duplicate services, duplicate real servers, port
// indexes, limits. One error that names the service and real server.
Result<void> check(const SnapshotSpec& spec);

// Builds the next snapshot; fails when check() does or when the slots do not suffice.
//
// A service is the same as before if protocol and VIP:port are, of several addresses the first
// with its ports; a real server if its service and address:port are; both then keep their slots,
// and get them back when they return while the slot is still kept. A removed real server keeps its
// slot, `removed` and its last next hop (whatever on_server_down says, `reset` follows its
// service's last setting) for one snapshot at least, because workers may still choose it by
// `previous`, and from then on until in_use(slot) is false; so does its service. A slot that gets
// free is not given to another one in the same snapshot.
//
// reset_epoch goes up when a slot that `previous` knew gets `reset` and did not have it for the
// same server; a server that starts its life down has no connections.
//
// `previous` may be null. The caller holds it until this returns, and must have let every worker
// move on to it (a grace period after its publication). Control thread only.
Result<std::unique_ptr<Snapshot>> build_snapshot(
    const SnapshotSpec& spec, const Snapshot* previous,
    const std::function<bool(std::uint32_t rs_slot)>& in_use);

}  // namespace lb
