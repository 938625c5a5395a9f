#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "config/import/keepalived.h"

namespace lb::importer::keepalived {
namespace {

constexpr auto kSchedulers = std::to_array<std::string_view>(
    {"rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "mh", "dh", "fo", "ovf"});
constexpr auto kTcpCheckers =
    std::to_array<std::string_view>({"TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK"});
constexpr std::uint32_t kMostInRange = 4096;
constexpr std::size_t kMostInGroup = 4096;

class VirtualServers {
 public:
  VirtualServers(Context& context, const Tree& tree, const Global& global)
      : context_(context), tree_(tree), global_(global) {}

  void read() {
    for (const Statement& each : tree_.statements) {
      if (each.name() == "virtual_server_group") groups_[each.argument()] = &each;
    }
    for (const Statement& each : tree_.statements) {
      if (each.name() == "virtual_server") read_server(each);
    }
  }

 private:
  static bool is_port(const std::string& text) {
    const auto port = number(text);
    return port && *port >= 1 && *port <= 65'535;
  }

  // "192.0.2.10 80": an endpoint; without a port all.
  std::optional<std::string> endpoint(const std::string& address_text, const std::string& port,
                                      const Statement& from) {
    const auto ip = address(context_, address_text, from);
    if (!ip) return std::nullopt;
    if (port.empty() || port == "0") return ip->to_string() + ":*";
    if (!is_port(port)) {
      context_.note(Severity::kError, from.place, from.name(), port,
                    "no port; a port is from 1 to 65535");
      return std::nullopt;
    }
    return ip->to_string() + ':' + port;
  }

  // "192.168.200.1-10", "192.168.200.250-192.168.201.10", "192.168.202.8/29", or one address.
  std::vector<std::string> range(const std::string& text, const Statement& from) {
    const std::size_t dash = text.find('-');
    const std::size_t slash = text.find('/');
    if (dash == std::string::npos && slash == std::string::npos) return {text};
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    const auto begin = Ipv4Address::parse(text.substr(0, std::min(dash, slash)));
    bool good = begin.has_value();
    if (good) first = last = begin->host();
    if (good && slash != std::string::npos) {
      const auto length = number(text.substr(slash + 1));
      good = length && *length >= 0 && *length <= 32;
      const std::uint32_t hosts =
          good ? static_cast<std::uint32_t>((std::uint64_t{1} << (32 - *length)) - 1) : 0;
      last = first | hosts;
    } else if (good) {
      const std::string end = text.substr(dash + 1);
      const std::string whole = end.find('.') == std::string::npos
                                    ? text.substr(0, text.rfind('.', dash) + 1) + end
                                    : end;
      const auto parsed = Ipv4Address::parse(whole);
      good = parsed.has_value();
      if (good) last = parsed->host();
    }
    if (!good || last < first || last - first >= kMostInRange) {
      context_.note(Severity::kError, from.place, text, {},
                    fmt::format("no range of at most {} IPv4 addresses; left out", kMostInRange));
      return {};
    }
    std::vector<std::string> addresses;
    for (std::uint32_t i = 0; i <= last - first; ++i) {
      addresses.push_back(Ipv4Address::from_host(first + i).to_string());
    }
    return addresses;
  }

  std::vector<std::string> addresses_of(const Statement& block) {
    std::vector<std::string> found;
    const std::string first = block.argument();
    const std::string second = block.words.size() > 2 ? block.words[2] : std::string();
    if (first == "fwmark") {
      context_.note(Severity::kError, block.place, "virtual_server fwmark",
                    "the firewall's rules say which packets",
                    "firewall marks are not known: write a service with `addresses` of what is "
                    "marked; left out");
      return found;
    }
    if (first != "group") {
      if (const auto one = endpoint(first, second, block)) found.push_back(*one);
      return found;
    }
    const auto group = groups_.find(second);
    if (group == groups_.end()) {
      context_.note(Severity::kError, block.place, "virtual_server group", second,
                    "there is no such virtual_server_group; left out");
      return found;
    }
    for (const Statement& each : group->second->block) {
      if (each.name() == "fwmark") {
        context_.note(Severity::kError, each.place, "fwmark", {},
                      "firewall marks are not known: write what is marked into `addresses`");
        continue;
      }
      for (const std::string& address_text : range(each.name(), each)) {
        if (found.size() >= kMostInGroup) {
          context_.note(Severity::kError, each.place, "virtual_server_group", second,
                        fmt::format("more than {} addresses; the rest is left out", kMostInGroup));
          return found;
        }
        if (const auto one = endpoint(address_text, each.argument(), each)) found.push_back(*one);
      }
    }
    return found;
  }

  // "nat", "dr"; empty: a tunnel, which is noted.
  std::string mode_of(const Statement& from) {
    const std::string kind = from.argument();
    if (kind == "NAT") return "nat";
    if (kind == "DR") return "dr";
    context_.note(Severity::kError, from.place, from.name(), kind,
                  kind == "TUN" ? "tunnels are not supported yet; the service is left out"
                                : "it is NAT, DR or TUN; the service is left out");
    return {};
  }

  static std::string upper(std::string text) {
    for (char& c : text) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
  }

  // Without `protocol`, which keepalived 2 takes for UDP and version 1 took for TCP: by its checks.
  bool is_udp(const Statement& block) {
    const bool tcp =
        std::any_of(block.block.begin(), block.block.end(), [](const Statement& server) {
          return server.name() == "real_server" &&
                 std::any_of(server.block.begin(), server.block.end(), [](const Statement& each) {
                   return is_one_of(kTcpCheckers, each.name());
                 });
        });
    context_.note(Severity::kWarning, block.place, "virtual_server",
                  "without protocol: UDP since keepalived 2, TCP before",
                  tcp ? "tcp, as its checks are" : "udp");
    return !tcp;
  }

  void read_server(const Statement& block) {
    for (const Statement& each : block.block)
      context_.keyword("virtual_server", each.name(), each.place);
    std::string mode = "nat";
    for (const std::string_view name : {"lb_kind", "lvs_method"}) {
      if (const Statement* const kind = find(block, name)) mode = mode_of(*kind);
    }
    const Statement* const protocol = find(block, "protocol");
    const std::string kind = protocol != nullptr ? upper(protocol->argument()) : std::string();
    if (protocol != nullptr && kind != "UDP" && kind != "TCP") {
      context_.note(Severity::kError, protocol->place, "protocol", protocol->argument(),
                    "TCP and UDP are forwarded; the service is left out");
      return;
    }
    const std::vector<std::string> addresses = addresses_of(block);
    if (addresses.empty() || mode.empty()) return;
    const bool udp = protocol != nullptr ? kind == "UDP" : is_udp(block);

    Table& service = context_.draft.add_service(block.place);
    const bool group = block.argument() == "group";
    std::string name = addresses.front() + (udp ? "/udp" : "");
    if (const std::size_t all = name.find(":*"); all != std::string::npos) name.erase(all, 2);
    service.text("name", context_.service_name(group ? block.words[2] : name));
    if (addresses.size() == 1 && !addresses.front().ends_with('*')) {
      service.text("address", addresses.front());
    } else {
      service.texts("addresses", addresses, group ? groups_[block.words[2]]->place : Place{});
    }
    if (udp) service.text("protocol", "udp", protocol != nullptr ? protocol->place : Place{});
    if (mode != "nat") service.text("mode", mode);
    scheduler(service, block);
    persistence(service, block);
    quorum(service, block);
    if (find(block, "ops") != nullptr) service.boolean("one_packet", true);
    sorry_server(service, block, mode);
    real_servers(service, block, addresses.front());
  }

  void scheduler(Table& service, const Statement& block) {
    const Statement* from = find(block, "lvs_sched");
    if (from == nullptr) from = find(block, "lb_algo");
    std::string name = from != nullptr ? from->argument() : "wlc";
    if (!is_one_of(kSchedulers, name)) {
      const bool known = name == "lblc" || name == "lblcr" || name == "twos";
      context_.note(known ? Severity::kWarning : Severity::kError, from->place, from->name(), name,
                    "there is no such scheduler (docs/schedulers.md): \"wlc\" is used");
      name = "wlc";
    }
    if (name != "wrr") service.text("scheduler", name, from != nullptr ? from->place : Place{});
  }

  void persistence(Table& service, const Statement& block) {
    const Statement* const timeout = find(block, "persistence_timeout");
    if (timeout == nullptr) return;
    if (timeout->words.size() < 2) {
      service.duration("persistence", std::chrono::minutes(6), timeout->place);
    } else {
      set_seconds(context_, service, "persistence", *timeout);
    }
    const Statement* const mask = find(block, "persistence_granularity");
    if (mask == nullptr) return;
    const auto parsed = Ipv4Address::parse(mask->argument());
    const std::uint32_t bits = parsed ? parsed->host() : 0;
    const int length = std::countl_one(bits);
    if (!parsed || length == 0 || (length < 32 && bits << length != 0)) {
      context_.note(Severity::kError, mask->place, mask->name(), mask->argument(),
                    "no netmask, as 255.255.255.0; left out");
    } else {
      service.number("persistence_prefix", length, mask->place);
    }
  }

  void quorum(Table& service, const Statement& block) {
    if (const Statement* const from = find(block, "quorum");
        from != nullptr && from->argument() != "1") {
      set_number(context_, service, "quorum", *from);
    }
    if (const Statement* const from = find(block, "hysteresis");
        from != nullptr && from->argument() != "0") {
      set_number(context_, service, "quorum_hysteresis", *from);
    }
    for (const std::string_view name : {"quorum_up", "quorum_down"}) {
      const Statement* const from = find(block, name);
      if (from == nullptr) continue;
      service.texts(name, program_words(context_, *from), from->place);
      if (from->words.size() > 2) {
        service.text("quorum_user", user_of(context_, *from, 2), from->place);
      } else if (!global_.script_user.empty() && service.value("quorum_user").empty()) {
        service.text("quorum_user", global_.script_user);
      }
    }
    bool quiesce = find(block, "inhibit_on_failure") != nullptr;
    for (const Statement& each : block.block) {
      if (each.name() == "real_server" && find(each, "inhibit_on_failure") != nullptr)
        quiesce = true;
    }
    if (quiesce) service.text("on_server_down", "quiesce");
  }

  void sorry_server(Table& service, const Statement& block, const std::string& service_mode) {
    const Statement* const from = find(block, "sorry_server");
    if (from == nullptr) return;
    const auto ip = address(context_, from->argument(), *from);
    if (!ip) return;
    Table& sorry = service.table("sorry_server", from->place);
    const std::string port = from->words.size() > 2 ? from->words[2] : std::string();
    sorry.text("address", is_port(port) ? ip->to_string() + ':' + port : ip->to_string());
    const bool local = ip->to_string().starts_with("127.");
    const Statement* const method = find(block, "sorry_server_lvs_method");
    if (method == nullptr || local) return;
    const std::string mode = mode_of(*method);
    if (!mode.empty() && mode != service_mode) sorry.text("mode", mode, method->place);
  }

  void real_servers(Table& service, const Statement& block, const std::string& vip) {
    std::vector<std::pair<Table*, Table>> checks;
    // Without its servers, of which there may be many: what a check inherits is looked up here.
    Statement settings;
    settings.words = block.words;
    settings.place = block.place;
    std::copy_if(block.block.begin(), block.block.end(), std::back_inserter(settings.block),
                 [](const Statement& each) { return each.name() != "real_server"; });
    for (const Statement& each : block.block) {
      if (each.name() != "real_server") continue;
      const auto ip = address(context_, each.argument(), each);
      if (!ip) continue;
      const std::string port = each.words.size() > 2 ? each.words[2] : std::string();
      const bool has_port = is_port(port);
      if (!port.empty() && port != "0" && !has_port) {
        context_.note(Severity::kError, each.place, "real_server", port,
                      "no port; the one that the client asked for is used");
      }
      Table& server = service.add("real_server", each.place);
      server.text("address", has_port ? ip->to_string() + ':' + port : ip->to_string());
      for (const Statement& keyword : each.block) server_keyword(server, keyword);
      Table check("service.real_server.check", false, each.place);
      const std::size_t colon = vip.rfind(':');
      const auto own_port = number(has_port ? port : vip.substr(colon + 1));
      if (!read_check(context_, check,
                      {&settings, &each, static_cast<std::uint16_t>(own_port.value_or(0)),
                       global_.script_user})) {
        check.text("type", "none");
      }
      checks.emplace_back(&server, std::move(check));
    }
    if (checks.empty()) {
      context_.note(Severity::kWarning, block.place, "virtual_server", "it has no real server",
                    "write at least one");
      return;
    }
    // One check for all when it is the same.
    const auto same = [](const Table& a, const Table& b) {
      return std::equal(a.keys().begin(), a.keys().end(), b.keys().begin(), b.keys().end(),
                        [](const Table::Key& x, const Table::Key& y) {
                          return x.name == y.name && x.value == y.value;
                        });
    };
    const bool all = std::all_of(checks.begin(), checks.end(), [&](const auto& each) {
      return same(each.second, checks.front().second);
    });
    if (all) {
      service.put_table("check", checks.front().second);
      return;
    }
    for (const auto& [server, check] : checks) server->put_table("check", check);
  }

  void server_keyword(Table& server, const Statement& each) {
    context_.keyword("real_server", each.name(), each.place);
    if (each.name() == "weight" && each.argument() != "1") {
      set_number(context_, server, "weight", each);
    } else if (each.name() == "uthreshold") {
      set_number(context_, server, "max_connections", each);
    } else if (each.name() == "lthreshold") {
      set_number(context_, server, "resume_connections", each);
    }
  }

  Context& context_;
  const Tree& tree_;
  const Global& global_;
  std::map<std::string, const Statement*> groups_;
};

}  // namespace

void read_virtual_servers(Context& context, const Tree& tree, const Global& global) {
  VirtualServers(context, tree, global).read();
}

}  // namespace lb::importer::keepalived
