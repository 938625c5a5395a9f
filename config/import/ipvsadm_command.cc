#include <fmt/format.h>

#include "config/import/ipvsadm.h"

namespace lb::importer {
namespace {

class IpvsadmCommandReader {
 public:
  IpvsadmCommandReader(const IpvsadmWords& words, const Place& place, IpvsadmState& state,
                       Context& context)
      : words_(words), place_(place), state_(state), context_(context) {}

  void run() {
    const IpvsadmOption* command = nullptr;
    for (const IpvsadmGiven& given : words_.given) {
      if (given.option->block != "command") continue;
      if (command != nullptr) {
        error(std::string(given.option->name),
              fmt::format("a second command after {}", command->name));
      } else {
        command = given.option;
      }
    }
    if (command == nullptr) return error("ipvsadm", "no command among the options");
    state_.recognized = true;
    for (const IpvsadmGiven& given : words_.given) {
      // Servers in a tunnel, and those of FULLNAT, have a note of their own.
      if (given.option->block.empty() || given.option->name == "--fwmark-service" ||
          given.option->name == "--sctp-service" || given.option->name == "--ipip" ||
          given.option->name == "--fullnat" || given.option->name == "--snat") {
        continue;
      }
      if (given.option->name == "--sched-flags" || given.option->name == "--pe") {
        noted_with_value(given);
      } else {
        context_.keyword(given.option->block, given.option->name, place_);
      }
    }
    if (command->name == "--clear") {
      state_.ipvs = {};
    } else if (command->name == "--set") {
      set_timeouts();
      return;
    } else if (command->name.ends_with("-service") || command->name.ends_with("-server")) {
      service_command(command->name);
    }
    for (const std::string& word : words_.rest) error(word, "belongs to no option");
  }

 private:
  void error(std::string keyword, std::string there, std::string here = "left out") {
    context_.note(Severity::kError, place_, std::move(keyword), std::move(there), std::move(here));
  }

  const IpvsadmGiven* find(std::string_view name) const { return words_.find(name); }

  std::optional<std::uint32_t> number(std::string_view name, std::uint32_t most) {
    const IpvsadmGiven* const given = find(name);
    if (given == nullptr || !given->has_value) return std::nullopt;
    return ipvs_number(given->value, most, std::string(name), place_, context_);
  }

  void noted_with_value(const IpvsadmGiven& given) {
    const Keyword* const entry =
        find_keyword(ipvsadm_keywords(), given.option->block, given.option->name);
    context_.note(Severity::kWarning, place_, fmt::format("{} {}", entry->name, given.value), {},
                  std::string(entry->why));
  }

  void set_timeouts() {
    if (words_.rest.size() != 2) return error("--set", "three times belong to it: tcp tcpfin udp");
    set_ipvs_timeouts(find("--set")->value, words_.rest[0], words_.rest[1], place_, context_);
  }

  void service_command(std::string_view command) {
    auto wanted = ipvsadm_service(words_, place_, context_);
    if (!wanted) return;
    IpvsService* const known = state_.ipvs.find(wanted->key);
    if (command == "--add-service") {
      if (known != nullptr) {
        return error(wanted->key, fmt::format("is there already ({})", known->place.to_string()));
      }
      settings(*wanted);
      state_.ipvs.add(std::move(*wanted));
      return;
    }
    if (known == nullptr) return error(wanted->key, "no such service up to here");
    if (command == "--edit-service") {
      settings(*wanted);
      wanted->servers = std::move(known->servers);
      wanted->by_address = std::move(known->by_address);
      wanted->allow = std::move(known->allow);
      wanted->deny = std::move(known->deny);
      *known = std::move(*wanted);
    } else if (command == "--delete-service") {
      state_.ipvs.remove(wanted->key);
    } else {
      server_command(command, *known);
    }
  }

  void settings(IpvsService& service) {
    if (const IpvsadmGiven* given = find("--scheduler")) service.scheduler = given->value;
    if (const IpvsadmGiven* given = find("--persistent")) {
      service.persistence = given->has_value ? number("--persistent", 0xffffffff) : 300;
    }
    if (const IpvsadmGiven* given = find("--netmask")) {
      service.prefix = ipvs_mask(given->value, place_, context_);
    }
    service.one_packet = find("--ops") != nullptr;
  }

  void server_command(std::string_view command, IpvsService& service) {
    const IpvsadmGiven* const given = find("--real-server");
    if (given == nullptr) return error(std::string(command), "names no server (-r)");
    const auto address = ipvs_endpoint(given->value, "-r", place_, context_);
    if (!address) return;
    IpvsServer server;
    server.address = *address;
    if (server.address.port == 0) server.address.port = service.vip.port;
    server.place = place_;
    server.forward = find("--masquerading") != nullptr ? IpvsForward::kNat
                     : find("--ipip") != nullptr       ? IpvsForward::kTunnel
                     : find("--fullnat") != nullptr    ? IpvsForward::kFullNat
                     : find("--snat") != nullptr       ? IpvsForward::kSnat
                                                       : IpvsForward::kDirect;
    server.weight = number("--weight", 0x7fffffff).value_or(1);
    server.upper = number("--u-threshold", 200'000'000).value_or(0);
    server.lower = number("--l-threshold", 200'000'000).value_or(0);
    const auto known = service.by_address.find(server.address);
    const std::string name = "server " + server.address.to_string();
    if (command == "--add-server") {
      if (known != service.by_address.end()) return error(name, "is there already");
      service.by_address.emplace(server.address, service.servers.size());
      service.servers.push_back(std::move(server));
      return;
    }
    if (known == service.by_address.end()) return error(name, "no such server up to here");
    if (command == "--edit-server") {
      service.servers[known->second] = std::move(server);
      return;
    }
    // The last one takes its place: linear, however many are deleted.
    const std::size_t index = known->second;
    service.by_address.erase(known);
    if (index + 1 != service.servers.size()) {
      service.servers[index] = std::move(service.servers.back());
      service.by_address[service.servers[index].address] = index;
    }
    service.servers.pop_back();
  }

  const IpvsadmWords& words_;
  const Place& place_;
  IpvsadmState& state_;
  Context& context_;
};

}  // namespace

std::optional<IpvsService> ipvsadm_service(const IpvsadmWords& words, const Place& place,
                                           Context& context) {
  const auto error = [&](std::string keyword, std::string there) {
    context.note(Severity::kError, place, std::move(keyword), std::move(there), "left out");
  };
  IpvsService out;
  out.place = place;
  for (const std::string_view name :
       {"--tcp-service", "--udp-service", "--sctp-service", "--fwmark-service"}) {
    const IpvsadmGiven* const given = words.find(name);
    if (given == nullptr) continue;
    if (!out.protocol.empty()) {
      error(std::string(name), "a second service in the same command");
      continue;
    }
    out.protocol = name.substr(2, name.find("-service") - 2);
    if (out.protocol == "fwmark") {
      const auto mark = ipvs_number(given->value, 0xffffffff, "-f", place, context);
      if (!mark) return std::nullopt;
      out.mark = *mark;
      out.key = fmt::format("fwmark {}", *mark);
    } else {
      const auto vip = ipvs_endpoint(given->value, fmt::format("-{}", name[2]), place, context);
      if (!vip) return std::nullopt;
      out.vip = *vip;
      out.key = fmt::format("{} {}", out.protocol, vip->to_string());
    }
  }
  if (!out.protocol.empty()) return out;
  error("ipvsadm", "the command names no service (-t, -u, --sctp-service, -f)");
  return std::nullopt;
}

void run_ipvsadm_command(const IpvsadmWords& words, const Place& place, IpvsadmState& state,
                         Context& context) {
  IpvsadmCommandReader(words, place, state, context).run();
}

void read_ipvsadm_command(const std::vector<std::string>& words, const Place& place,
                          IpvsadmState& state, Context& context) {
  run_ipvsadm_command(read_ipvsadm_words(words, ipvsadm_options(), place, context), place, state,
                      context);
}

void set_ipvs_timeouts(std::string_view tcp, std::string_view fin, std::string_view udp,
                       const Place& place, Context& context) {
  struct Time {
    std::string_view key;
    std::string_view text;
    std::uint32_t here;  // the default of both
  };
  constexpr std::uint32_t kMost = 168 * 3600;
  for (const Time& time :
       {Time{"tcp_established", tcp, 900}, Time{"tcp_fin_wait", fin, 120}, Time{"udp", udp, 300}}) {
    const auto seconds = ipvs_number(time.text, kMost, "--set", place, context);
    if (!seconds || *seconds == 0) continue;
    Table& table = context.draft.dataplane().table("timeouts", place);
    table.remove(time.key);
    if (*seconds == time.here) continue;
    table.duration(time.key, config::Milliseconds{std::int64_t{*seconds} * 1000}, place);
  }
}

}  // namespace lb::importer
