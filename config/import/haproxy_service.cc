// Services: what frontends listen on, and the servers of their backends.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/haproxy.h"
#include "config/import/haproxy_real.h"

namespace lb::importer::haproxy {
namespace {

using config::Milliseconds;

constexpr std::size_t kMostWork = 2'000'000;

struct Scheduler {
  std::string_view there;
  std::string_view here;
  std::string_view note;  // empty: the same
};
constexpr std::string_view kNoSuchHash =
    "a part of the request is not seen here: \"wrr\" is used; \"mh\" keeps a client at its server";
constexpr auto kBalance = std::to_array<Scheduler>(
    {{"roundrobin", "wrr", ""},
     {"static-rr", "wrr", ""},
     {"leastconn", "wlc", ""},
     {"source", "sh", "other servers get the clients than there"},
     {"first", "fo", ""},
     {"random", "wlc", "of all servers the one with the fewest connections for its weight"},
     {"uri", "wrr", kNoSuchHash},
     {"url_param", "wrr", kNoSuchHash},
     {"hash", "wrr", kNoSuchHash},
     {"hdr", "wrr", kNoSuchHash},
     {"rdp-cookie", "wrr", kNoSuchHash}});

class Services {
 public:
  Services(Context& context, const Configuration& configuration)
      : context_(context), configuration_(configuration) {}

  void read() {
    for (const Proxy& proxy : configuration_.proxies) {
      if (proxy.is_frontend() && !proxy.name().empty()) frontend(proxy);
    }
    for (const auto& [name, backend] : configuration_.backends) {
      if (used_.contains(backend) || backend->is_frontend()) continue;
      context_.note(Severity::kWarning, backend->place(), "backend", name,
                    "no frontend leads to it by default; left out");
    }
  }

 private:
  void error(const Line& line, std::string there, std::string here) {
    context_.note(Severity::kError, line.place, keyword_of(line), std::move(there),
                  std::move(here));
  }

  void frontend(const Proxy& from) {
    if (from.last("disabled") != nullptr) {
      context_.note(Severity::kInfo, from.place(), "disabled", from.name(), "left out");
      if (from.is_backend()) used_.insert(&from);
      return;
    }
    const Bound bound = read_binds(context_, from);
    const Proxy* const backend = backend_of(from);
    if (backend == nullptr || bound.addresses.empty()) {
      if (bound.addresses.empty()) {
        context_.note(Severity::kError, from.place(), from.section->type,
                      "it listens on no address", "left out");
      }
      return;
    }
    used_.insert(backend);
    if (!has_room(from, *backend)) return;
    service(from, *backend, bound);
  }

  // Many frontends may share a backend, or defaults, with very many lines.
  bool has_room(const Proxy& from, const Proxy& backend) {
    for (const Proxy* const first : {&from, &backend}) {
      for (const Proxy* proxy = first; proxy != nullptr; proxy = proxy->defaults) {
        work_ += proxy->section->lines.size();
      }
    }
    const auto at = configuration_.servers.find(&backend);
    if (at != configuration_.servers.end()) servers_ += at->second.size();
    if (work_ <= kMostWork && servers_ <= config::kMaxRealServers) return true;
    context_.note(Severity::kError, from.place(), from.section->type,
                  "frontends and their backends have too many lines or servers together",
                  "left out: import fewer at a time");
    return false;
  }

  // Null: there is none, which is noted.
  const Proxy* backend_of(const Proxy& from) {
    const Proxy* found = nullptr;
    const auto named = [&](const Line& line) {
      const auto at = configuration_.backends.find(line.word(1));
      if (at != configuration_.backends.end()) return at->second;
      error(line, line.word(1), "there is no such backend; left out");
      return static_cast<const Proxy*>(nullptr);
    };
    for (const Line* const line : from.all("use_backend")) {
      if (line->words.size() > 2) {
        error(*line, line->word(1) + " on a condition",
              "connections do not choose a backend here: give it an address or port of its own, or "
              "keep HAProxy behind the VIP (docs/local-services.md)");
      } else if (found == nullptr) {
        found = named(*line);
      }
    }
    if (found != nullptr) return found;
    if (const Line* const line = from.last("default_backend")) return named(*line);
    if (from.is_backend() && has_servers(from)) return &from;
    const bool is_page = from.last("stats enable") != nullptr || from.last("stats uri") != nullptr;
    context_.note(is_page ? Severity::kWarning : Severity::kError, from.place(), from.section->type,
                  from.name() + (is_page ? ": statistics" : ": no servers"),
                  is_page ? "left out: lbcli show has them (docs/operation.md)"
                          : "left out: what answers by itself stays with HAProxy, behind the VIP "
                            "(docs/local-services.md)");
    if (from.is_backend()) used_.insert(&from);
    return nullptr;
  }

  bool has_servers(const Proxy& backend) const {
    const auto at = configuration_.servers.find(&backend);
    return at != configuration_.servers.end() && !at->second.empty();
  }

  void service(const Proxy& from, const Proxy& backend, const Bound& bound) {
    Table& service = context_.draft.add_service(from.place());
    service.text("name", context_.service_name(from.name()));
    const Line& bind = *from.all("bind").front();
    if (bound.is_single) {
      service.text("address", bound.addresses.front(), bind.place);
    } else {
      service.texts("addresses", bound.addresses, bind.place);
    }
    if (!std::exchange(noted_mode_, true)) {
      context_.note(Severity::kWarning, from.place(), "mode",
                    "a proxy: servers see its address, and answer to it",
                    "NAT: servers see the clients' addresses; their default gateway must be the "
                    "director (docs/nat-and-dr.md)");
    }
    if (backend.is_http() || from.is_http()) {
      context_.note(Severity::kWarning, from.place(), "mode http", from.name(),
                    "connections are balanced, not requests; what needs the request stays with "
                    "HAProxy: docs/local-services.md");
    }
    tls(from, backend, bound);
    scheduler(service, backend);
    connections(service, backend);
    persistence(context_, configuration_, service, backend);
    limits(service, from);
    const auto servers = configuration_.servers.find(&backend);
    static const std::vector<Server> kNone;
    const Balanced balanced{backend, bound,
                            servers == configuration_.servers.end() ? kNone : servers->second};
    access(context_, service, balanced, from, addresses_);
    timeouts(service, from, backend);
    write_servers(context_, configuration_, service, balanced);
  }

  // Where TLS begins or ends at HAProxy one side would speak it and the other one not.
  void tls(const Proxy& from, const Proxy& backend, const Bound& bound) {
    const auto at = configuration_.servers.find(&backend);
    if (at == configuration_.servers.end()) return;
    const auto speaks = static_cast<std::size_t>(std::count_if(
        at->second.begin(), at->second.end(), [](const Server& each) { return each.has("ssl"); }));
    if (bound.tls > 0 && speaks < at->second.size()) {
      context_.note(
          Severity::kError, from.place(), "ssl", from.name() + ": TLS ends there",
          "clients' TLS reaches the servers: they need the certificates, or HAProxy keeps "
          "them behind the VIP (docs/local-services.md)");
    }
    if (bound.tls < bound.addresses.size() && speaks > 0) {
      context_.note(Severity::kError, from.place(), "ssl", from.name() + ": TLS begins there",
                    "clients without TLS reach servers that expect it: write ports without TLS");
    }
  }

  void scheduler(Table& service, const Proxy& backend) {
    const Line* const line = backend.last("balance");
    if (line == nullptr) return;
    const std::string word = line->word(1).substr(0, line->word(1).find('('));
    const auto at = std::find_if(kBalance.begin(), kBalance.end(),
                                 [&](const Scheduler& each) { return each.there == word; });
    if (at == kBalance.end()) {
      error(*line, line->word(1), "no such algorithm: \"wrr\" is used (docs/schedulers.md)");
      return;
    }
    std::string_view here = at->here;
    const Line* const hash = backend.last("hash-type");
    if (word == "source" && hash != nullptr && hash->word(1) == "consistent") here = "mh";
    if (!at->note.empty()) {
      context_.note(at->note == kNoSuchHash ? Severity::kWarning : Severity::kInfo, line->place,
                    "balance", line->word(1), std::string(at->note));
    }
    if (here != "wrr") service.text("scheduler", here, line->place);
  }

  // What becomes of the connections of a server that is down.
  void connections(Table& service, const Proxy& backend) {
    bool ends = false;
    if (const auto at = configuration_.servers.find(&backend); at != configuration_.servers.end()) {
      for (const Server& each : at->second) ends = ends || each.has("on-marked-down");
    }
    if (!ends) service.text("on_server_down", "keep");
  }

  void limits(Table& service, const Proxy& from) {
    const Line* const line = from.last("rate-limit sessions");
    if (line == nullptr) return;
    const auto rate = number(line->word(2));
    if (!rate || *rate < 0 || *rate > 10'000'000) {
      error(*line, line->word(2), "no number up to 10000000; left out");
    } else if (*rate > 0) {
      service.table("limits", line->place).number("new_per_second", *rate);
    }
  }

  void timeouts(Table& service, const Proxy& from, const Proxy& backend) {
    const Line* longest = nullptr;
    const auto consider = [&](const Proxy& proxy, const char* keyword) {
      const Line* const line = proxy.last(keyword);
      if (line == nullptr || !time_of(*line)) return;
      if (longest == nullptr || *time_of(*line) > *time_of(*longest)) longest = line;
    };
    consider(backend, "timeout tunnel");
    if (longest == nullptr || backend.is_http()) {
      consider(from, "timeout client");
      consider(backend, "timeout server");
    }
    set(service, "tcp_established", longest);
    set(service, "tcp_fin_wait", from.last("timeout client-fin"));
    set(service, "tcp_close_wait", backend.last("timeout server-fin"));
  }

  std::optional<Milliseconds> time_of(const Line& line) {
    const auto parsed = duration(line.word(2));
    if (!parsed) error(line, line.word(2), "no time, as 30s; left out");
    return parsed;
  }

  void set(Table& service, const char* key, const Line* line) {
    if (line == nullptr || !time_of(*line)) return;
    constexpr Milliseconds kWeek(604'800'000);
    service.table("timeouts", line->place)
        .duration(key, within(context_, *line, *time_of(*line), Milliseconds(1000), kWeek),
                  line->place);
  }

  Context& context_;
  const Configuration& configuration_;
  std::set<const Proxy*> used_;  // backends
  std::size_t work_ = 0;         // lines of all services, inherited ones, too
  std::size_t servers_ = 0;
  std::size_t addresses_ = 262'144;  // room for addresses in rules
  bool noted_mode_ = false;
};

}  // namespace

void read_services(Context& context, const Configuration& configuration) {
  Services(context, configuration).read();
}

}  // namespace lb::importer::haproxy
