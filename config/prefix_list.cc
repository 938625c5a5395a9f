#include "config/prefix_list.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "config/validate.h"

namespace lb::config {
namespace {

constexpr std::size_t kMaxMistakes = 5;  // reported of one file

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

Result<Prefix> parse_client_prefix(std::string_view text) {
  if (text.find('/') == std::string_view::npos) {
    const auto address = Address::parse(text);
    if (!address) return tl::make_unexpected(address.error());
    return Prefix(*address, static_cast<std::uint8_t>(address->bits()));
  }
  const auto prefix = Prefix::parse(text);
  if (prefix && prefix->address != prefix->network()) {
    return fail('"' + std::string(text) + "\" is an address in a network; write the network: \"" +
                prefix->masked().to_string() + "\", or the address alone");
  }
  return prefix;
}

std::vector<Prefix> read_prefix_file(const std::string& path, std::vector<std::string>& mistakes) {
  std::vector<Prefix> prefixes;
  std::ifstream file(path);
  if (!file) {
    mistakes.push_back(fmt::format("{} cannot be opened: {}", path, std::strerror(errno)));
    return prefixes;
  }
  std::size_t wrong = 0;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    const std::string_view text = trimmed(std::string_view(line).substr(0, line.find('#')));
    if (text.empty()) continue;
    const auto prefix = parse_client_prefix(text);
    if (prefix && prefix->address.is_ipv4()) {
      prefixes.push_back(*prefix);
    } else if (++wrong <= kMaxMistakes) {
      mistakes.push_back(
          fmt::format("{}:{}: {}", path, number,
                      prefix ? ipv6_refusal(prefix->address) : prefix.error().message));
    }
  }
  if (file.bad()) mistakes.push_back(fmt::format("{} cannot be read", path));
  if (wrong > kMaxMistakes) {
    mistakes.push_back(
        fmt::format("{}: {} more lines are no prefixes", path, wrong - kMaxMistakes));
  }
  return prefixes;
}

}  // namespace lb::config
