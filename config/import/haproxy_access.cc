// Rules that accept and reject by the client's address, and by its rate of connections.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/haproxy_acl.h"
#include "config/import/haproxy_real.h"

namespace lb::importer::haproxy {
namespace {

constexpr auto kRejects =
    std::to_array<std::string_view>({"reject", "deny", "silent-drop", "tarpit"});
constexpr auto kAccepts = std::to_array<std::string_view>({"accept", "allow"});

// The first rule that matches decides there, here the longest prefix: rules that differ by that are
// left out, since none of a network's addresses gets to them.
class Access {
 public:
  Access(Context& context, Table& service, std::size_t& room)
      : context_(context), service_(service), room_(room) {}

  void read(const Proxy& proxy, std::span<const char* const> keywords) {
    const Acls acls(context_, proxy, room_);
    for (const char* const keyword : keywords) {
      const auto lines = proxy.all(keyword);
      if (lines.empty()) continue;
      // What one list has accepted the next one may still reject.
      const bool may_add = !has_accepted_;
      is_closed_ = false;
      for (const Line* const line : lines) rule(proxy, acls, *line, may_add);
    }
  }

  void write() {
    std::vector<std::string> allow;
    std::vector<std::string> deny;
    for (const Prefix& prefix : order_) {
      (known_.at(key(prefix)) ? allow : deny).push_back(prefix.to_string());
    }
    if (!is_closed_for_others_ && (!allow.empty() || !allow_file_.empty())) {
      allow.emplace_back("0.0.0.0/0");
    }
    if (allow.size() == 1 && deny.empty() && allow.front() == "0.0.0.0/0" && allow_file_.empty() &&
        deny_file_.empty()) {
      return;
    }
    // Nobody may.
    if (is_closed_for_others_ && allow.empty() && allow_file_.empty()) {
      deny = {"0.0.0.0/0"};
    }
    if (!allow.empty()) service_.texts("allow", allow, place_);
    if (!deny.empty()) service_.texts("deny", deny, place_);
    if (!allow_file_.empty()) service_.text("allow_file", allow_file_, place_);
    if (!deny_file_.empty()) service_.text("deny_file", deny_file_, place_);
  }

 private:
  static std::uint64_t key(const Prefix& prefix) {
    return std::uint64_t{prefix.address.to_ipv4()->host()} << 8 | prefix.length;
  }

  void error(const Line& line, std::string there, std::string here) {
    context_.note(Severity::kError, line.place, keyword_of(line), std::move(there),
                  std::move(here));
  }

  void rule(const Proxy& proxy, const Acls& acls, const Line& line, bool may_add) {
    const std::size_t action = line.words[0] == "http-request" ? 1 : 2;
    const std::string& what = line.word(action);
    const bool rejects = std::find(kRejects.begin(), kRejects.end(), what) != kRejects.end();
    if (!rejects && std::find(kAccepts.begin(), kAccepts.end(), what) == kAccepts.end()) {
      if (what.starts_with("track-sc")) {
        context_.note(Severity::kInfo, line.place, keyword_of(line), what,
                      "clients are counted where a limit needs it");
        return;
      }
      context_.note(Severity::kWarning, line.place, keyword_of(line), what,
                    "left out: keep HAProxy behind the VIP (docs/local-services.md)");
      return;
    }
    std::size_t begin = action + 1;
    while (begin < line.words.size() && line.words[begin] != "if" &&
           line.words[begin] != "unless") {
      ++begin;
    }
    if (is_closed_) {
      error(line, what, "a rule before it decides about everybody; left out");
      return;
    }
    if (const auto rate = acls.rate(line, begin); rate && rejects) {
      limit(proxy, line, *rate);
      return;
    }
    const auto clients = acls.clients(line, begin);
    if (!clients) {
      error(line, what + " on a condition",
            room_ == 0 ? "too many addresses in the rules of all services; left out"
                       : "only addresses of clients, and their rate, are known here; left out");
    } else if (!may_add) {
      error(line, what, "a list before it has accepted clients: it decides alone; left out");
    } else {
      add(line, *clients, rejects);
    }
  }

  void add(const Line& line, const Clients& clients, bool rejects) {
    place_ = line.place;
    if (clients.all || clients.negated) is_closed_ = true;
    if (!rejects) has_accepted_ = true;
    if (clients.all) {
      if (rejects) is_closed_for_others_ = true;
      return;
    }
    // All but these: what follows is for these.
    if (clients.negated && !rejects) {
      error(line, "accept, all but some", "the rules behind it are left out");
      return;
    }
    const bool allows = clients.negated || !rejects;
    if (clients.negated) is_closed_for_others_ = true;
    for (const Prefix& prefix : clients.prefixes) add(prefix, allows);
    for (const std::string& file : clients.files) {
      std::string& into = allows ? allow_file_ : deny_file_;
      if (!into.empty() && into != file) {
        error(line, file, "a service has one file of each kind: put them together");
      } else if (!file.starts_with('/')) {
        into = file;
        error(line, file, "write an absolute path");
      } else {
        into = file;
      }
    }
  }

  void add(const Prefix& prefix, bool allows) {
    // An earlier rule for a network that contains it has decided.
    for (int length = prefix.length; length >= 0; --length) {
      const Prefix outer{prefix.address.masked(static_cast<unsigned>(length)),
                         static_cast<std::uint8_t>(length)};
      if (known_.contains(key(outer))) return;
    }
    known_[key(prefix)] = allows;
    order_.push_back(prefix);
  }

  // Of `stick-table ... store conn_rate(10s)`.
  void limit(const Proxy& proxy, const Line& line, const Rate& rate) {
    std::optional<config::Milliseconds> period;
    for (const Line* const table : proxy.all("stick-table")) {
      for (const std::string& word : table->words) {
        const std::size_t at = word.find("conn_rate(");
        if (at == std::string::npos || (at > 0 && word[at - 1] != ',')) continue;
        const std::size_t begin = at + std::string_view("conn_rate(").size();
        period = duration(word.substr(begin, word.find(')', begin) - begin));
      }
    }
    if (!period || period->count() < 1) {
      error(line, "conn_rate", "there is no stick-table of the section with its period; left out");
      return;
    }
    const double per_second =
        static_cast<double>(rate.most) * 1000.0 / static_cast<double>(period->count());
    const auto rounded = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::min(per_second + 0.999, 10'000'000.0)), 1, 10'000'000);
    // Of several rules each rejects: the one that admits least.
    if (least_ != 0 && least_ <= rounded) return;
    least_ = rounded;
    Table& limits = service_.table("limits", line.place);
    limits.number("new_per_second_per_client", rounded, line.place);
    const auto burst = std::clamp<config::Milliseconds>(*period, config::Milliseconds(100),
                                                        config::Milliseconds(3'600'000));
    limits.remove("burst");
    if (burst.count() != 1000) limits.duration("burst", burst, line.place);
  }

  Context& context_;
  Table& service_;
  std::size_t& room_;
  std::int64_t least_ = 0;               // new connections per second of a client; 0: no limit yet
  std::map<std::uint64_t, bool> known_;  // whether it may
  std::vector<Prefix> order_;
  std::string allow_file_;
  std::string deny_file_;
  bool is_closed_ = false;             // the present list has decided about everybody
  bool is_closed_for_others_ = false;  // who is in no list may not
  bool has_accepted_ = false;
  Place place_;
};

}  // namespace

void access(Context& context, Table& service, const Balanced& balanced, const Proxy& from,
            std::size_t& room) {
  const Proxy& backend = balanced.backend;
  static constexpr const char* kOfFrontend[] = {"tcp-request connection", "tcp-request session",
                                                "tcp-request content", "http-request"};
  static constexpr const char* kOfBackend[] = {"tcp-request content", "http-request"};
  Access access(context, service, room);
  access.read(from, kOfFrontend);
  if (&backend != &from) access.read(backend, kOfBackend);
  access.write();
}

}  // namespace lb::importer::haproxy
