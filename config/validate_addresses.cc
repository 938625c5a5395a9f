// What services are offered under: their VIPs and ports, against each other and the network.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "config/validate.h"
#include "config/validate_internal.h"

namespace lb::config {
namespace {

class AddressValidator {
 public:
  AddressValidator(const Config& config, std::vector<Problem>& problems)
      : config_(config), network_(config), problems_(problems) {}

  void run() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < config_.services.size(); ++i) {
      const Service& service = config_.services[i];
      const auto& ranges = service.addresses;
      std::vector<Address> seen;
      for (std::size_t k = 0; k < ranges.size(); ++k) {
        const std::string path = path_of(i, k);
        if (++count == kMaxServiceAddresses + 1) {
          report(path, fmt::format("more than {} addresses of services up to here; leave some out",
                                   kMaxServiceAddresses));
        }
        offers_.push_back({&service, ranges[k], path});
        if (std::find(seen.begin(), seen.end(), ranges[k].address) != seen.end()) continue;
        seen.push_back(ranges[k].address);
        check_vip(service, ranges[k].address, path, fmt::format("service[{}]", i));
      }
      check_ports_to_check(service, fmt::format("service[{}]", i));
      check_access(service.access, fmt::format("service[{}]", i));
      check_limits(service.limits, fmt::format("service[{}].limits", i));
      add_table_share(service, fmt::format("service[{}].table_share", i));
    }
    check_overlaps();
  }

 private:
  struct Offer {
    const Service* service;
    EndpointRange range;
    std::string path;
  };

  // A list of one may have been written either way.
  static std::string path_of(std::size_t service, std::size_t address) {
    const std::string in_list = fmt::format("service[{}].addresses[{}]", service, address);
    return address > 0 ? in_list : fmt::format("service[{}].address|{}", service, in_list);
  }

  void report(std::string path, std::string message, ProblemKind kind = ProblemKind::kOther,
              std::string follows = {}) {
    problems_.push_back({std::move(path), std::move(message), kind, std::move(follows)});
  }

  void check_vip(const Service& service, Address vip, const std::string& path,
                 const std::string& service_path) {
    const std::string text = vip.to_string();
    if (const auto why = unusable(vip); !why.empty()) {
      report(path, fmt::format("{} is {}; write the service's own address", text, why));
      return;
    }
    if (network_.is_own(vip)) {
      report(path,
             fmt::format("{} is the director's own address on a port; give the service another one",
                         text),
             ProblemKind::kFollowsNetwork);
      return;
    }
    const auto link = network_.on_link(vip);
    if (link) {
      if (const auto what = reserved_in(link->subnet, vip); !what.empty()) {
        report(path,
               fmt::format("{} is {} of {}; choose another one", text, what,
                           link->subnet.masked().to_string()),
               ProblemKind::kFollowsNetwork);
      }
    }
    check_interface(service, vip, path, service_path);
  }

  void check_interface(const Service& service, Address vip, const std::string& path,
                       const std::string& service_path) {
    const std::string text = vip.to_string();
    const Interface* const interface = network_.vip_interface(service, vip);
    const HaOwner* const ha = network_.ha_owner(vip);
    if (ha != nullptr && !service.port.empty() && service.port != ha->port) {
      report(service_path + ".port",
             fmt::format("instance \"{}\" has {} on \"{}\"; name the same port, or none",
                         ha->instance, text, ha->port),
             ProblemKind::kOther, "ha.instance");
      return;
    }
    if (ha != nullptr && interface == nullptr) return;  // the instance's port is the mistake
    if (interface == nullptr && !service.port.empty()) {
      report(service_path + ".port",
             fmt::format("there is no port or VLAN \"{}\"; write the name of one", service.port),
             ProblemKind::kFollowsNetwork);
    } else if (interface == nullptr) {
      report(path,
             fmt::format("{} is in no port's subnet{}; use an address of {}, or name its interface "
                         "with port = \"NAME\"",
                         text, swapped_octets(network_, vip), network_.subnets_text()),
             ProblemKind::kFollowsNetwork);
    } else {
      const auto [first, is_new] = interfaces_.emplace(vip, interface);
      if (!is_new && first->second != interface) {
        report(service_path + ".port|" + path,
               fmt::format("another service puts {} on \"{}\", this one on \"{}\"; name the same "
                           "port in both",
                           text, first->second->name, interface->name),
               ProblemKind::kFollowsNetwork);
      }
    }
  }

  // A server without a port serves every port of the service: a check cannot choose one.
  void check_ports_to_check(const Service& service, const std::string& path) {
    for (std::size_t i = 0; i < service.real_servers.size(); ++i) {
      const Check& check = service.check_of(service.real_servers[i]);
      const CheckType type = check.type;
      if (type == CheckType::kNone || type == CheckType::kPing || type == CheckType::kScript ||
          check.port || service.real_servers[i].address.port != 0) {
        continue;
      }
      const std::string server = fmt::format("{}.real_server[{}]", path, i);
      report(server + ".address",
             fmt::format("real server {} has no port for a \"{}\" check; add "
                         "port = N to its check, or use \"ping\" or \"none\"",
                         service.real_servers[i].address.to_string(), name_of(type)),
             ProblemKind::kOther, (service.real_servers[i].check ? server : path) + ".check");
      return;
    }
  }

  void check_access(const Access& access, const std::string& path) {
    count_prefixes(access, path);
    std::set<Prefix> allowed;
    for (const auto* list : {&access.allow, &access.allow_listed}) {
      allowed.insert(list->begin(), list->end());
    }
    if (allowed.empty()) return;
    for (const auto* list : {&access.deny, &access.deny_listed}) {
      for (const Prefix& prefix : *list) {
        if (!allowed.contains(prefix)) continue;
        report(path + (list == &access.deny ? ".deny" : ".deny_file"),
               fmt::format("{} is allowed and denied; keep it in one of the lists",
                           prefix.to_string()));
        return;
      }
    }
  }

  // A file that several services name counts once.
  void count_prefixes(const Access& access, const std::string& path) {
    const bool had_room = prefixes_ <= kMaxClientPrefixes;
    prefixes_ += access.allow.size() + access.deny.size();
    if (files_.insert(access.allow_file).second) prefixes_ += access.allow_listed.size();
    if (files_.insert(access.deny_file).second) prefixes_ += access.deny_listed.size();
    if (!had_room || prefixes_ <= kMaxClientPrefixes) return;
    report(path + ".deny_file|" + path + ".allow_file",
           fmt::format("more than {} prefixes of clients up to here; leave some out",
                       kMaxClientPrefixes));
  }

  void check_limits(const ConnLimits& limits, const std::string& path) {
    if (limits.client_prefix != 32 && limits.new_per_second_per_client == 0) {
      report(path + ".client_prefix",
             "client_prefix has no meaning without new_per_second_per_client; add that, or remove "
             "this");
    }
    if (limits.burst != ConnLimits{}.burst && !limits.any()) {
      report(path + ".burst",
             "burst has no meaning without a limit; add new_per_second or "
             "new_per_second_per_client, or remove this");
    }
  }

  // Reported where it becomes too much.
  void add_table_share(const Service& service, const std::string& path) {
    const bool had_room = table_shares_ <= kMaxTableShare;
    table_shares_ += service.table_share.value_or(0);
    if (!had_room || table_shares_ <= kMaxTableShare) return;
    report(path, fmt::format("up to here the services keep {} % of the connection table; at most "
                             "{} % may be kept, since the services without table_share divide {} %",
                             table_shares_, kMaxTableShare, kDefaultTableShare));
  }

  // Of two ranges that contain a port the narrower one has it. Of two equally wide ones neither is.
  void check_overlaps() {
    std::stable_sort(offers_.begin(), offers_.end(), [](const Offer& a, const Offer& b) {
      const auto key = [](const Offer& o) {
        return std::tuple(o.service->protocol, o.range.address, o.range.width(), o.range.first);
      };
      return key(a) < key(b);
    });
    // Equally wide and in the order of their first ports: what overlaps anyone before it overlaps
    // the one just before it.
    for (std::size_t i = 1; i < offers_.size(); ++i) {
      const Offer& a = offers_[i - 1];
      const Offer& b = offers_[i];
      if (a.service->protocol != b.service->protocol || a.range.width() != b.range.width() ||
          !a.range.overlaps(b.range)) {
        continue;
      }
      report_overlap(a, b);
    }
  }

  void report_overlap(const Offer& a, const Offer& b) {
    const std::string other =
        fmt::format("{} {}", name_of(a.service->protocol), a.range.to_string());
    if (a.range == b.range && a.service == b.service) {
      report(b.path, fmt::format("duplicate {} in service \"{}\"; remove one", b.range.to_string(),
                                 b.service->name));
    } else if (a.range == b.range) {
      report(b.path, fmt::format("service \"{}\" has {} already; two services cannot share "
                                 "protocol, address and port",
                                 a.service->name, other));
    } else if (a.service != b.service) {
      report(b.path, fmt::format("service \"{}\" has {}, which overlaps {} and is as wide; a port "
                                 "belongs to the narrower range, so make them differ",
                                 a.service->name, other, b.range.to_string()));
    }
  }

  const Config& config_;
  const Network network_;
  std::vector<Problem>& problems_;
  std::vector<Offer> offers_;
  std::size_t prefixes_ = 0;
  unsigned table_shares_ = 0;  // percent
  std::set<std::string> files_;
  std::unordered_map<Address, const Interface*> interfaces_;
};

}  // namespace

void validate_addresses(const Config& config, std::vector<Problem>& problems) {
  AddressValidator(config, problems).run();
}

}  // namespace lb::config
