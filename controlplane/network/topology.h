// What the configuration asks of the kernel's interfaces, worked out without asking the kernel.
// Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/model.h"
#include "controlplane/netlink/model.h"

namespace lb::controlplane {

// A kernel interface: a port's own, made by the data plane, or a VLAN's on top of it, made by us.
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

// The interface that bears this VIP of a service: service.port, or else the one whose subnet
// contains the VIP (of several the narrowest, of equals the first). Null when there is none.
const Interface* interface_of_vip(std::span<const Interface> interfaces,
                                  const config::Service& service, Address vip);

struct Vip {
  Prefix prefix;  // of a service without an HA instance: /32
  std::string interface;

  bool operator==(const Vip&) const = default;
};

// The VIPs that this director always bears, each once, in the order of the services. A service on
// an address that the interface has anyway adds none, and so does one whose VIP an HA instance
// bears.
std::vector<Vip> vips_of(const config::Config& config, std::span<const Interface> interfaces);

// Those of an HA instance, borne while it is master; of all instances.
std::vector<Vip> vips_of(const config::HaInstance& instance);
std::vector<Vip> vips_of(const config::Ha& ha);

// What an interface should bear: its own addresses, then its VIPs.
std::vector<Prefix> wanted_addresses(const Interface& interface, std::span<const Vip> vips);

// How to get from the present addresses to the wanted ones. What somebody else added stays, and so
// does what is `undecided`; what else bears our mark and is not wanted goes.
struct AddressPlan {
  std::vector<Prefix> remove;
  std::vector<Prefix> add;  // in the wanted order
};
AddressPlan plan_addresses(std::span<const Prefix> wanted, std::span<const Prefix> undecided,
                           std::span<const netlink::InterfaceAddress> present);

// The same for routes; all of `present` are ours.
struct RoutePlan {
  std::vector<netlink::Route> remove;
  std::vector<netlink::Route> add;
};
RoutePlan plan_routes(std::span<const config::Route> wanted,
                      std::span<const netlink::Route> present);

}  // namespace lb::controlplane
