#include "dataplane/lcore/reception.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "config/base/log.h"

namespace lb {

namespace {

using Group = std::array<std::uint8_t, 6>;

// RFC 9568: adverts are for 224.0.0.18 and ff02::12.
constexpr Group kVrrp4 = {0x01, 0x00, 0x5e, 0x00, 0x00, 0x12};
constexpr Group kVrrp6 = {0x33, 0x33, 0x00, 0x00, 0x00, 0x12};

std::string names(const std::set<std::uint16_t>& vlans) {
  std::string text = vlans.size() == 1 ? "VLAN " : "VLANs ";
  const char* between = "";
  for (const std::uint16_t vlan : vlans) {
    text += between + std::to_string(vlan);
    between = ", ";
  }
  return text;
}

}  // namespace

std::string Reception::make_promiscuous() {
  if (device_.promiscuous()) return {};
  const int status = device_.enable_promiscuous();
  if (status != 0) return device_.reason(status);
  return device_.promiscuous() ? "" : "the device accepts it and does not do it";
}

// ---- multicast

void Reception::set_groups(std::set<Group> groups) {
  groups.insert({kVrrp4, kVrrp6});
  const Multicast before = multicast_;
  if (before != Multicast::kUnset && before != Multicast::kList) return;  // it gets all, or cannot
  if (before == Multicast::kList && groups == groups_) return;
  groups_ = std::move(groups);
  std::string why;
  multicast_ = choose_multicast(why);
  if (multicast_ == before) return;
  switch (multicast_) {
    case Multicast::kList:
      return log::info("{}: multicast: the device filters by its list of groups", label_);
    case Multicast::kAll:
      return log::info("{}: multicast: all of it, as the device takes no list of groups ({})",
                       label_, why);
    case Multicast::kPromiscuous:
      return log::info("{}: multicast: promiscuous mode ({})", label_, why);
    case Multicast::kUnfiltered:
    case Multicast::kUnset:
      return;
    case Multicast::kFailed:
      return log::error(
          "{}: multicast is not received, so neither VRRP nor IPv6 works there: {}; if this is a "
          "virtual function, trust it on its host: ip link set dev PF vf N trust on",
          label_, why);
  }
}

Reception::Multicast Reception::choose_multicast(std::string& why) {
  std::vector<MacAddress> list;
  for (const Group& group : groups_) list.push_back(MacAddress{group});
  const int by_list = device_.set_groups(list);
  if (by_list == 0) return Multicast::kList;
  why = "list of groups: " + device_.reason(by_list);

  const int all = device_.enable_allmulticast();
  if (all == 0 && device_.allmulticast()) return Multicast::kAll;
  why +=
      "; all multicast: " + (all == 0 ? std::string("accepted and not done") : device_.reason(all));

  if (device_.promiscuous()) return Multicast::kPromiscuous;
  const int promiscuous = device_.enable_promiscuous();
  if (promiscuous == 0 && device_.promiscuous()) return Multicast::kPromiscuous;
  // A device without any of the three has no filter: a memory interface, a file.
  if (by_list == -ENOTSUP && all == -ENOTSUP && promiscuous == -ENOTSUP) {
    return Multicast::kUnfiltered;
  }
  why += "; promiscuous mode: " +
         (promiscuous == 0 ? std::string("accepted and not done") : device_.reason(promiscuous));
  return Multicast::kFailed;
}

// ---- VLANs

void Reception::set_vlans(const std::set<std::uint16_t>& vlans) {
  if (vlans == vlans_ || !device_.can_filter_vlans()) return;
  vlans_ = vlans;
  const std::string refused = filter_vlans(vlans);
  if (vlans.empty()) return;
  if (refused.empty()) {
    return log::info("{}: {}: admitted by the device's VLAN filter", label_, names(vlans));
  }
  const std::string why = make_promiscuous();
  if (why.empty()) {
    return log::info("{}: {}: promiscuous mode, as the device's VLAN filter refuses: {}", label_,
                     names(vlans), refused);
  }
  log::error(
      "{}: {} may not be received: the device's VLAN filter refuses ({}), and promiscuous mode too "
      "({}); if this is a virtual function, give it the VLANs on its host, or trust it: ip link "
      "set "
      "dev PF vf N trust on",
      label_, names(vlans), refused, why);
}

// Empty: the filter admits these and no others. Otherwise why not.
std::string Reception::filter_vlans(const std::set<std::uint16_t>& vlans) {
  if (!device_.vlan_filter()) {
    if (vlans.empty()) return {};
    const int status = device_.enable_vlan_filter();
    if (status != 0) return device_.reason(status);
    if (!device_.vlan_filter()) return "it is accepted and stays off";
    admitted_.clear();
    // Packets with a priority and no VLAN; many devices let them in anyway, and need no request.
    device_.set_vlan(0, true);
  }
  for (auto each = admitted_.begin(); each != admitted_.end();) {
    const bool gone = !vlans.contains(*each) && device_.set_vlan(*each, false) == 0;
    each = gone ? admitted_.erase(each) : std::next(each);
  }
  std::string refused;
  for (const std::uint16_t vlan : vlans) {
    if (admitted_.contains(vlan)) continue;
    const int status = device_.set_vlan(vlan, true);
    if (status == 0) {
      admitted_.insert(vlan);
    } else if (refused.empty()) {
      refused = "VLAN " + std::to_string(vlan) + ": " + device_.reason(status);
    }
  }
  return refused;
}

// ---- MAC address

bool Reception::set_mac(const Mac& mac) {
  const std::string address = mac.address.to_string();
  std::string refused;
  if (!mac.keep) {
    refused = assign_mac(mac.address, mac.own);
  } else if (!mac.own) {
    refused = "it is an interface of the host";
  }
  if (refused.empty()) {
    log::info("{}: MAC {}", label_, address);
    return true;
  }
  const std::string why = make_promiscuous();
  if (why.empty()) {
    log::info("{}: MAC {}, received in promiscuous mode ({})", label_, address, refused);
    return true;
  }
  log::error(
      "{}: the device cannot receive for {}: it refuses the address ({}) and promiscuous mode "
      "({}); "
      "while this director is master, clients of the addresses there get no answer; set "
      "virtual_mac "
      "= false, or, for a virtual function, trust it on its host: ip link set dev PF vf N trust on "
      "spoofchk off",
      label_, address, refused, why);
  return false;
}

// Empty: the device has it. Otherwise why not.
std::string Reception::assign_mac(const MacAddress& mac, bool own) {
  if (!own && device_.is_virtual_function()) {
    const int granted = device_.try_further_mac(mac);
    if (granted != 0 && granted != -ENOTSUP) return device_.reason(granted);
  }
  const int status = device_.set_mac(mac);
  if (status != 0) return device_.reason(status);
  return device_.mac() == mac ? "" : "it is accepted and not done";
}

}  // namespace lb
