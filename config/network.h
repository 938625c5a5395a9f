// Which interface an address belongs to, by the configured subnets.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/model.h"

namespace lb::config {

// The instance that has an address, and its interface.
struct HaOwner {
  std::string instance;
  std::string port;  // interface; "" when the instance names none
};

// A port's kernel interface or that of one of its VLANs.
struct Interface {
  std::string name;
  std::string port;        // the port that carries it; == name for the port itself
  std::uint16_t vlan = 0;  // 0: untagged
  std::vector<Prefix> addresses;
  std::string path;  // in the file: "port[0]", "port[0].vlan[2]"
};

class Network {
 public:
  explicit Network(const Config& config);

  const std::vector<Interface>& interfaces() const { return interfaces_; }
  const Interface* find(std::string_view name) const;
  // The interface with a subnet that contains `address`, and that subnet.
  struct OnLink {
    const Interface* interface;
    Prefix subnet;  // with the director's own address
  };
  std::optional<OnLink> on_link(Address address) const;
  bool is_own(Address address) const;

  // The first [[ha.instance]] that has the address; null: none.
  const HaOwner* ha_owner(Address address) const;

  // The interface that has this VIP of the service: the one that `port` names, else the one of
  // its [[ha.instance]], else the one whose subnet contains it; null when there is none (which
  // validation refuses).
  const Interface* vip_interface(const Service& service, Address vip) const;

  // For messages: "192.0.2.0/24 or 10.0.0.0/24".
  std::string subnets_text() const;

 private:
  std::vector<Interface> interfaces_;
  std::map<Address, HaOwner> ha_owners_;
};

}  // namespace lb::config
