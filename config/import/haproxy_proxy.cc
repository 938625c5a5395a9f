// Sections with traffic, and what they inherit from defaults.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "config/import/haproxy.h"

namespace lb::importer::haproxy {
namespace {

// Of defaults that name other defaults: each look-up follows them.
constexpr int kLongestChain = 16;

// Words that are a keyword with the one behind them only.
constexpr auto kPrefixes = std::to_array<std::string_view>(
    {"option", "timeout", "http-check", "tcp-check", "stats", "email-alert", "stick", "tcp-request",
     "tcp-response", "capture", "declare", "monitor", "persist", "rate-limit", "external-check"});

constexpr auto kOfFrontends = std::to_array<std::string_view>(
    {"bind", "default_backend", "use_backend", "tcp-request connection", "tcp-request session"});
constexpr auto kOfBackends =
    std::to_array<std::string_view>({"server", "server-template", "dispatch"});

class ProxyReader {
 public:
  ProxyReader(Context& context, Configuration& configuration)
      : context_(context), configuration_(configuration) {}

  void read() {
    for (const Section& section : configuration_.sections) {
      if (section.type == "defaults" || section.type == "frontend" || section.type == "backend" ||
          section.type == "listen") {
        add(section);
      }
    }
  }

 private:
  void add(const Section& section) {
    Proxy& proxy = configuration_.proxies.emplace_back();
    proxy.section = &section;
    inherit(proxy);
    for (const Line& line : section.lines) {
      const std::string keyword = keyword_of(line);
      // "no" alone, or a word that has none.
      if (keyword.empty()) {
        context_.note(Severity::kError, line.place, line.words[0], "no keyword behind it",
                      "left out");
        continue;
      }
      if (context_.keyword(kProxies, keyword, line.place) == nullptr) continue;
      if (!may_have(section.type, keyword)) {
        context_.note(Severity::kError, line.place, keyword,
                      fmt::format("not in a section of type {}", section.type), "left out");
        continue;
      }
      proxy.lines[keyword].push_back(&line);
    }
    if (section.type == "defaults") {
      last_defaults_ = &proxy;
      if (!section.name.empty()) named_defaults_[section.name] = &proxy;
      return;
    }
    if (section.name.empty()) {
      context_.note(Severity::kError, section.place, section.type, "without a name", "left out");
      return;
    }
    if (!proxy.is_backend()) return;
    if (!configuration_.backends.emplace(section.name, &proxy).second) {
      context_.note(Severity::kError, section.place, section.type,
                    fmt::format("\"{}\" is there twice", section.name), "the first one is used");
    }
  }

  static bool may_have(const std::string& type, const std::string& keyword) {
    const auto is_one_of = [&](const auto& list) {
      return std::find(list.begin(), list.end(), keyword) != list.end();
    };
    if (type == "backend") return !is_one_of(kOfFrontends);
    if (type == "frontend") return !is_one_of(kOfBackends);
    return type != "defaults" || (keyword != "bind" && !is_one_of(kOfBackends));
  }

  void inherit(Proxy& proxy) {
    const Section& section = *proxy.section;
    if (section.from.empty()) {
      // Defaults inherit only what they name.
      if (section.type != "defaults") proxy.defaults = last_defaults_;
    } else if (const auto at = named_defaults_.find(section.from); at != named_defaults_.end()) {
      proxy.defaults = at->second;
    } else {
      context_.note(Severity::kError, section.place, "from",
                    fmt::format("there are no defaults \"{}\" before it", section.from),
                    "nothing is inherited");
    }
    if (proxy.defaults == nullptr) return;
    proxy.depth = proxy.defaults->depth + 1;
    if (proxy.depth <= kLongestChain) return;
    context_.note(Severity::kError, section.place, "from",
                  fmt::format("more than {} defaults, one from the other", kLongestChain),
                  "nothing is inherited");
    proxy.defaults = nullptr;
    proxy.depth = 0;
  }

  Context& context_;
  Configuration& configuration_;
  const Proxy* last_defaults_ = nullptr;
  std::map<std::string, const Proxy*, std::less<>> named_defaults_;
};

}  // namespace

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

std::optional<config::Milliseconds> duration(std::string_view text) {
  constexpr std::int64_t kLongest = 1'000'000'000'000;
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto value = number(text.substr(0, digits));
  if (!value || *value > kLongest) return std::nullopt;
  const std::string_view unit = text.substr(digits);
  if (unit == "us") return config::Milliseconds((*value + 999) / 1000);
  std::int64_t factor = 0;
  if (unit.empty() || unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit == "d") factor = 86'400'000;
  if (factor == 0 || *value > kLongest / factor) return std::nullopt;
  return config::Milliseconds(*value * factor);
}

config::Milliseconds within(Context& context, const Line& line, config::Milliseconds value,
                            config::Milliseconds lowest, config::Milliseconds highest) {
  if (value >= lowest && value <= highest) return value;
  const config::Milliseconds used = std::clamp(value, lowest, highest);
  context.note(Severity::kWarning, line.place, keyword_of(line),
               fmt::format("{} ms", value.count()),
               fmt::format("from {} to {} ms here: {} is used", lowest.count(), highest.count(),
                           used.count()));
  return used;
}

std::string keyword_of(const Line& line) {
  const std::size_t first = line.words[0] == "no" || line.words[0] == "default" ? 1 : 0;
  std::string keyword = line.word(first);
  if (std::find(kPrefixes.begin(), kPrefixes.end(), keyword) != kPrefixes.end() &&
      !line.word(first + 1).empty()) {
    keyword += ' ' + line.word(first + 1);
  }
  return keyword;
}

std::span<const Line* const> Proxy::all(const std::string& keyword) const {
  for (const Proxy* proxy = this; proxy != nullptr; proxy = proxy->defaults) {
    const auto at = proxy->lines.find(keyword);
    if (at != proxy->lines.end()) return at->second;
  }
  return {};
}

const Line* Proxy::last(const std::string& keyword) const {
  const auto found = all(keyword);
  if (found.empty() || found.back()->words[0] == "no") return nullptr;
  return found.back();
}

const Line* Proxy::last_of(std::span<const std::string_view> keywords) const {
  for (const Proxy* proxy = this; proxy != nullptr; proxy = proxy->defaults) {
    const Line* latest = nullptr;
    for (const std::string_view keyword : keywords) {
      const auto at = proxy->lines.find(std::string(keyword));
      if (at == proxy->lines.end() || at->second.back()->words[0] == "no") continue;
      // Lines of one section are in one vector.
      if (latest == nullptr || at->second.back() > latest) latest = at->second.back();
    }
    if (latest != nullptr) return latest;
  }
  return nullptr;
}

bool Proxy::is_http() const {
  const Line* const mode = last("mode");
  return mode != nullptr && mode->word(1) == "http";
}

void read_proxies(Context& context, Configuration& configuration) {
  ProxyReader(context, configuration).read();
}

}  // namespace lb::importer::haproxy
