#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/base/nearest.h"
#include "config/import/ipvsadm.h"

namespace lb::importer {
namespace {

enum class IpvsadmArgument : std::uint8_t { kNone, kOne, kOptional };

struct IpvsadmOption {
  char letter;  // 0: it has none
  std::string_view name;
  std::string_view block;  // of the table of keywords; empty: it only changes what is printed
  IpvsadmArgument argument = IpvsadmArgument::kNone;
};

constexpr auto kIpvsadmOptions = std::to_array<IpvsadmOption>({
    {'A', "--add-service", "command"},
    {'E', "--edit-service", "command"},
    {'D', "--delete-service", "command"},
    {'C', "--clear", "command"},
    {'a', "--add-server", "command"},
    {'e', "--edit-server", "command"},
    {'d', "--delete-server", "command"},
    {'S', "--save", "command"},
    {'R', "--restore", "command"},
    {'L', "--list", "command"},
    {'l', "--list", "command"},
    {'Z', "--zero", "command"},
    {'h', "--help", "command"},
    {0, "--set", "command", IpvsadmArgument::kOne},
    {0, "--start-daemon", "command", IpvsadmArgument::kOne},
    {0, "--stop-daemon", "command", IpvsadmArgument::kOne},
    {'t', "--tcp-service", "service", IpvsadmArgument::kOne},
    {'u', "--udp-service", "service", IpvsadmArgument::kOne},
    {0, "--sctp-service", "service", IpvsadmArgument::kOne},
    {'f', "--fwmark-service", "service", IpvsadmArgument::kOne},
    {'s', "--scheduler", "service", IpvsadmArgument::kOne},
    {'p', "--persistent", "service", IpvsadmArgument::kOptional},
    {'M', "--netmask", "service", IpvsadmArgument::kOne},
    {'o', "--ops", "service"},
    {'O', "--ops", "service"},
    {'b', "--sched-flags", "service", IpvsadmArgument::kOne},
    {0, "--pe", "service", IpvsadmArgument::kOne},
    {'6', "--ipv6", "service"},
    {'r', "--real-server", "server", IpvsadmArgument::kOne},
    {'g', "--gatewaying", "server"},
    {'m', "--masquerading", "server"},
    {'i', "--ipip", "server"},
    {0, "--tun-type", "server", IpvsadmArgument::kOne},
    {0, "--tun-port", "server", IpvsadmArgument::kOne},
    {0, "--tun-nocsum", "server"},
    {0, "--tun-csum", "server"},
    {0, "--tun-remcsum", "server"},
    {'w', "--weight", "server", IpvsadmArgument::kOne},
    {'x', "--u-threshold", "server", IpvsadmArgument::kOne},
    {'y', "--l-threshold", "server", IpvsadmArgument::kOne},
    {0, "--mcast-interface", "daemon", IpvsadmArgument::kOne},
    {0, "--syncid", "daemon", IpvsadmArgument::kOne},
    {0, "--sync-maxlen", "daemon", IpvsadmArgument::kOne},
    {0, "--mcast-group", "daemon", IpvsadmArgument::kOne},
    {0, "--mcast-port", "daemon", IpvsadmArgument::kOne},
    {0, "--mcast-ttl", "daemon", IpvsadmArgument::kOne},
    {'n', "--numeric", ""},
    {'c', "--connection", ""},
    {0, "--timeout", ""},
    {0, "--daemon", ""},
    {0, "--stats", ""},
    {0, "--rate", ""},
    {0, "--thresholds", ""},
    {0, "--persistent-conn", ""},
    {0, "--sort", ""},
    {0, "--nosort", ""},
    {0, "--exact", ""},
});

struct Given {
  const IpvsadmOption* option;
  std::string value;
  bool has_value = false;
};

class IpvsadmCommandReader {
 public:
  IpvsadmCommandReader(const std::vector<std::string>& words, const Place& place,
                       IpvsadmState& state, Context& context)
      : words_(words), place_(place), state_(state), context_(context) {}

  void read() {
    for (at_ = 0; at_ < words_.size(); ++at_) {
      const std::string& word = words_[at_];
      if (word.starts_with("--")) {
        long_option(word);
      } else if (word.size() > 1 && word.front() == '-') {
        letters(word);
      } else {
        rest_.push_back(word);
      }
    }
    run();
  }

 private:
  void error(std::string keyword, std::string there, std::string here = "left out") {
    context_.note(Severity::kError, place_, std::move(keyword), std::move(there), std::move(here));
  }

  void unknown(const std::string& word) {
    std::vector<std::string_view> names;
    for (const IpvsadmOption& option : kIpvsadmOptions) names.push_back(option.name);
    const std::string_view near = word.starts_with("--") ? nearest(word, names) : "";
    error(word,
          near.empty() ? "no option of ipvsadm" : fmt::format("no option of ipvsadm; {} is", near));
  }

  void long_option(const std::string& word) {
    const std::size_t sign = word.find('=');
    const std::string name = word.substr(0, sign);
    const auto option = std::find_if(kIpvsadmOptions.begin(), kIpvsadmOptions.end(),
                                     [&](const IpvsadmOption& each) { return each.name == name; });
    if (option == kIpvsadmOptions.end()) return unknown(name);
    if (sign != std::string::npos) {
      given_.push_back({&*option, word.substr(sign + 1), true});
    } else {
      take(*option, {});
    }
  }

  // "-Ln", "-t192.0.2.10:80"
  void letters(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const auto option =
          std::find_if(kIpvsadmOptions.begin(), kIpvsadmOptions.end(),
                       [&](const IpvsadmOption& each) { return each.letter == word[i]; });
      if (option == kIpvsadmOptions.end()) return unknown(fmt::format("-{}", word[i]));
      if (option->argument != IpvsadmArgument::kNone) return take(*option, word.substr(i + 1));
      take(*option, {});
    }
  }

  void take(const IpvsadmOption& option, std::string attached) {
    Given given{&option, std::move(attached), false};
    given.has_value = !given.value.empty();
    if (option.argument != IpvsadmArgument::kNone && !given.has_value) {
      const bool next = at_ + 1 < words_.size() && !words_[at_ + 1].starts_with('-');
      if (next) {
        given.value = words_[++at_];
        given.has_value = true;
      } else if (option.argument == IpvsadmArgument::kOne) {
        return error(std::string(option.name), "its argument is missing");
      }
    }
    given_.push_back(std::move(given));
  }

  const Given* find(std::string_view name) const {
    const auto at = std::find_if(given_.rbegin(), given_.rend(),
                                 [&](const Given& each) { return each.option->name == name; });
    return at == given_.rend() ? nullptr : &*at;
  }

  std::optional<std::uint32_t> number(std::string_view name, std::uint32_t most) {
    const Given* const given = find(name);
    if (given == nullptr || !given->has_value) return std::nullopt;
    return ipvs_number(given->value, most, std::string(name), place_, context_);
  }

  void run() {
    const IpvsadmOption* command = nullptr;
    for (const Given& given : given_) {
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
    for (const Given& given : given_) {
      // Servers in a tunnel have a note of their own.
      if (given.option->block.empty() || given.option->name == "--fwmark-service" ||
          given.option->name == "--sctp-service" || given.option->name == "--ipip") {
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
    for (const std::string& word : rest_) error(word, "belongs to no option");
  }

  void noted_with_value(const Given& given) {
    const Keyword* const entry =
        find_keyword(ipvsadm_keywords(), given.option->block, given.option->name);
    context_.note(Severity::kWarning, place_, fmt::format("{} {}", entry->name, given.value), {},
                  std::string(entry->why));
  }

  void set_timeouts() {
    if (rest_.size() != 2) return error("--set", "three times belong to it: tcp tcpfin udp");
    set_ipvs_timeouts(find("--set")->value, rest_[0], rest_[1], place_, context_);
  }

  // The service that the command is about; nothing if it cannot be read (with a note).
  std::optional<IpvsService> service() {
    IpvsService out;
    out.place = place_;
    for (const std::string_view name :
         {"--tcp-service", "--udp-service", "--sctp-service", "--fwmark-service"}) {
      const Given* const given = find(name);
      if (given == nullptr) continue;
      if (!out.protocol.empty()) {
        error(std::string(name), "a second service in the same command");
        continue;
      }
      out.protocol = name.substr(2, name.find("-service") - 2);
      if (out.protocol == "fwmark") {
        const auto mark = ipvs_number(given->value, 0xffffffff, "-f", place_, context_);
        if (!mark) return std::nullopt;
        out.mark = *mark;
        out.key = fmt::format("fwmark {}", *mark);
      } else {
        const auto vip = ipvs_endpoint(given->value, fmt::format("-{}", name[2]), place_, context_);
        if (!vip) return std::nullopt;
        out.vip = *vip;
        out.key = fmt::format("{} {}", out.protocol, vip->to_string());
      }
    }
    if (!out.protocol.empty()) return out;
    error("ipvsadm", "the command names no service (-t, -u, --sctp-service, -f)");
    return std::nullopt;
  }

  void service_command(std::string_view command) {
    auto wanted = service();
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
      *known = std::move(*wanted);
    } else if (command == "--delete-service") {
      state_.ipvs.remove(wanted->key);
    } else {
      server_command(command, *known);
    }
  }

  void settings(IpvsService& service) {
    if (const Given* given = find("--scheduler")) service.scheduler = given->value;
    if (const Given* given = find("--persistent")) {
      service.persistence = given->has_value ? number("--persistent", 0xffffffff) : 300;
    }
    if (const Given* given = find("--netmask")) {
      service.prefix = ipvs_mask(given->value, place_, context_);
    }
    service.one_packet = find("--ops") != nullptr;
  }

  void server_command(std::string_view command, IpvsService& service) {
    const Given* const given = find("--real-server");
    if (given == nullptr) return error(std::string(command), "names no server (-r)");
    const auto address = ipvs_endpoint(given->value, "-r", place_, context_);
    if (!address) return;
    IpvsServer server;
    server.address = *address;
    if (server.address.port == 0) server.address.port = service.vip.port;
    server.place = place_;
    server.forward = find("--masquerading") != nullptr ? IpvsForward::kNat
                     : find("--ipip") != nullptr       ? IpvsForward::kTunnel
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

  const std::vector<std::string>& words_;
  const Place& place_;
  IpvsadmState& state_;
  Context& context_;
  std::vector<Given> given_;
  std::vector<std::string> rest_;  // words of no option
  std::size_t at_ = 0;
};

}  // namespace

void read_ipvsadm_command(const std::vector<std::string>& words, const Place& place,
                          IpvsadmState& state, Context& context) {
  IpvsadmCommandReader(words, place, state, context).read();
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
