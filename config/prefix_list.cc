#include "config/prefix_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/base/read_file.h"
#include "config/validate.h"

namespace lb::config {
namespace {

constexpr std::size_t kMaxMistakes = 5;  // reported of one file
constexpr std::size_t kMaxListBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxPrefixBytes = 100;  // a line that is longer is of another kind of file

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
  const auto content = read_regular_file(path, kMaxListBytes);
  if (content) return parse_prefixes(*content, path, mistakes);
  mistakes.push_back(path + ' ' + content.error().message);
  return {};
}

std::vector<Prefix> parse_prefixes(std::string_view content, const std::string& path,
                                   std::vector<std::string>& mistakes) {
  std::vector<Prefix> prefixes;
  std::size_t wrong = 0;
  for (std::size_t number = 1; !content.empty(); ++number) {
    const std::string_view line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(line.size() + 1, content.size()));
    const std::string_view text = trimmed(line.substr(0, line.find('#')));
    if (text.empty()) continue;
    if (text.size() > kMaxPrefixBytes) {
      mistakes.push_back(fmt::format("{}:{}: {} bytes on a line; write one prefix per line", path,
                                     number, text.size()));
      return prefixes;
    }
    const auto prefix = parse_client_prefix(text);
    if (prefix && prefix->address.is_ipv4()) {
      prefixes.push_back(*prefix);
    } else if (++wrong <= kMaxMistakes) {
      mistakes.push_back(
          fmt::format("{}:{}: {}", path, number,
                      prefix ? ipv6_refusal(prefix->address) : prefix.error().message));
    }
  }
  if (wrong > kMaxMistakes) {
    mistakes.push_back(
        fmt::format("{}: {} more lines are no prefixes", path, wrong - kMaxMistakes));
  }
  return prefixes;
}

}  // namespace lb::config
