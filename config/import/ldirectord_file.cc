#include "config/import/ldirectord_file.h"

#include <algorithm>
#include <charconv>

#include "config/import/ldirectord.h"

namespace lb::importer::ldirectord {
namespace {

std::string unquoted(const std::string& text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return text;
  return text.substr(1, text.size() - 2);
}

std::string_view without_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (line[i] == '#' && !quoted) return line.substr(0, i);
  }
  return line;
}

}  // namespace

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

Settings read_settings(Context& context, const File& file) {
  Settings settings;
  std::uint32_t line_number = 0;
  bool in_virtual = false;
  bool of_ipv6 = false;
  for (std::size_t begin = 0; begin < file.text.size();) {
    const std::size_t end = std::min(file.text.find('\n', begin), file.text.size());
    const std::string_view raw =
        without_comment(std::string_view(file.text).substr(begin, end - begin));
    begin = end + 1;
    const Place place{file.path, ++line_number};
    const std::string line = trimmed(raw);
    if (line.empty()) continue;
    const bool indented = raw.front() == ' ' || raw.front() == '\t';
    const std::size_t sign = line.find('=');
    const std::string key = trimmed(std::string_view(line).substr(0, sign));
    if (sign == std::string::npos) {
      context.note(Severity::kError, place, key, {}, "write KEYWORD = VALUE; left out");
      continue;
    }
    const Value value{trimmed(std::string_view(line).substr(sign + 1)), place};
    if (key == "virtual" && !indented) {
      context.keyword("ldirectord.cf", key, place);
      settings.virtuals.push_back({value, {}, {}});
      in_virtual = true;
      continue;
    }
    if (!indented) of_ipv6 = key == "virtual6";
    if (indented && of_ipv6) continue;  // noted at its head
    if (indented && !in_virtual) {
      context.note(Severity::kError, place, key, "indented, without a virtual above it",
                   "left out");
      continue;
    }
    if (!indented && !settings.virtuals.empty() &&
        find_keyword(ldirectord_keywords(), "virtual", key) != nullptr &&
        find_keyword(ldirectord_keywords(), "ldirectord.cf", key) == nullptr) {
      context.note(Severity::kError, place, key, "not indented, so it belongs to no virtual",
                   "left out: indent it below its virtual");
      continue;
    }
    in_virtual = indented;
    if (context.keyword(indented ? "virtual" : "ldirectord.cf", key, place) == nullptr) continue;
    if (key == "real") {
      settings.virtuals.back().reals.push_back(value);
    } else {
      auto& values = indented ? settings.virtuals.back().values : settings.global;
      values[key] = {unquoted(value.text), place};
    }
  }
  return settings;
}

const Value* Settings::value(const Virtual& of, const std::string& key) const {
  const auto own = of.values.find(key);
  if (own != of.values.end()) return &own->second;
  const auto all = global.find(key);
  return all == global.end() ? nullptr : &all->second;
}

std::string Settings::text(const Virtual& of, const std::string& key,
                           const std::string& otherwise) const {
  const Value* const found = value(of, key);
  return found == nullptr ? otherwise : found->text;
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] == ' ' || line[i] == '\t' || line[i] == ',') {
      ++i;
    } else if (line[i] == '"') {
      const std::size_t end = std::min(line.find('"', i + 1), line.size());
      out.push_back(line.substr(i + 1, end - i - 1));
      i = end + 1;
    } else {
      const std::size_t end = std::min(line.find_first_of(" \t,\"", i), line.size());
      out.push_back(line.substr(i, end - i));
      i = end;
    }
  }
  return out;
}

}  // namespace lb::importer::ldirectord
