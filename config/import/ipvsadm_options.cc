// The words of a command: options, alone or in groups of letters, with their arguments.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/base/nearest.h"
#include "config/import/ipvsadm.h"

namespace lb::importer {
namespace {

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

class IpvsadmWordReader {
 public:
  IpvsadmWordReader(const std::vector<std::string>& words, std::span<const IpvsadmOption> options,
                    const Place& place, Context& context)
      : words_(words), options_(options), place_(place), context_(context) {}

  IpvsadmWords read() {
    for (at_ = 0; at_ < words_.size(); ++at_) {
      const std::string& word = words_[at_];
      if (word.starts_with("--")) {
        long_option(word);
      } else if (word.size() > 1 && word.front() == '-') {
        letters(word);
      } else {
        out_.rest.push_back(word);
      }
    }
    return std::move(out_);
  }

 private:
  void error(std::string keyword, std::string there) {
    context_.note(Severity::kError, place_, std::move(keyword), std::move(there), "left out");
  }

  void unknown(const std::string& word) {
    std::vector<std::string_view> names;
    for (const IpvsadmOption& option : options_) names.push_back(option.name);
    const std::string_view near = word.starts_with("--") ? nearest(word, names) : "";
    error(word,
          near.empty() ? "no option of ipvsadm" : fmt::format("no option of ipvsadm; {} is", near));
  }

  void long_option(const std::string& word) {
    const std::size_t sign = word.find('=');
    const std::string name = word.substr(0, sign);
    const auto option = std::find_if(options_.begin(), options_.end(),
                                     [&](const IpvsadmOption& each) { return each.name == name; });
    if (option == options_.end()) return unknown(name);
    if (sign != std::string::npos) {
      out_.given.push_back({&*option, word.substr(sign + 1), true});
    } else {
      take(*option, {});
    }
  }

  // "-Ln", "-t192.0.2.10:80"
  void letters(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const auto option =
          std::find_if(options_.begin(), options_.end(),
                       [&](const IpvsadmOption& each) { return each.letter == word[i]; });
      if (option == options_.end()) return unknown(fmt::format("-{}", word[i]));
      if (option->argument != IpvsadmArgument::kNone) return take(*option, word.substr(i + 1));
      take(*option, {});
    }
  }

  void take(const IpvsadmOption& option, std::string attached) {
    IpvsadmGiven given{&option, std::move(attached), false};
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
    out_.given.push_back(std::move(given));
  }

  const std::vector<std::string>& words_;
  std::span<const IpvsadmOption> options_;
  const Place& place_;
  Context& context_;
  IpvsadmWords out_;
  std::size_t at_ = 0;
};

}  // namespace

std::span<const IpvsadmOption> ipvsadm_options() {
  return kIpvsadmOptions;
}

IpvsadmWords read_ipvsadm_words(const std::vector<std::string>& words,
                                std::span<const IpvsadmOption> options, const Place& place,
                                Context& context) {
  return IpvsadmWordReader(words, options, place, context).read();
}

const IpvsadmGiven* IpvsadmWords::find(std::string_view name) const {
  const auto at = std::find_if(given.rbegin(), given.rend(),
                               [&](const IpvsadmGiven& each) { return each.option->name == name; });
  return at == given.rend() ? nullptr : &*at;
}

}  // namespace lb::importer
