// Services and their real servers, against each other and the network. Their own addresses:
// validate_addresses.cc; their checks: validate_checks.cc.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "config/validate.h"
#include "config/validate_internal.h"

namespace lb::config {
namespace {

class ServiceValidator {
 public:
  ServiceValidator(const Config& config, std::vector<Problem>& problems)
      : config_(config), network_(config), problems_(problems) {}

  void run() {
    for (const Service& service : config_.services) {
      for (const Address vip : service.vips()) vips_.emplace(vip, &service);
    }
    check_totals();
    for (std::size_t i = 0; i < config_.services.size(); ++i) {
      const std::string path = fmt::format("service[{}]", i);
      check_name(config_.services[i], path);
      validate_check(config_.services[i], config_.services[i].check, network_, path + ".check",
                     problems_);
      check_real_servers(config_.services[i], path);
      check_quorum(config_.services[i], path);
      check_sorry_server(config_.services[i], path);
      check_sorry_page(config_.services[i], path);
    }
  }

 private:
  void report(std::string path, std::string message, ProblemKind kind = ProblemKind::kOther,
              std::string follows = {}) {
    problems_.push_back({std::move(path), std::move(message), kind, std::move(follows)});
  }

  void check_totals() {
    if (config_.services.size() > kMaxServices) {
      report(fmt::format("service[{}]", kMaxServices),
             fmt::format("more than {} services; leave some out", kMaxServices));
    }
    std::size_t servers = 0;
    for (std::size_t i = 0; i < config_.services.size(); ++i) {
      const bool had_room = servers <= kMaxRealServers;
      servers += config_.services[i].real_servers.size();
      if (had_room && servers > kMaxRealServers) {
        report(
            fmt::format("service[{}]", i),
            fmt::format("more than {} real servers up to here; leave some out", kMaxRealServers));
      }
    }
  }

  void check_name(const Service& service, const std::string& path) {
    if (!made_of(service.name, "-_.:/@+") || service.name.size() > kMaxNameBytes) {
      report(path + ".name",
             fmt::format(
                 "\"{}\" is not a valid name for a service; use letters, digits and -_.:/@+, {} "
                 "at most",
                 service.name, kMaxNameBytes));
    }
    if (!names_.insert(service.name).second) {
      report(path + ".name",
             fmt::format("another service is called \"{}\" already; choose another name",
                         service.name));
    }
  }

  void check_real_servers(const Service& service, const std::string& path) {
    if (service.real_servers.empty()) {
      report(path + ".real_server", fmt::format("service \"{}\" has no real server; add a "
                                                "[[service.real_server]] with its address",
                                                service.name));
    }
    std::map<Endpoint, std::size_t> seen;
    for (std::size_t i = 0; i < service.real_servers.size(); ++i) {
      const RealServer& server = service.real_servers[i];
      const std::string at = fmt::format("{}.real_server[{}].address", path, i);
      // The first of this address, which is the one without a port if there is one.
      const auto other = seen.lower_bound({server.address.address, 0});
      if (other != seen.end() && other->first.address == server.address.address &&
          (other->first.port == 0) != (server.address.port == 0)) {
        report(at, fmt::format("real server {} is listed with a port and without, which means all "
                               "ports; keep one of the two",
                               server.address.address.to_string()));
      }
      if (!seen.emplace(server.address, i).second) {
        report(at, fmt::format("duplicate real server {} in service \"{}\"; keep one and raise "
                               "its weight",
                               server.address.to_string(), service.name));
      }
      if (server.check) {
        validate_check(service, *server.check, network_,
                       fmt::format("{}.real_server[{}].check", path, i), problems_);
      }
      if (!check_server_address(service, server.address.address, service.mode, at)) continue;
      check_server_port(service, server.address, service.mode, at);
      if (server.mac) check_mac(server, fmt::format("{}.real_server[{}].mac", path, i));
    }
  }

  void check_mac(const RealServer& server, const std::string& at) {
    const std::string mac = server.mac->to_string();
    const std::string address = server.address.address.to_string();
    const auto [known, is_new] = macs_.emplace(server.address.address, *server.mac);
    if (!is_host_mac(*server.mac)) {
      report(at,
             fmt::format("{} is no MAC address of a single host; write the real server's", mac));
    } else if (!network_.on_link(server.address.address)) {
      report(at,
             fmt::format("{} is in no port's subnet, so its packets go to a gateway; write the "
                         "gateway's mac in its [[route]]",
                         address),
             ProblemKind::kFollowsNetwork);
    } else if (!is_new && known->second != *server.mac) {
      report(at, fmt::format("{} has mac {} in another place; write the same one", address,
                             known->second.to_string()));
    }
  }

  // Of a real server or the sorry server.
  void check_server_port(const Service& service, Endpoint server, Mode mode,
                         const std::string& at) {
    if (mode != Mode::kDr || server.port == 0 || server.port == service.only_port()) return;
    const Endpoint right(server.address, service.only_port());
    report(at, fmt::format("in DR mode the server sees the client's packets as they are, "
                           "so its port must be the VIP's: write {}",
                           right.to_string()));
  }

  // Of a sorry server on the director.
  void check_local_port(const Service& service, Endpoint server, const std::string& at) {
    if (server.port == 0 || server.port == service.only_port()) return;
    const Endpoint right(server.address, service.only_port());
    report(at, fmt::format(
                   "the director's own sockets get the client's packets as they are, so the port "
                   "must be the VIP's: write {}, and let the program listen on the port of the VIP",
                   right.to_string()));
  }

  void check_quorum(const Service& service, const std::string& path) {
    std::uint64_t weights = 0;
    for (const RealServer& server : service.real_servers) weights += server.weight;
    const std::uint64_t needed = std::uint64_t{service.quorum} + service.quorum_hysteresis;
    if (service.quorum_hysteresis >= service.quorum) {
      report(path + ".quorum_hysteresis|" + path + ".quorum",
             fmt::format("quorum_hysteresis {} must be less than quorum {}",
                         service.quorum_hysteresis, service.quorum));
    } else if (needed > weights && needed > 1) {
      report(path + ".quorum|" + path + ".quorum_hysteresis",
             fmt::format("quorum + quorum_hysteresis is {}, but all weights together are {}: it "
                         "would never be reached; write less",
                         needed, weights),
             ProblemKind::kOther, path + ".real_server");
    }
    check_program(service.quorum_up, path + ".quorum_up");
    check_program(service.quorum_down, path + ".quorum_down");
    const bool has_program = !service.quorum_up.empty() || !service.quorum_down.empty();
    if (service.quorum_on == QuorumOn::kMaster && !has_program) {
      report(path + ".quorum_on",
             "quorum_on has no meaning without quorum_up or quorum_down; add one, or remove it");
    }
    if (service.quorum_user.empty()) return;
    if (!has_program) {
      report(path + ".quorum_user",
             "quorum_user has no meaning without quorum_up or quorum_down; add one, or remove it");
    } else if (!printable(service.quorum_user)) {
      report(path + ".quorum_user", "write the name of a user, as \"nobody\"");
    }
  }

  void check_program(const std::vector<std::string>& command, const std::string& path) {
    if (command.empty()) return;
    if (!command[0].starts_with('/')) {
      report(path + "[0]", fmt::format("\"{}\" is not an absolute path; write the program with its "
                                       "folder, and its arguments as further strings",
                                       command[0]));
    }
    for (std::size_t i = 0; i < command.size(); ++i) {
      if (command[i].find('\0') == std::string::npos) continue;
      report(fmt::format("{}[{}]", path, i), "no argument can hold a zero byte; remove it");
    }
  }

  void check_sorry_page(const Service& service, const std::string& path) {
    if (service.sorry_page.empty()) return;
    const std::string at = path + ".sorry_page";
    if (service.sorry_server) {
      report(at, "a service has a sorry_page or a sorry_server; remove one of them");
    } else if (service.protocol != Protocol::kTcp) {
      report(at, "sorry_page is for HTTP over TCP; remove it");
    } else if (service.only_port() == 0) {
      report(at, "sorry_page needs a service with one port; give its VIPs one port, or remove it");
    }
  }

  void check_sorry_server(const Service& service, const std::string& path) {
    if (!service.sorry_server) return;
    const std::string at = path + ".sorry_server.address";
    const Endpoint address = service.sorry_server->address;
    if (service.sorry_server->is_local()) return check_local_port(service, address, at);
    if (std::ranges::any_of(service.real_servers,
                            [&](const RealServer& server) { return server.address == address; })) {
      report(at, fmt::format("{} is a real server of this service already; the sorry server must "
                             "be another one",
                             address.to_string()));
      return;
    }
    if (!check_server_address(service, address.address, service.sorry_server->mode, at)) return;
    check_server_port(service, address, service.sorry_server->mode, at);
  }

  bool check_server_address(const Service& service, Address address, Mode mode,
                            const std::string& at) {
    const std::string text = address.to_string();
    if (const auto why = unusable(address); !why.empty()) {
      report(at, fmt::format("{} is {}; write the real server's own address", text, why));
      return false;
    }
    const auto own = service.vips();
    if (std::find(own.begin(), own.end(), address) != own.end()) {
      report(at, fmt::format("{} is the VIP of this service itself; write the real server's own "
                             "address",
                             text));
      return false;
    }
    if (const auto vip = vips_.find(address); vip != vips_.end()) {
      report(at, fmt::format("{} is the VIP of service \"{}\"; write the real server's own address",
                             text, vip->second->name));
      return false;
    }
    if (const HaOwner* const ha = network_.ha_owner(address)) {
      report(at, fmt::format("{} is an address of instance \"{}\", which the director owns as "
                             "master; write the real server's own address",
                             text, ha->instance));
      return false;
    }
    if (network_.is_own(address)) {
      report(
          at,
          fmt::format("{} is the director's own address; a real server must be another host", text),
          ProblemKind::kFollowsNetwork);
      return false;
    }
    return check_next_hop(address, mode, at);
  }

  bool check_next_hop(Address address, Mode mode, const std::string& at) {
    const std::string text = address.to_string();
    const auto link = network_.on_link(address);
    if (link) {
      const auto what = reserved_in(link->subnet, address);
      if (what.empty()) return true;
      report(at,
             fmt::format("{} is {} of {}; write the real server's own address", text, what,
                         link->subnet.masked().to_string()),
             ProblemKind::kFollowsNetwork);
      return false;
    }
    const std::string guess = swapped_octets(network_, address);
    if (mode == Mode::kDr) {
      report(at,
             fmt::format("{} is in no port's subnet{}; DR mode reaches real servers by their MAC "
                         "address, so they must be on one of {}",
                         text, guess, network_.subnets_text()),
             ProblemKind::kFollowsNetwork);
      return false;
    }
    const bool routed =
        std::any_of(config_.routes.begin(), config_.routes.end(),
                    [address](const Route& r) { return r.destination.contains(address); });
    if (!routed) {
      report(at,
             fmt::format("{} is in no port's subnet{} and no route leads to it; use an address of "
                         "{}, or add a [[route]]",
                         text, guess, network_.subnets_text()),
             ProblemKind::kFollowsNetwork);
    }
    return routed;
  }

  const Config& config_;
  std::map<Address, MacAddress> macs_;  // of real servers
  const Network network_;
  std::vector<Problem>& problems_;
  std::unordered_map<Address, const Service*> vips_;
  std::unordered_set<std::string> names_;
};

}  // namespace

void validate_services(const Config& config, std::vector<Problem>& problems) {
  ServiceValidator(config, problems).run();
}

}  // namespace lb::config
