// Instances of VRRP, against each other, the network and the services.
#include "config/validate_ha.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "config/base/nearest.h"
#include "config/duration.h"
#include "config/validate_internal.h"

namespace lb::config {
namespace {

constexpr std::size_t kMaxAddresses = 255;  // an advert counts them in one byte

class InstanceValidator {
 public:
  InstanceValidator(const Config& config, std::vector<Problem>& problems)
      : config_(config), instances_(config.ha.instances), network_(config), problems_(problems) {
    for (const HaInstance& instance : instances_) {
      if (!instance.sync_group.empty()) groups_[instance.sync_group].push_back(&instance);
    }
    for (const auto& [name, members] : groups_) group_names_.push_back(name);
    for (const Interface& interface : network_.interfaces()) {
      interface_names_.push_back(interface.name);
    }
  }

  void run() {
    for (std::size_t i = 0; i < instances_.size(); ++i) {
      const HaInstance& instance = instances_[i];
      const std::string path = fmt::format("ha.instance[{}]", i);
      check_names(instance, path);
      check_timing(instance, path);
      check_preemption(instance, path);
      check_group(instance, path);
      check_port(instance, path);
      check_addresses(instance, path);
      check_source(instance, path);
      check_peers(instance, path);
    }
    check_services();
  }

 private:
  void report(std::string path, std::string message, ProblemKind kind = ProblemKind::kOther) {
    problems_.push_back({std::move(path), std::move(message), kind});
  }

  void check_names(const HaInstance& instance, const std::string& path) {
    check_ha_name(instance.name, "an instance", path + ".name", problems_);
    if (!names_.insert(instance.name).second) {
      report(path + ".name",
             fmt::format("another instance is called \"{}\" already; choose another name",
                         instance.name));
    }
    check_ha_name(instance.sync_group, "a group", path + ".sync_group", problems_);
  }

  void check_timing(const HaInstance& instance, const std::string& path) {
    const std::string text = to_text(instance.advert_interval);
    if (instance.version == 2 && instance.advert_interval.count() % 1000 != 0) {
      report(path + ".advert_interval",
             fmt::format("version 2 counts whole seconds, which {} is not; write \"1s\" to "
                         "\"255s\", or use version = 3",
                         text));
    }
    if (instance.version == 3 && instance.advert_interval.count() % 10 != 0) {
      report(path + ".advert_interval",
             fmt::format("version 3 counts hundredths of a second; write \"{}ms\" instead of {}",
                         instance.advert_interval.count() / 10 * 10, text));
    }
    if (instance.warn_after.count() != 0 && instance.warn_after <= instance.advert_interval) {
      report(
          path + ".warn_after",
          fmt::format("every advert comes after advert_interval, which is {}; write a longer time, "
                      "or remove warn_after",
                      text));
    }
    if (instance.version == 3 && !instance.auth_pass.empty()) {
      report(path + ".auth_pass",
             "version 3 has no passwords; remove auth_pass, or use version = 2");
    }
  }

  void check_preemption(const HaInstance& instance, const std::string& path) {
    const bool delayed = instance.preempt_delay.count() != 0;
    if (instance.priority == kOwnerPriority && (!instance.preempt || delayed)) {
      report(path + (instance.preempt ? ".preempt_delay" : ".preempt"),
             fmt::format("priority 255 makes this director the owner of the addresses, which takes "
                         "over at once; remove {}, or use 254",
                         instance.preempt ? "preempt_delay" : "preempt = false"));
    } else if (!instance.preempt && delayed) {
      report(path + ".preempt_delay",
             "preempt_delay has no meaning with preempt = false; remove one of the two");
    }
  }

  // A group moves as a whole, so it has one preemption setting.
  void check_group(const HaInstance& instance, const std::string& path) {
    if (instance.sync_group.empty()) return;
    const auto& members = groups_[instance.sync_group];
    if (members.size() == 1) {
      report(
          path + ".sync_group",
          fmt::format("no other instance is in the group \"{}\"; {}", instance.sync_group,
                      suggestions_.remedy(instance.sync_group, group_names_,
                                          "name it in those that belong together, or remove it")));
    }
    const HaInstance& first = *members.front();
    if (instance.preempt != first.preempt || instance.preempt_delay != first.preempt_delay) {
      report(path + ".preempt|" + path + ".preempt_delay",
             fmt::format("instance \"{}\" of the group \"{}\" has other preempt or preempt_delay; "
                         "a group moves as a whole, so write the same in both",
                         first.name, instance.sync_group));
    }
  }

  void check_port(const HaInstance& instance, const std::string& path) {
    const Interface* const interface = network_.find(instance.port);
    if (interface == nullptr) {
      report(path + ".port",
             fmt::format(
                 "there is no port or VLAN \"{}\"; {}", instance.port,
                 suggestions_.remedy(instance.port, interface_names_, "write the name of one")),
             ProblemKind::kFollowsNetwork);
      return;
    }
    const auto [same_id, is_new] =
        routers_.emplace(std::pair(instance.port, instance.virtual_router_id), instance.name);
    if (!is_new) {
      report(path + ".virtual_router_id",
             fmt::format("instance \"{}\" is virtual router {} on \"{}\" already; use another "
                         "number, the same on both directors",
                         same_id->second, instance.virtual_router_id, instance.port));
    }
    if (!instance.virtual_mac) return;
    const auto [same_port, is_first] = virtual_macs_.emplace(interface->port, instance.name);
    if (!is_first) {
      report(path + ".virtual_mac",
             fmt::format("instance \"{}\" has a virtual MAC address on port \"{}\" already, which "
                         "can have one; put the addresses into that instance, or remove "
                         "virtual_mac",
                         same_port->second, interface->port));
    }
  }

  void check_addresses(const HaInstance& instance, const std::string& path) {
    if (instance.addresses.empty()) {
      report(path, fmt::format("instance \"{}\" has no address; add addresses = "
                               "[\"192.0.2.10/24\"] with those that it shares",
                               instance.name));
    }
    if (instance.addresses.size() > kMaxAddresses) {
      report(fmt::format("{}.addresses[{}]", path, kMaxAddresses),
             fmt::format("more than {} addresses; put some into another instance", kMaxAddresses));
    }
    for (std::size_t i = 0; i < instance.addresses.size(); ++i) {
      const std::string at = fmt::format("{}.addresses[{}]", path, i);
      const Prefix& prefix = instance.addresses[i];
      const auto [owner, is_new] = owners_.emplace(prefix.address, &instance);
      if (!is_new) {
        const std::string where =
            owner->second == &instance
                ? "is in this instance twice"
                : fmt::format("is in instance \"{}\" already", owner->second->name);
        report(at, fmt::format("{} {}; keep one", prefix.address.to_string(), where));
      } else {
        check_address(instance, prefix, at);
      }
    }
  }

  void check_address(const HaInstance& instance, const Prefix& prefix, const std::string& at) {
    const std::string text = prefix.to_string();
    if (const auto why = unusable(prefix.address); !why.empty()) {
      report(at, fmt::format("{} is {}; write an address of the pair", text, why));
      return;
    }
    if (prefix.length == 0) {
      report(at, fmt::format("{} has no subnet; write the length of the subnet", text));
      return;
    }
    const auto link = network_.on_link(prefix.address);
    auto what = reserved_in(prefix, prefix.address);
    if (what.empty() && link) what = reserved_in(link->subnet, prefix.address);
    if (network_.is_own(prefix.address)) {
      report(at,
             fmt::format("{} is this director's own address on \"{}\", where it stays as backup "
                         "too, so both directors would have it; choose another one",
                         prefix.address.to_string(), link->interface->name),
             ProblemKind::kFollowsNetwork);
    } else if (!what.empty()) {
      report(at, fmt::format("{} is {} of its subnet; choose another one", text, what),
             ProblemKind::kFollowsNetwork);
    } else if (network_.find(instance.port) == nullptr) {
      return;  // reported with the port
    } else if (link && link->interface->name != instance.port) {
      report(at,
             fmt::format("{} is in the subnet of \"{}\", not of \"{}\"; put it into an instance on "
                         "\"{}\", of the same sync_group",
                         text, link->interface->name, instance.port, link->interface->name),
             ProblemKind::kFollowsNetwork);
    } else {
      check_overlap(instance, prefix, at);
    }
  }

  void check_overlap(const HaInstance& instance, const Prefix& prefix, const std::string& at) {
    for (const Interface& interface : network_.interfaces()) {
      if (interface.name == instance.port) continue;
      for (const Prefix& subnet : interface.addresses) {
        if (!prefix.contains(subnet.network())) continue;
        report(at,
               fmt::format("{} overlaps {} of \"{}\"; write the length of the subnet of \"{}\"",
                           prefix.to_string(), subnet.to_string(), interface.name, instance.port),
               ProblemKind::kFollowsNetwork);
        return;
      }
    }
  }

  void check_source(const HaInstance& instance, const std::string& path) {
    const Interface* const interface = network_.find(instance.port);
    if (interface == nullptr) return;
    if (interface->addresses.empty()) {
      report(path + ".port",
             fmt::format("\"{}\" has no address of its own to send adverts from; give it one, "
                         "another one on each director",
                         instance.port),
             ProblemKind::kFollowsNetwork);
      return;
    }
    const auto& own = interface->addresses;
    if (instance.source && std::none_of(own.begin(), own.end(), [&](const Prefix& prefix) {
          return prefix.address == *instance.source;
        })) {
      report(path + ".source",
             fmt::format("{} is not an address of \"{}\"; write one that it has, as \"{}\"",
                         instance.source->to_string(), instance.port, own[0].address.to_string()),
             ProblemKind::kFollowsNetwork);
    }
  }

  void check_peers(const HaInstance& instance, const std::string& path) {
    check_peers(instance, instance.unicast_peers, path + ".unicast_peers");
    check_peers(instance, instance.peers, path + ".peers");
    if (!instance.unicast_peers.empty() && !instance.peers.empty()) {
      report(path + ".peers",
             "the adverts of unicast_peers alone count already; write all of them there, or remove "
             "unicast_peers");
    }
    if (instance.accept_unknown_routers &&
        !(instance.unicast_peers.empty() && instance.peers.empty())) {
      report(path + ".accept_unknown_routers",
             fmt::format("{0} says whose adverts count; add the others to {0}, or remove it",
                         instance.peers.empty() ? "unicast_peers" : "peers"));
    }
  }

  void check_peers(const HaInstance& instance, const std::vector<Address>& peers,
                   const std::string& path) {
    std::set<Address> seen;
    for (std::size_t i = 0; i < peers.size(); ++i) {
      const Address peer = peers[i];
      const std::string at = fmt::format("{}[{}]", path, i);
      const std::string text = peer.to_string();
      const auto link = network_.on_link(peer);
      if (const auto why = unusable(peer); !why.empty()) {
        report(at, fmt::format("{} is {}; write the other director's own address", text, why));
      } else if (!seen.insert(peer).second) {
        report(at, fmt::format("duplicate {}; keep one", text));
      } else if (network_.is_own(peer)) {
        report(at, fmt::format("{} is this director's own address; write the other one's", text),
               ProblemKind::kFollowsNetwork);
      } else if (const HaOwner* const ha = network_.ha_owner(peer)) {
        report(at, fmt::format("{} is an address of instance \"{}\", which moves; write the other "
                               "director's own address",
                               text, ha->instance));
      } else if (network_.find(instance.port) == nullptr) {
        continue;  // reported with the port
      } else if (!link || link->interface->name != instance.port) {
        report(at,
               fmt::format("{} is in no subnet of \"{}\"{}; adverts pass no router, so use the "
                           "other director's own address there",
                           text, instance.port, swapped_octets(network_, peer)),
               ProblemKind::kFollowsNetwork);
      } else if (const auto what = reserved_in(link->subnet, peer); !what.empty()) {
        report(at,
               fmt::format("{} is {} of its subnet; write the other director's own address", text,
                           what),
               ProblemKind::kFollowsNetwork);
      }
    }
  }

  // A VIP outside of every instance does not move: both directors would have it all the time.
  void check_services() {
    // An instance without its addresses is reported; they may be the ones.
    const bool unknown = std::any_of(instances_.begin(), instances_.end(), [](const HaInstance& i) {
      return i.addresses.empty() ||
             std::any_of(i.addresses.begin(), i.addresses.end(),
                         [](const Prefix& prefix) { return prefix.address.is_unspecified(); });
    });
    if (unknown) return;
    std::set<Address> reported;
    for (std::size_t i = 0; i < config_.services.size(); ++i) {
      bool borne = true;
      for (const Address vip : config_.services[i].vips()) {
        if (network_.ha_owner(vip) != nullptr) continue;
        borne = false;
        if (!reported.insert(vip).second) continue;
        report(addresses_of(i),
               fmt::format("{} is in no [[ha.instance]], so both directors would have it; add it "
                           "to the addresses of one",
                           vip.to_string()));
      }
      if (borne) check_moves_together(i);
    }
  }

  static std::string addresses_of(std::size_t service) {
    return fmt::format("service[{0}].address|service[{0}].addresses", service);
  }

  // One director has all connections of a service, so it must be master of all its VIPs.
  void check_moves_together(std::size_t index) {
    const auto instance_of = [this](Address vip) {
      const HaOwner* const owner = network_.ha_owner(vip);
      return std::find_if(instances_.begin(), instances_.end(), [&](const HaInstance& instance) {
        return instance.name == owner->instance;
      });
    };
    const auto vips = config_.services[index].vips();
    const auto first = instance_of(vips.front());
    for (const Address vip : vips) {
      const auto other = instance_of(vip);
      if (other == first) continue;
      if (!first->sync_group.empty() && other->sync_group == first->sync_group) continue;
      report(
          addresses_of(index),
          fmt::format("{} moves with instance \"{}\", {} with \"{}\"; make one service for each, "
                      "or put both instances in one sync_group",
                      vips.front().to_string(), first->name, vip.to_string(), other->name));
      return;
    }
  }

  const Config& config_;
  const std::vector<HaInstance>& instances_;
  const Network network_;
  std::vector<Problem>& problems_;
  std::map<std::string, std::vector<const HaInstance*>> groups_;
  std::vector<std::string_view> group_names_;
  std::vector<std::string_view> interface_names_;
  Suggestions suggestions_;
  std::set<std::string> names_;
  std::map<std::pair<std::string, std::uint8_t>, std::string> routers_;  // (port, id) -> instance
  std::map<std::string, std::string> virtual_macs_;                      // port -> instance
  std::map<Address, const HaInstance*> owners_;
};

}  // namespace

std::string Suggestions::remedy(std::string_view name, std::span<const std::string_view> known,
                                std::string_view otherwise) {
  if (left_ == 0) return std::string(otherwise);
  --left_;
  std::vector<std::string_view> others;
  std::copy_if(known.begin(), known.end(), std::back_inserter(others),
               [name](std::string_view other) { return other != name; });
  const std::string_view guess = nearest(name, others);
  return guess.empty() ? std::string(otherwise) : fmt::format("did you mean \"{}\"?", guess);
}

void check_ha_name(const std::string& name, std::string_view whose, const std::string& path,
                   std::vector<Problem>& problems) {
  if (made_of(name, "-_.:/@+") && name.size() <= kMaxNameBytes) return;
  problems.push_back(
      {path, fmt::format("\"{}\" is not a valid name for {}; use letters, digits and "
                         "-_.:/@+, {} at most",
                         name, whose, kMaxNameBytes)});
}

void validate_instances(const Config& config, std::vector<Problem>& problems) {
  InstanceValidator(config, problems).run();
}

}  // namespace lb::config
