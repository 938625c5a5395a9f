// Which device has which VIP, the ports' own addresses, routes.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/import/dpvs.h"

namespace lb::importer {
namespace {

// Devices by the subnets on their links; the longest that contains an address.
class Subnets {
 public:
  struct Link {
    std::string device;
    Prefix prefix;
  };

  void add(const Prefix& prefix, const std::string& device) {
    by_length_[prefix.length].emplace(prefix.network(), device);
  }

  std::optional<Link> find(const Address& address) const {
    for (const auto& [length, devices] : by_length_) {
      const auto at = devices.find(address.masked(length));
      if (at != devices.end()) return Link{at->second, Prefix(at->first, length)};
    }
    return std::nullopt;
  }

 private:
  std::map<std::uint8_t, std::unordered_map<Address, std::string>, std::greater<>> by_length_;
};

class DpvsNetworkWriter {
 public:
  DpvsNetworkWriter(DpvsState& state, Context& context) : state_(state), context_(context) {}

  void write() {
    for (DpvsState::Device& device : state_.devices) {
      if (device.name.empty() || state_.slaves.contains(device.name)) continue;
      saw(device.name);
      context_.port(device.name, device.place);
      if (device.mtu != 0) context_.mtu(device.name, device.mtu, device.place);
    }
    for (IpvsService& service : state_.ipvsadm.ipvs.services) {
      if (!service.key.empty()) services_[service.vip.address].push_back(&service);
    }
    find_subnets();
    for (const bool local : {false, true}) {
      for (std::size_t i = 0; i < state_.addresses.size(); ++i) {
        if (state_.addresses[i].local == local && is_there(i)) write_address(state_.addresses[i]);
      }
    }
    for (const DpvsState::Route& route : state_.routes) {
      if (!route.deleted) write_route(route);
    }
    place_services();
  }

 private:
  bool is_there(std::size_t index) const {
    const auto flushed = state_.flushed.find(state_.addresses[index].device);
    return !state_.addresses[index].deleted &&
           (flushed == state_.flushed.end() || index >= flushed->second);
  }

  void saw(const std::string& device) {
    if (first_device_.empty()) first_device_ = device;
  }

  void find_subnets() {
    for (std::size_t i = 0; i < state_.addresses.size(); ++i) {
      const DpvsState::Address& each = state_.addresses[i];
      if (is_there(i) && each.prefix.length < 32) subnets_.add(each.prefix.masked(), each.device);
    }
    for (const DpvsState::Route& route : state_.routes) {
      if (route.deleted || !route.via.is_unspecified()) continue;
      if (route.destination.length < 32) subnets_.add(route.destination, route.device);
    }
  }

  void write_address(const DpvsState::Address& address) {
    saw(address.device);
    context_.port(address.device, address.place);
    const auto vip = services_.find(address.prefix.address);
    if (!address.local && vip != services_.end()) {
      for (IpvsService* service : vip->second) service->interface = address.device;
      if (address.prefix.length < 32) {
        context_.note(Severity::kWarning, address.place, "dpip addr " + address.prefix.to_string(),
                      "a VIP that is the subnet's, too",
                      "the VIP comes with its service; the port needs an address of its own in "
                      "this subnet");
      }
      return;
    }
    if (address.local && own_.contains(address.device)) return;
    Prefix own = address.prefix;
    const auto link = subnets_.find(own.address);
    if (own.length == 32 && link && link->device == address.device)
      own.length = link->prefix.length;
    own_.insert(address.device);
    context_.address(address.device, own, address.place);
    if (own.length < 32) reached_.insert(own.masked().to_string());
  }

  void write_route(const DpvsState::Route& route) {
    if (!route.device.empty()) {
      saw(route.device);
      context_.port(route.device, route.place);
    }
    const std::string destination =
        route.destination.length == 0 ? "default" : route.destination.to_string();
    if (!route.via.is_unspecified()) {
      if (route.destination.length == 0) default_device_ = route.device;
      context_.draft.add_route(route.place)
          .text("destination", destination)
          .text("via", route.via.to_string());
      return;
    }
    if (!reached_.contains(destination)) {
      context_.note(Severity::kWarning, route.place, "dpip route add " + destination,
                    "a subnet on the link of " + route.device,
                    fmt::format("give the port {} an address in it: that makes this route",
                                context_.port(route.device, route.place)));
    }
  }

  void place_services() {
    bool guessed = false;
    Ipvs& ipvs = state_.ipvsadm.ipvs;
    if (context_.options().ports.empty()) {
      ipvs.interface = default_device_.empty() ? first_device_ : default_device_;
    }
    for (IpvsService& service : ipvs.services) {
      if (service.key.empty() || !service.interface.empty()) continue;
      if (const auto link = subnets_.find(service.vip.address)) {
        service.interface = link->device;
      } else if (!guessed && !ipvs.interface.empty() && service.protocol != "fwmark") {
        guessed = true;
        context_.note(Severity::kWarning, service.place, service.key,
                      "no `dpip addr add` puts its VIP on a device",
                      fmt::format("port {}, as of all services without one: correct `port` if the "
                                  "VIP is elsewhere",
                                  ipvs.interface));
      }
    }
  }

  DpvsState& state_;
  Context& context_;
  std::unordered_map<Address, std::vector<IpvsService*>> services_;
  Subnets subnets_;
  std::unordered_set<std::string> own_;      // devices with an address of the director
  std::unordered_set<std::string> reached_;  // subnets of these
  std::string first_device_;
  std::string default_device_;
};

}  // namespace

void write_dpvs_network(DpvsState& state, Context& context) {
  DpvsNetworkWriter(state, context).write();
}

}  // namespace lb::importer
