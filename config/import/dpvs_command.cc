#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/dpvs.h"

namespace lb::importer {
namespace {

// Letters are not those of IPVS everywhere: -b, -O and -q mean something else.
constexpr auto kDpvsOptions = std::to_array<IpvsadmOption>({
    {'A', "--add-service", "command"},
    {'E', "--edit-service", "command"},
    {'D', "--delete-service", "command"},
    {'C', "--clear", "command"},
    {'a', "--add-server", "command"},
    {'e', "--edit-server", "command"},
    {'d', "--delete-server", "command"},
    {'P', "--add-laddr", "command"},
    {'Q', "--del-laddr", "command"},
    {'G', "--get-laddr", "command"},
    {'U', "--add-blklst", "command"},
    {'V', "--del-blklst", "command"},
    {'B', "--get-blklst", "command"},
    {'O', "--add-whtlst", "command"},
    {'Y', "--del-whtlst", "command"},
    {'W', "--get-whtlst", "command"},
    {'S', "--save", "command"},
    {'R', "--restore", "command"},
    {'L', "--list", "command"},
    {'l', "--list", "command"},
    {'Z', "--zero", "command"},
    {'h', "--help", "command"},
    {'v', "--version", "command"},
    {0, "--set", "command", IpvsadmArgument::kOne},
    {0, "--start-daemon", "command", IpvsadmArgument::kOne},
    {0, "--stop-daemon", "command", IpvsadmArgument::kOne},
    {'t', "--tcp-service", "service", IpvsadmArgument::kOne},
    {'u', "--udp-service", "service", IpvsadmArgument::kOne},
    {0, "--sctp-service", "service", IpvsadmArgument::kOne},
    {'q', "--icmp-service", "service", IpvsadmArgument::kOne},
    {'1', "--icmpv6-service", "service", IpvsadmArgument::kOne},
    {'f', "--fwmark-service", "service", IpvsadmArgument::kOne},
    {'H', "--match", "service", IpvsadmArgument::kOne},
    {'s', "--scheduler", "service", IpvsadmArgument::kOne},
    {0, "--hash-target", "service", IpvsadmArgument::kOne},
    {'p', "--persistent", "service", IpvsadmArgument::kOptional},
    {'M', "--netmask", "service", IpvsadmArgument::kOne},
    {'o', "--ops", "service"},
    {0, "--pe", "service", IpvsadmArgument::kOne},
    {'6', "--ipv6", "service"},
    {'j', "--synproxy", "service", IpvsadmArgument::kOne},
    {0, "--expire-quiescent", "service"},
    {0, "--dest-check", "service", IpvsadmArgument::kOne},
    {0, "--conn-timeout", "service", IpvsadmArgument::kOne},
    {0, "--proxy-protocol", "service", IpvsadmArgument::kOne},
    {0, "--quic", "service"},
    {'z', "--laddr", "service", IpvsadmArgument::kOne},
    {'F', "--ifname", "service", IpvsadmArgument::kOne},
    {'k', "--blklst", "service", IpvsadmArgument::kOne},
    {'2', "--whtlst", "service", IpvsadmArgument::kOne},
    {'r', "--real-server", "server", IpvsadmArgument::kOne},
    {'g', "--gatewaying", "server"},
    {'m', "--masquerading", "server"},
    {'i', "--ipip", "server"},
    {'b', "--fullnat", "server"},
    {'J', "--snat", "server"},
    {'w', "--weight", "server", IpvsadmArgument::kOne},
    {'x', "--u-threshold", "server", IpvsadmArgument::kOne},
    {'y', "--l-threshold", "server", IpvsadmArgument::kOne},
    {0, "--mcast-interface", "daemon", IpvsadmArgument::kOne},
    {0, "--syncid", "daemon", IpvsadmArgument::kOne},
    {'n', "--numeric", ""},
    {'c', "--connection", ""},
    {'X', "--exact", ""},
    {0, "--timeout", ""},
    {0, "--daemon", ""},
    {0, "--stats", ""},
    {0, "--rate", ""},
    {0, "--thresholds", ""},
    {0, "--persistent-conn", ""},
    {0, "--sort", ""},
    {0, "--nosort", ""},
    {0, "--sockpair", "", IpvsadmArgument::kOne},
    {0, "--cpu", "", IpvsadmArgument::kOne},
});

class DpvsCommandReader {
 public:
  DpvsCommandReader(const IpvsadmWords& words, const Place& place, DpvsState& state,
                    Context& context)
      : words_(words), place_(place), state_(state), context_(context) {}

  void read() {
    for (const std::string_view name : {"--match", "--icmp-service", "--icmpv6-service"}) {
      const IpvsadmGiven* const given = words_.find(name);
      if (given == nullptr) continue;
      state_.ipvsadm.recognized = true;
      const Keyword* const entry = find_keyword(dpvs_keywords(), "service", name);
      return error(fmt::format("{} {}", name, given->value), "a service without VIP",
                   std::string(entry->why));
    }
    if (in_list()) return;
    run_ipvsadm_command(words_, place_, state_.ipvsadm, context_);
    if (words_.find("--add-service") != nullptr || words_.find("--edit-service") != nullptr) {
      IpvsService* const service = known_service();
      // Another one's place: it was there already, which is noted.
      if (service != nullptr && service->place == place_) settings(*service);
    }
  }

 private:
  void error(std::string keyword, std::string there, std::string here = "left out") {
    context_.note(Severity::kError, place_, std::move(keyword), std::move(there), std::move(here));
  }
  void warn(std::string keyword, std::string there, std::string here) {
    context_.note(Severity::kWarning, place_, std::move(keyword), std::move(there),
                  std::move(here));
  }

  IpvsService* known_service() {
    const auto wanted = ipvsadm_service(words_, place_, context_);
    return wanted ? state_.ipvsadm.ipvs.find(wanted->key) : nullptr;
  }

  // The commands that IPVS does not have.
  bool in_list() {
    for (const auto& [suffix, option] :
         {std::pair<std::string_view, std::string_view>{"-laddr", "--laddr"},
          {"-blklst", "--blklst"},
          {"-whtlst", "--whtlst"}}) {
      for (const std::string_view verb : {"--add", "--del", "--get"}) {
        const std::string command = std::string(verb) + std::string(suffix);
        if (words_.find(command) == nullptr) continue;
        state_.ipvsadm.recognized = true;
        context_.keyword("command", command, place_);
        if (verb != "--get") change_list(command, option);
        return true;
      }
    }
    return false;
  }

  void change_list(const std::string& command, std::string_view option) {
    const IpvsadmGiven* const given = words_.find(option);
    if (given == nullptr) return error(command, fmt::format("{} is missing", option));
    IpvsService* const service = known_service();
    if (service == nullptr) return error(command, "no such service up to here");
    if (given->value.starts_with("ipset:")) {
      return error(
          fmt::format("{} {}", option, given->value), "a set of addresses of dpip",
          "write the addresses of the set into `allow` or `deny` of the service, or into a "
          "file for `allow_file` or `deny_file`");
    }
    const auto address = ipvs_endpoint(given->value, std::string(option), place_, context_);
    if (!address) return;
    if (option == "--laddr") {
      return local_address(address->address, command == "--add-laddr");
    }
    if (address->address.is_ipv6()) {
      return error(fmt::format("{} {}", option, given->value), "an IPv6 address",
                   "left out: services have IPv4 addresses");
    }
    std::set<Address>& list = option == "--blklst" ? service->deny : service->allow;
    if (command.starts_with("--add")) {
      list.insert(address->address);
    } else if (list.erase(address->address) == 0) {
      error(command + ' ' + given->value, "not in the list up to here");
    }
  }

  void local_address(const Address& address, bool is_new) {
    const IpvsadmGiven* const device = words_.find("--ifname");
    if (device == nullptr) return error("--laddr", "--ifname is missing");
    if (address.is_ipv6()) return error("--laddr", "an IPv6 address");
    const std::string key = DpvsState::key_of(address, device->value);
    if (is_new) {
      // Of several services it is one address.
      if (!state_.address_index.emplace(key, state_.addresses.size()).second) return;
      state_.addresses.push_back({Prefix(address, 32), device->value, place_, true});
    } else if (const auto at = state_.address_index.find(key); at != state_.address_index.end()) {
      state_.addresses[at->second].deleted = true;
      state_.address_index.erase(at);
    }
  }

  void settings(IpvsService& service) {
    if (const IpvsadmGiven* given = words_.find("--synproxy")) {
      if (given->value != "enable" && given->value != "disable") {
        error("--synproxy " + given->value, "neither enable nor disable");
      }
      service.syn_proxy = given->value == "enable";
    }
    if (const IpvsadmGiven* given = words_.find("--conn-timeout")) {
      const auto seconds =
          ipvs_number(given->value, 0x7fffffff, "--conn-timeout", place_, context_);
      if (seconds && *seconds != 0) service.established = *seconds;
    }
    if (const IpvsadmGiven* given = words_.find("--hash-target")) {
      if (given->value == "qid") {
        error("--hash-target qid", "the connection's identifier of QUIC",
              "by the client's address: a client whose address changes is at another server");
      } else if (given->value != "sip") {
        error("--hash-target " + given->value, "neither sip nor qid");
      }
    }
    if (const IpvsadmGiven* given = words_.find("--dest-check")) dest_check(given->value, service);
    if (const IpvsadmGiven* given = words_.find("--proxy-protocol")) {
      if (given->value != "disable") {
        error("--proxy-protocol " + given->value,
              "the servers get a header with the client's address in front of the data",
              "left out: they see the client's address itself; configure them to expect no header");
      }
    }
  }

  void dest_check(const std::string& value, IpvsService& service) {
    if (value == "ping" || value == "tcp") {
      service.check = value;
    } else if (value == "udp") {
      warn("--dest-check udp", "a datagram that no ICMP error answers is good",
           "a ping; \"udp\" and \"dns\" of [service.check] need a question");
    } else if (value == "disable") {
      warn("--dest-check disable", "no check", "every service has one; \"none\" is without");
    } else if (value != "default" && value.find(',') == std::string::npos) {
      error("--dest-check " + value, "no check that is here");
    }
  }

  const IpvsadmWords& words_;
  const Place& place_;
  DpvsState& state_;
  Context& context_;
};

}  // namespace

void read_dpvs_ipvsadm(const std::vector<std::string>& words, const Place& place, DpvsState& state,
                       Context& context) {
  std::vector<std::string> known = words;
  // The command comes first; elsewhere -Y is the hash's target, as up to version 1.8.
  for (std::size_t i = 1; i < known.size(); ++i) {
    if (known[i] == "-Y") known[i] = "--hash-target";
  }
  DpvsCommandReader(read_ipvsadm_words(known, kDpvsOptions, place, context), place, state, context)
      .read();
}

}  // namespace lb::importer
