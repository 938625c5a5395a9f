// Computes the wanted interfaces and addresses from the configuration alone. Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/model.h"
#include "controlplane/netlink/model.h"

namespace lb::controlplane {

// A kernel interface: of a port, created by the data plane, or of a VLAN on it, created by us.
struct Interface {
  std::string name;
  std::string port;        // of the data plane
  std::uint16_t vlan = 0;  // 0: untagged
  std::uint16_t mtu = 0;
  std::vector<Prefix> addresses;

  bool operator==(const Interface&) const = default;
};

// Ports in the order of the file, each followed by its VLANs.
std::vector<Interface> interfaces_of(const config::Config& config);

// The interface for this VIP of a service: service.port, or else the one whose subnet contains the
// VIP (of several the narrowest, of equals the first). Null when there is none.
const Interface* interface_of_vip(std::span<const Interface> interfaces,
                                  const config::Service& service, Address vip);

struct Vip {
  Prefix prefix;  // of a service without an HA instance: /32
  std::string interface;

  bool operator==(const Vip&) const = default;
};

// The VIPs that this director always has, each once, in the order of the services; without
// addresses that the interface has anyway, and without VIPs of HA instances.
std::vector<Vip> vips_of(const config::Config& config, std::span<const Interface> interfaces);

// Those of an HA instance, present while it is master; of all instances.
std::vector<Vip> vips_of(const config::HaInstance& instance);
std::vector<Vip> vips_of(const config::Ha& ha);

// Both: what this director may have, and has no more when it has stopped.
std::vector<Vip> all_vips(const config::Config& config);

// The wanted addresses of an interface: its own, then its VIPs.
std::vector<Prefix> wanted_addresses(const Interface& interface, std::span<const Vip> vips);

// Changes from the present addresses to the wanted ones. Addresses of others stay, and so do
// `undecided` ones; other addresses with our mark that are not wanted are removed.
struct AddressPlan {
  std::vector<Prefix> remove;
  std::vector<Prefix> add;  // in the wanted order
};
AddressPlan plan_addresses(std::span<const Prefix> wanted, std::span<const Prefix> undecided,
                           std::span<const netlink::InterfaceAddress> present);

// A neighbour whose MAC address is configured.
struct FixedNeighbour {
  std::string interface;  // whose subnet contains the address
  Address address;
  MacAddress mac;

  bool operator==(const FixedNeighbour&) const = default;
};
// Gateways and real servers, each once.
std::vector<FixedNeighbour> fixed_neighbours_of(const config::Config& config);

// The same for routes; all of `present` are ours.
struct RoutePlan {
  std::vector<netlink::Route> remove;
  std::vector<netlink::Route> add;
};
RoutePlan plan_routes(std::span<const config::Route> wanted,
                      std::span<const netlink::Route> present);

}  // namespace lb::controlplane
