// Clients that stay with their server: stick tables and cookies.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "config/import/haproxy_real.h"

namespace lb::importer::haproxy {
namespace {

using config::Milliseconds;

constexpr Milliseconds kLongestPersistence(604'800'000);
constexpr Milliseconds kWithoutExpiry(3'600'000);

// "100k", "1m", "2g"
std::optional<std::int64_t> size_of(std::string_view text) {
  std::int64_t factor = 1;
  if (!text.empty()) {
    const char unit = text.back();
    if (unit == 'k' || unit == 'K') factor = 1024;
    if (unit == 'm' || unit == 'M') factor = 1024 * 1024;
    if (unit == 'g' || unit == 'G') factor = 1024 * 1024 * 1024;
    if (factor != 1) text.remove_suffix(1);
  }
  const auto value = number(text);
  if (!value || *value < 0 || *value > 1'000'000'000'000) return std::nullopt;
  return *value * factor;
}

class Persistence {
 public:
  Persistence(Context& context, const Configuration& configuration, Table& service,
              const Proxy& backend)
      : context_(context), configuration_(configuration), service_(service), backend_(backend) {}

  void write() {
    const Line* const stick = stick_line();
    if (stick != nullptr) {
      table(*stick);
    } else if (const Line* const line = backend_.last("cookie"); line != nullptr) {
      cookie(*line);
    }
  }

 private:
  void error(const Line& line, std::string there, std::string here) {
    context_.note(Severity::kError, line.place, keyword_of(line), std::move(there),
                  std::move(here));
  }

  // The first rule by the client's address; the others are noted.
  const Line* stick_line() {
    const Line* found = nullptr;
    for (const char* const keyword : {"stick on", "stick match", "stick store-request"}) {
      for (const Line* const line : backend_.all(keyword)) {
        const std::string& sample = line->word(2);
        const bool by_source = sample == "src" || sample.starts_with("src,ipmask(");
        if (!by_source) {
          error(*line, sample, "clients stay with a server by their address only; left out");
        } else if (line->word(3) == "if" || line->word(5) == "if" || line->word(3) == "unless" ||
                   line->word(5) == "unless") {
          error(*line, "on a condition", "all clients of a service stay, or none; left out");
        } else if (found == nullptr) {
          found = line;
        }
      }
    }
    return found;
  }

  void table(const Line& stick) {
    const std::string name = stick.word(3) == "table" ? stick.word(4) : backend_.name();
    const auto at = configuration_.tables.find(name);
    const Line* const from = at == configuration_.tables.end() ? nullptr : at->second;
    if (from == nullptr) {
      error(stick, name, "there is no such stick-table; left out");
      return;
    }
    if (value_of(*from, "type") != "ip") {
      error(*from, "type " + value_of(*from, "type"), "only ip is a client's address; left out");
      return;
    }
    const std::string expire = value_of(*from, "expire");
    const auto time = duration(expire);
    if (!time) {
      context_.note(Severity::kWarning, from->place, "stick-table",
                    expire.empty() ? "no expire" : "expire " + expire,
                    "a client stays for an hour after its last connection");
    }
    set(stick, time ? within(context_, *from, *time, Milliseconds(1000), kLongestPersistence)
                    : kWithoutExpiry);
    mask(stick);
    if (const auto users = configuration_.table_users.find(name);
        users != configuration_.table_users.end() && users->second > 1) {
      service_.text("group", name, stick.place);
    }
    room(*from);
  }

  static std::string value_of(const Line& line, std::string_view name) {
    for (std::size_t i = 1; i + 1 < line.words.size(); ++i) {
      if (line.words[i] == name) return line.words[i + 1];
    }
    return {};
  }

  void set(const Line& line, Milliseconds time) {
    service_.duration("persistence", time, line.place);
  }

  // "src,ipmask(24)" or "src,ipmask(255.255.255.0)"
  void mask(const Line& stick) {
    const std::string& sample = stick.word(2);
    const std::size_t open = sample.find('(');
    if (open == std::string::npos) return;
    const std::string text = sample.substr(open + 1, sample.find_first_of(",)", open) - open - 1);
    std::int64_t length = number(text).value_or(0);
    if (const auto parsed = Ipv4Address::parse(text)) {
      length = std::countl_one(parsed->host());
      if (length < 32 && parsed->host() << length != 0) length = 0;
    }
    if (length < 1 || length > 32) {
      error(stick, sample, "no length of a prefix from 1 to 32; left out");
    } else if (length < 32) {
      service_.number("persistence_prefix", length, stick.place);
    }
  }

  void room(const Line& from) {
    constexpr std::int64_t kDefault = 250'000;
    constexpr std::int64_t kMost = 50'000'000;
    const auto size = size_of(value_of(from, "size"));
    if (!size || *size <= kDefault) return;
    Table& dataplane = context_.draft.dataplane();
    const auto before = number(dataplane.value("max_persistence"));
    const std::int64_t now = std::min(*size, kMost);
    if (!before || *before < now) dataplane.number("max_persistence", now, from.place);
  }

  // Without the cookie a session would be on another server with each connection.
  void cookie(const Line& line) {
    Milliseconds time = kWithoutExpiry;
    for (const char* const name : {"maxidle", "maxlife"}) {
      // Seconds without a unit.
      const std::string text = value_of(line, name);
      const auto seconds = number(text);
      const auto parsed =
          seconds && *seconds <= 604'800 ? Milliseconds(*seconds * 1000) : duration(text);
      if (!parsed) continue;
      time = within(context_, line, *parsed, Milliseconds(1000), kLongestPersistence);
      break;
    }
    set(line, time);
    service_.comment_on("persistence", "there: a cookie");
  }

  Context& context_;
  const Configuration& configuration_;
  Table& service_;
  const Proxy& backend_;
};

}  // namespace

void persistence(Context& context, const Configuration& configuration, Table& service,
                 const Proxy& backend) {
  Persistence(context, configuration, service, backend).write();
}

void find_tables(Configuration& configuration) {
  for (const Proxy& proxy : configuration.proxies) {
    if (proxy.section->type == "defaults") continue;
    const auto own = proxy.lines.find("stick-table");
    if (own != proxy.lines.end()) configuration.tables.emplace(proxy.name(), own->second.back());
  }
  for (const Proxy& frontend : configuration.proxies) {
    if (!frontend.is_frontend()) continue;
    const Line* const line = frontend.last("default_backend");
    const auto at =
        line == nullptr ? configuration.backends.end() : configuration.backends.find(line->word(1));
    const Proxy& backend = at == configuration.backends.end() ? frontend : *at->second;
    const auto sticks = backend.all("stick on");
    if (sticks.empty()) continue;
    const bool named = sticks.front()->word(3) == "table";
    ++configuration.table_users[named ? sticks.front()->word(4) : backend.name()];
  }
}

}  // namespace lb::importer::haproxy
