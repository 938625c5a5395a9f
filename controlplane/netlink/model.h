// What the kernel says about its network, as plain values: nothing outside this folder sees
// libnl or rtnetlink structures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/base/address.h"

namespace lb::netlink {

// The mark of addresses, routes and neighbours that we set (IFA_PROTO of an address, rtm_protocol of
// a route, NDA_PROTOCOL of a neighbour).
// A starting control plane finds what a previous process left by it. Shown by
// `ip -d address` as "proto 0x4c" and by `ip route` as "proto 76".
inline constexpr std::uint8_t kOwner = 76;

struct Link {
  int index = 0;
  std::string name;
  int parent = 0;                     // index of the link below; 0: none
  std::optional<std::uint16_t> vlan;  // id, when it is a VLAN sub-interface
  bool up = false;                    // as an administrator set it
  bool running = false;               // it can carry packets: up, with carrier
  std::uint32_t mtu = 0;
  MacAddress mac;
  // How often it started to run: changes when it went down and came back, even if both are reported
  // at the same time.
  std::uint32_t times_started = 0;
};

struct InterfaceAddress {
  int index = 0;  // of its link
  Prefix prefix;
  bool owned = false;  // has the mark kOwner

  bool operator==(const InterfaceAddress&) const = default;
};

enum class NeighbourState : std::uint8_t {  // in ascending certainty
  kNone,                                    // no MAC: being resolved, or no answer
  kStale,                                   // a MAC that was not confirmed recently
  kConfirmed,                               // it answered recently
  kPermanent,                               // set by an operator, or by us
};

struct Neighbour {
  int index = 0;
  Address address;
  NeighbourState state = NeighbourState::kNone;
  MacAddress mac;      // unless kNone
  bool owned = false;  // has the mark kOwner
};

struct Route {
  Prefix destination;  // host bits are zero
  Address via;

  bool operator==(const Route&) const = default;
};

// Where the kernel would send a packet.
struct Hop {
  int index = 0;    // of the link
  Address address;  // of the neighbour: the gateway, or the destination itself
  bool gateway = false;

  bool operator==(const Hop&) const = default;
};

}  // namespace lb::netlink
