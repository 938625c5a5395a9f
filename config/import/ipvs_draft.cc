#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/ipvs.h"

namespace lb::importer {
namespace {

constexpr std::uint32_t kMaxSeconds = 168 * 3600;

constexpr auto kIpvsSchedulers = std::to_array<std::string_view>(
    {"rr", "wrr", "lc", "wlc", "sh", "dh", "mh", "sed", "nq", "fo", "ovf"});
// Those that --ops cannot have here: they count connections, and there are none.
constexpr auto kCounting = std::to_array<std::string_view>({"lc", "wlc", "sed", "nq", "ovf"});

class IpvsWriter {
 public:
  IpvsWriter(const Ipvs& ipvs, Context& context) : ipvs_(ipvs), context_(context) {}

  void write() {
    bool checks = false;
    Place first;
    for (const IpvsService& service : ipvs_.services) {
      if (service.key.empty() || !write_service(service)) continue;
      if (!checks) first = service.place;
      checks = true;
    }
    if (checks) {
      context_.note(
          Severity::kWarning, {first.file, 0}, "health checks",
          "IPVS checks no server: whatever runs ipvsadm does, as keepalived or ldirectord",
          "TCP services get a check that connects (2s, up after 2, down after 3), services "
          "of all ports and of UDP a ping; import the file of that program instead, or "
          "write its checks into [service.check]");
    }
  }

 private:
  void error(const Place& place, std::string keyword, std::string there, std::string here) {
    context_.note(Severity::kError, place, std::move(keyword), std::move(there), std::move(here));
  }
  void warn(const Place& place, std::string keyword, std::string there, std::string here) {
    context_.note(Severity::kWarning, place, std::move(keyword), std::move(there), std::move(here));
  }

  // Whether it is in the result.
  bool write_service(const IpvsService& service) {
    if (service.protocol == "sctp") {
      error(service.place, service.key, "balances SCTP",
            "left out with its servers: only TCP and UDP are balanced");
      return false;
    }
    if (service.vip.address.is_ipv6()) {
      error(service.place, service.key, "balances IPv6",
            "left out with its servers: services have IPv4 addresses");
      return false;
    }
    const std::vector<const IpvsServer*> servers = usable(service);
    if (servers.empty()) {
      error(service.place, service.key, "a virtual service",
            service.servers.empty() ? "left out: it has no server"
                                    : "left out: none of its servers can be a real server here");
      return false;
    }
    const bool dr = servers.front()->forward == IpvsForward::kDirect;
    Table& table = context_.draft.add_service(service.place);
    set_addresses(service, table);
    const std::string& there = service.interface.empty() ? ipvs_.interface : service.interface;
    table.text("port", there.empty() ? context_.default_port(0, service.place)
                                     : context_.port(there, service.place));
    if (service.protocol == "udp") table.text("protocol", "udp");
    if (servers.front()->forward == IpvsForward::kFullNat) {
      set_mode_of_fullnat(service, table);
    } else if (dr) {
      table.text("mode", "dr");
    }
    if (!dr && there.empty()) context_.default_port(1, service.place);
    set_scheduler(service, table);
    set_persistence(service, table);
    set_what_dpvs_has(service, dr, table);
    if (service.vip.port == 0 || service.protocol == "udp" || service.check == "ping") {
      table.table("check").text("type", "ping");
    }
    for (const IpvsServer* server : servers) write_server(service, *server, table);
    return true;
  }

  // Not "nat" unasked: its servers answer to the director's own addresses, and would not return by it.
  void set_mode_of_fullnat(const IpvsService& service, Table& table) {
    error(service.place, service.key,
          "FULLNAT: the servers see an address of the director in the place of the client's",
          "to be filled in, because FULLNAT is not here: mode \"nat\" with the director as the "
          "servers' default gateway, or \"dr\" with the VIP on their loopback interface; both show "
          "them the client's address, without TOA or UOA");
    table.fill_in("mode",
                  "\"nat\" (the director is the servers' default gateway) or \"dr\" (they have the "
                  "VIP): FULLNAT is not here");
  }

  void set_what_dpvs_has(const IpvsService& service, bool dr, Table& table) {
    if (service.syn_proxy && service.protocol != "tcp") {
      error(service.place, "--synproxy", "only for TCP; it has no effect on UDP", "left out");
    } else if (service.syn_proxy && dr) {
      error(service.place, "--synproxy", "with direct routing",
            "left out: in DR mode the director does not see the servers' answers");
    } else if (service.syn_proxy) {
      table.text("syn_proxy", "always");
    }
    const auto list = [&](std::string_view key, const std::set<Address>& addresses) {
      std::vector<std::string> texts;
      for (const Address& address : addresses) texts.push_back(address.to_string());
      if (!texts.empty()) table.texts(key, texts);
    };
    list("allow", service.allow);
    list("deny", service.deny);
    if (service.established) {
      table.table("timeouts")
          .duration(service.protocol == "udp" ? "udp" : "tcp_established",
                    config::Milliseconds{std::int64_t{std::min(*service.established, kMaxSeconds)} *
                                         1000});
    }
  }

  void set_addresses(const IpvsService& service, Table& table) {
    if (service.protocol == "fwmark") {
      table.text("name", context_.service_name(fmt::format("fwmark-{}", service.mark)));
      table.fill_in_list("addresses",
                         fmt::format("what mark {} stands for, as \"192.0.2.10:80\", "
                                     "\"192.0.2.10:8000-8100\" (iptables -t mangle -S)",
                                     service.mark));
      error(service.place, service.key,
            "balances what a firewall rule marks; its addresses and ports are not in this file",
            "write them into `addresses` of the service (`iptables -t mangle -S`, `nft list "
            "ruleset`); both protocols: a service each, with the same `group`");
      return;
    }
    const std::string address = service.vip.address.to_string();
    const std::string suffix = service.protocol == "udp" ? "/udp" : "";
    if (service.vip.port == 0) {
      table.text("name", context_.service_name(address + suffix));
      table.texts("addresses", {address + ":*"});
      warn(service.place, service.key, "takes every port of the address",
           "\"*\" takes them all likewise; nothing of the director itself can be reached at this "
           "address; a list of ports is better if you know them");
      return;
    }
    table.text("name", context_.service_name(service.vip.to_string() + suffix));
    table.text("address", service.vip.to_string());
  }

  void set_scheduler(const IpvsService& service, Table& table) {
    std::string scheduler = service.scheduler;
    if (scheduler == "lblc" || scheduler == "lblcr") {
      warn(service.place, "--scheduler " + scheduler,
           "a server for each destination address, for clusters of caches",
           "dh: by a hash of the destination address, without regard to load");
      scheduler = "dh";
    } else if (scheduler == "twos") {
      warn(service.place, "--scheduler twos", "the better of two servers chosen at random",
           "wlc, which compares all of them");
      scheduler = "wlc";
    } else if (scheduler == "conhash") {
      warn(service.place, "--scheduler conhash", "consistent hashing of the client's address",
           "mh, which does the same by Maglev's tables: after the change-over clients are at other "
           "servers");
      scheduler = "mh";
    } else if (std::find(kIpvsSchedulers.begin(), kIpvsSchedulers.end(), scheduler) ==
               kIpvsSchedulers.end()) {
      error(service.place, "--scheduler " + scheduler, "no scheduler of IPVS",
            "wlc, the default there");
      scheduler = "wlc";
    }
    if (service.one_packet) {
      if (service.protocol == "tcp") {
        error(service.place, "--ops", "only for UDP; it has no effect on TCP", "left out");
      } else {
        table.boolean("one_packet", true);
        if (std::find(kCounting.begin(), kCounting.end(), scheduler) != kCounting.end()) {
          warn(service.place, "--scheduler " + scheduler,
               "with --ops there are no connections to count: in effect by weight alone",
               "wrr, because one_packet refuses those that count connections");
          scheduler = "wrr";
        }
      }
    }
    if (scheduler != "wrr") table.text("scheduler", scheduler);
  }

  void set_persistence(const IpvsService& service, Table& table) {
    if (!service.persistence) {
      if (service.prefix) {
        warn(service.place, "--netmask", "without --persistent: the mask of the scheduler sh alone",
             "left out");
      }
      return;
    }
    if (service.one_packet && service.protocol != "tcp") {
      warn(service.place, "--persistent", "with --ops",
           "left out: one_packet refuses it; the "
           "scheduler sh keeps a client at its server");
      return;
    }
    std::uint32_t seconds = *service.persistence;
    if (seconds > kMaxSeconds) {
      warn(service.place, fmt::format("--persistent {}", seconds), {}, "168h, the longest here");
      seconds = kMaxSeconds;
    }
    table.duration("persistence", config::Milliseconds{std::int64_t{seconds} * 1000});
    if (service.prefix && *service.prefix != 32) {
      table.number("persistence_prefix", *service.prefix);
    }
  }

  // Those that can be written, all of one forwarding method.
  std::vector<const IpvsServer*> usable(const IpvsService& service) {
    std::vector<const IpvsServer*> servers;
    for (const IpvsServer& server : service.servers) {
      const std::string name = server.address.to_string();
      if (server.forward == IpvsForward::kTunnel) {
        error(server.place, "server " + name, "reached through a tunnel (-i)",
              "left out: there is no tunnel mode; \"dr\" if it is on a port's own subnet, else "
              "\"nat\"");
      } else if (server.forward == IpvsForward::kSnat) {
        error(server.place, "server " + name, "an address for outgoing connections (-J)",
              "left out: SNAT is the kernel's (docs/nat-and-dr.md)");
      } else if (server.address.address.is_ipv6()) {
        error(server.place, "server " + name, "has an IPv6 address",
              "left out: real servers have IPv4 addresses");
      } else if (server.forward == IpvsForward::kLocal || is_loopback(server.address.address) ||
                 server.address.address == service.vip.address) {
        error(
            server.place, "server " + name, "a program on the director itself",
            "left out: the director is no real server of its own; a program for a VIP alone needs "
            "no service, only the VIP");
      } else if (!servers.empty() && servers.front()->forward != server.forward) {
        error(server.place, "server " + name,
              fmt::format("{} beside {}", name_of_forward(server.forward),
                          name_of_forward(servers.front()->forward)),
              "left out: all servers of a service have the mode of its first one");
      } else {
        servers.push_back(&server);
      }
    }
    return servers;
  }

  static std::string_view name_of_forward(IpvsForward forward) {
    return forward == IpvsForward::kDirect ? "direct routing (-g)"
           : forward == IpvsForward::kNat  ? "masquerading (-m)"
                                           : "FULLNAT (-b)";
  }

  static bool is_loopback(const Address& address) {
    const auto ipv4 = address.to_ipv4();
    return ipv4 && ipv4->host() >> 24 == 127;
  }

  void write_server(const IpvsService& service, const IpvsServer& server, Table& table) {
    Endpoint address = server.address;
    if (service.vip.port == 0) {
      if (address.port != 0 && service.protocol != "fwmark") {
        error(server.place, "server " + address.to_string(),
              "a port, though the service has all ports", "without the port, as IPVS uses it");
        address.port = 0;
      } else if (server.forward == IpvsForward::kDirect) {
        address.port = 0;
      }
    } else if (address.port == 0) {
      address.port = service.vip.port;
    } else if (server.forward == IpvsForward::kDirect && address.port != service.vip.port) {
      warn(server.place, "server " + address.to_string(),
           "direct routing does not change ports: the server was asked at the service's",
           fmt::format("port {}, as it was in effect", service.vip.port));
      address.port = service.vip.port;
    }
    if (service.vip.port == 0 && address.port == 0 && server.forward == IpvsForward::kNat &&
        service.protocol == "fwmark") {
      warn(server.place, "server " + address.to_string(),
           "keeps the port that the client asked for", "likewise");
    }
    Table& out = table.add("real_server", server.place);
    out.text("address", address.to_string());
    std::uint32_t weight = server.weight;
    if (weight > 65535) {
      warn(server.place, fmt::format("--weight {}", weight), {}, "65535, the highest here");
      weight = 65535;
    }
    if (weight != 1) out.number("weight", weight);
    set_limits(server, out);
  }

  void set_limits(const IpvsServer& server, Table& out) {
    if (server.upper == 0) {
      if (server.lower != 0) {
        warn(server.place, "--l-threshold", "without --u-threshold it has no effect", "left out");
      }
      return;
    }
    out.number("max_connections", server.upper);
    if (server.lower == 0) return;
    if (server.lower >= server.upper) {
      error(server.place, "--l-threshold", "not below --u-threshold",
            "left out: three quarters of it");
      return;
    }
    out.number("resume_connections", server.lower);
  }

  const Ipvs& ipvs_;
  Context& context_;
};

}  // namespace

void write_ipvs(const Ipvs& ipvs, Context& context) {
  IpvsWriter(ipvs, context).write();
}

}  // namespace lb::importer
