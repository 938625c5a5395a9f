// The servers of a backend: "server", "server-template", "dispatch" and "default-server".
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/haproxy.h"
#include "config/import/importer.h"

namespace lb::importer::haproxy {
namespace {

// A backend has no more; all of a configuration have no more, either.
constexpr std::size_t kMostOfBackend = 65'536;

constexpr std::size_t kMostInherited = 64;  // each backend reads them

// Options of server without an argument; all others that do not begin with "no-" or "force-" have one.
constexpr auto kFlags2 = std::to_array<std::string_view>(
    {"agent-check", "allow-0rtt", "backup", "check", "check-send-proxy", "check-ssl",
     "check-via-socks4", "disabled", "enabled", "non-stick", "send-proxy", "send-proxy-v2",
     "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", "ssl", "ssl-reuse", "stick", "tfo",
     "tls-tickets"});

class ServerReader {
 public:
  ServerReader(Context& context, const Proxy& backend) : context_(context), backend_(backend) {}

  std::vector<Server> read() {
    const auto lines = inherited();
    if (lines.size() > kMostInherited) {
      error(*lines.back(), "",
            fmt::format("no more than {} in defaults; left out", kMostInherited));
    }
    for (const Line* const line : lines.first(std::min(lines.size(), kMostInherited))) {
      options(*line, 1, defaults_);
    }
    for (const Line& line : backend_.section->lines) {
      if (!backend_.is_backend()) break;
      if (line.words[0] == "default-server") options(line, 1, defaults_);
      if (line.words[0] == "server") server(line);
      if (line.words[0] == "server-template") from_template(line);
      if (line.words[0] == "dispatch") dispatch(line);
    }
    return std::move(servers_);
  }

 private:
  std::span<const Line* const> inherited() const {
    if (backend_.defaults == nullptr) return {};
    return backend_.defaults->all("default-server");
  }

  void error(const Line& line, std::string there, std::string here) {
    context_.note(Severity::kError, line.place, line.words[0], std::move(there), std::move(here));
  }

  void options(const Line& line, std::size_t from, ServerOptions& into) {
    for (std::size_t i = from; i < line.words.size(); ++i) {
      const std::string& word = line.words[i];
      if (find_keyword(haproxy_keywords(), "server", word) == nullptr ||
          noted_.insert(word).second) {
        if (context_.keyword("server", word, line.place) == nullptr) return;
      }
      if (word.starts_with("no-") || word == "enabled") {
        const auto at = into.find(word == "enabled" ? "disabled" : word.substr(3));
        if (at != into.end()) into.erase(at);
        continue;
      }
      const bool is_flag = word.starts_with("force-") ||
                           std::find(kFlags2.begin(), kFlags2.end(), word) != kFlags2.end();
      into[word] = {is_flag ? std::string() : line.word(i + 1), line.place};
      if (is_flag) continue;
      ++i;
      if (i >= line.words.size()) error(line, word, "its value is missing");
    }
  }

  void server(const Line& line) {
    if (line.words.size() < 3) {
      error(line, line.word(1), "write server NAME ADDRESS:PORT; left out");
      return;
    }
    Server server;
    server.name = line.words[1];
    server.place = line.place;
    server.options = defaults_;
    options(line, 3, server.options);
    if (address(line, line.words[2], server)) add(line, server);
  }

  void dispatch(const Line& line) {
    Server server;
    server.name = "dispatch";
    server.place = line.place;
    if (address(line, line.word(1), server)) add(line, server);
  }

  // "server-template PREFIX 1-4 ADDRESS:PORT"
  void from_template(const Line& line) {
    const std::string& range = line.word(2);
    const std::size_t dash = range.find('-');
    const auto first = number(dash == std::string::npos ? "1" : range.substr(0, dash));
    const auto last = number(dash == std::string::npos ? range : range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last - *first >= 65'536) {
      error(line, range, "no number of servers, or range of their numbers; left out");
      return;
    }
    Server server;
    server.place = line.place;
    server.options = defaults_;
    server.name = fmt::format("{}{}", line.word(1), *first);
    options(line, 4, server.options);
    if (!address(line, line.word(3), server)) return;
    if (*first != *last) {
      error(line, fmt::format("{} servers from the answers of DNS", *last - *first + 1),
            "names are not looked up: write a real server for each; one is written");
    }
    add(line, server);
  }

  void add(const Line& line, Server& server) {
    if (servers_.size() == kMostOfBackend) {
      error(line, "", fmt::format("no more than {} servers; left out", kMostOfBackend));
      return;
    }
    servers_.push_back(std::move(server));
  }

  // "ADDRESS", "ADDRESS:PORT", "ADDRESS:+OFFSET", with "ipv4@" before it. False: it is left out.
  bool address(const Line& line, std::string text, Server& server) {
    for (const std::string_view prefix : {"ipv4@", "tcp@", "tcp4@"}) {
      if (text.starts_with(prefix)) text = text.substr(prefix.size());
    }
    for (const std::string_view other : {"/", "unix@", "abns@", "fd@", "sockpair@", "udp@"}) {
      if (!text.starts_with(other)) continue;
      error(line, text,
            "a program on the director, or another protocol; left out: "
            "docs/local-services.md has programs behind a VIP");
      return false;
    }
    if (text.starts_with("ipv6@") || std::count(text.begin(), text.end(), ':') > 1) {
      error(line, text, "IPv6 is not forwarded yet; left out");
      return false;
    }
    const std::size_t colon = text.rfind(':');
    server.host = text.substr(0, colon);
    if (colon != std::string::npos && !port(line, text.substr(colon + 1), server)) return false;
    if (server.host.empty() || server.host == "*" || server.host == "0.0.0.0") {
      error(line, text,
            "the address that the client asked for: a transparent proxy is no service; "
            "left out");
      return false;
    }
    if (const auto parsed = Address::parse(server.host); parsed && parsed->is_ipv4()) {
      server.address = *parsed;
    } else if (server.host != "localhost") {
      context_.note(Severity::kWarning, line.place, line.words[0], server.host,
                    "names are not looked up: fill in the address");
    }
    if (server.host.starts_with("127.") || server.host == "localhost") {
      if (server.has("backup") && server.address.has_value()) return true;
      error(line, text,
            "a real server on the director is not possible; left out: keep the "
            "program behind the VIP (docs/local-services.md)");
      return false;
    }
    return true;
  }

  bool port(const Line& line, const std::string& text, Server& server) {
    const bool is_offset = text.starts_with('+') || text.starts_with('-');
    const auto parsed = number(text.starts_with('+') ? text.substr(1) : text);
    if (!parsed || *parsed > 65'535 || *parsed < (is_offset ? -65'535 : 0)) {
      error(line, text, "no port from 1 to 65535; left out");
      return false;
    }
    if (is_offset) {
      server.offset = static_cast<std::int32_t>(*parsed);
    } else {
      server.port = static_cast<std::uint16_t>(*parsed);
    }
    return true;
  }

  Context& context_;
  const Proxy& backend_;
  ServerOptions defaults_;
  std::vector<Server> servers_;
  std::set<std::string> noted_;  // options, once for each backend
};

}  // namespace

const Option* Server::option(std::string_view word) const {
  const auto at = options.find(word);
  return at == options.end() ? nullptr : &at->second;
}

std::vector<Server> read_servers(Context& context, const Proxy& backend) {
  return ServerReader(context, backend).read();
}

}  // namespace lb::importer::haproxy
