#include "config/import/options.h"

#include <fmt/format.h>

#include <algorithm>

namespace lb::importer {
namespace {

struct Pair {
  std::string name;
  std::string value;
};

Result<Pair> split(std::string_view option, std::string_view text, std::string_view example) {
  const std::size_t sign = text.find('=');
  if (sign == std::string_view::npos || sign == 0 || sign + 1 == text.size()) {
    return wrong_request(fmt::format("--{} {}: write it as {}", option, text, example));
  }
  return Pair{std::string(text.substr(0, sign)), std::string(text.substr(sign + 1))};
}

}  // namespace

Result<void> add_option(Options& options, std::string_view name, const std::string& value) {
  if (name == "ports") {
    for (std::size_t begin = 0; begin <= value.size();) {
      const std::size_t end = std::min(value.find(',', begin), value.size());
      std::string_view each = std::string_view(value).substr(begin, end - begin);
      while (each.starts_with(' ')) each.remove_prefix(1);
      while (each.ends_with(' ')) each.remove_suffix(1);
      const auto pair = split(name, each, "wan=eth0,lan=eth1");
      if (!pair) return tl::make_unexpected(pair.error());
      for (const Options::Port& port : options.ports) {
        if (port.name == pair->name || port.interface == pair->value) {
          return wrong_request(
              fmt::format("--ports: {}={} is a port already", port.name, port.interface));
        }
      }
      options.ports.push_back({pair->name, pair->value});
      begin = end + 1;
    }
    return {};
  }
  if (name == "device") {
    const auto pair = split(name, value, "wan=0000:03:00.0");
    if (!pair) return tl::make_unexpected(pair.error());
    if (!options.devices.emplace(pair->name, pair->value).second) {
      return wrong_request(fmt::format("--device {}: the port has one already", value));
    }
    return {};
  }
  const auto pair = split(name, value, "wan=192.0.2.2/24");
  if (!pair) return tl::make_unexpected(pair.error());
  if (const auto prefix = Prefix::parse(pair->value); !prefix) {
    return wrong_request(fmt::format("--{} {}: {}", name, value, prefix.error().message));
  }
  auto& addresses = name == "peer-address" ? options.peer_addresses : options.addresses;
  addresses[pair->name].push_back(pair->value);
  return {};
}

bool matches_pattern(std::string_view path, std::string_view pattern) {
  // Greedy, with one place to go back to: linear for each *.
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  for (std::size_t i = 0; i < path.size();) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = i;
    } else if (p < pattern.size() &&
               (pattern[p] == path[i] || (pattern[p] == '?' && path[i] != '/'))) {
      ++p;
      ++i;
    } else if (star != std::string_view::npos && path[resume] != '/') {
      p = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace lb::importer
