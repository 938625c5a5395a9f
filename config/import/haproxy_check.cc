// How the servers of a backend are checked.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/haproxy.h"
#include "config/import/haproxy_check.h"
#include "config/placeholder.h"

namespace lb::importer::haproxy {
namespace {

using config::Milliseconds;

constexpr Milliseconds kInterval(2000);
constexpr auto kCheckKinds = std::to_array<std::string_view>(
    {"option httpchk", "option tcp-check", "option ssl-hello-chk", "option smtpchk",
     "option mysql-check", "option pgsql-check", "option redis-check", "option ldap-check",
     "option spop-check", "option external-check"});
// Those that speak TLS when a server's check does.
constexpr auto kMayBeTls =
    std::to_array<std::string_view>({"tcp", "http", "send_expect", "smtp", "redis", "ldap"});

// What differs from server to server.
struct OwnCheck {
  std::string address;  // empty: the real server's
  std::int64_t port = 0;
  Milliseconds interval = kInterval;
  std::int64_t rise = 2;
  std::int64_t fall = 3;
  bool is_checked = false;
  bool tls = false;
  bool verify = false;
  std::string name;  // in the certificate, and SNI
  std::string ca_file;
  Place place;

  bool same_as(const OwnCheck& o) const {
    return address == o.address && port == o.port && interval == o.interval && rise == o.rise &&
           fall == o.fall && is_checked == o.is_checked && tls == o.tls && verify == o.verify &&
           name == o.name && ca_file == o.ca_file;
  }
};

}  // namespace

class Check::Impl {
 public:
  Impl(Context& context, const Configuration& configuration, const Proxy& backend)
      : context_(context), configuration_(configuration), backend_(backend) {
    common_ = kind();
    times();
  }

  void set_client_port(std::uint16_t port, bool is_single) {
    client_port_ = port;
    is_single_ = is_single;
  }

  void write(Table& service, const Server* server) {
    if (server == nullptr) {
      common_own_ = OwnCheck{};
      service.table("check", backend_.place())
          .text("type", "none")
          .comment_on("type", "there: no server has a check");
      context_.note(Severity::kWarning, backend_.place(), "check", "no server has it",
                    "none is checked; without type = \"none\" a check connects to each");
      return;
    }
    common_own_ = own(*server);
    write(service, common_own_);
  }

  void write_own(Table& real_server, const Server& server) {
    const OwnCheck each = own(server);
    if (each.same_as(common_own_)) return;
    write(real_server, each);
  }

 private:
  // What is asked, of all servers.
  Table kind() {
    kind_ = backend_.last_of(kCheckKinds);
    Table table("check", false, kind_ != nullptr ? kind_->place : Place{});
    if (kind_ == nullptr) {
      table.text("type", "tcp");
      return table;
    }
    const std::string keyword = keyword_of(*kind_);
    if (keyword == "option httpchk") {
      http_check(context_, backend_, *kind_, table);
    } else if (keyword == "option tcp-check") {
      tcp_check(context_, backend_, *kind_, table);
    } else if (keyword == "option ssl-hello-chk") {
      ssl_hello_check(table);
    } else if (keyword == "option external-check") {
      external(table);
    } else {
      protocol(keyword, table);
    }
    return table;
  }

  void protocol(const std::string& keyword, Table& table) {
    const Line& line = *kind_;
    const std::string name = keyword.substr(7, keyword.find('-') - 7);
    table.text("type", keyword == "option smtpchk" ? "smtp" : name == "spop" ? "tcp" : name);
    if (keyword == "option smtpchk" && line.words.size() > 2) {
      context_.note(Severity::kInfo, line.place, "smtpchk", line.word(2) + ' ' + line.word(3),
                    "EHLO localhost is sent");
    }
    if (name != "mysql" && name != "pgsql") return;
    if (line.word(2) == "user" && !line.word(3).empty()) {
      table.text("username", line.word(3), line.place);
    }
  }

  void external(Table& table) {
    const Line* const command = backend_.last("external-check command");
    table.text("type", "script");
    if (command == nullptr || command->word(2).empty()) {
      context_.note(Severity::kError, kind_->place, "external-check",
                    "there is no external-check command", "fill in the program");
      table.fill_in_list("command", "the program that checks");
      return;
    }
    const std::string path = command->word(2);
    if (path.find_first_of(" \t'\"\\$`;&|<>()*?[]#~\n") != std::string::npos) {
      context_.note(Severity::kError, command->place, "external-check command", path,
                    "a path with characters of the shell: \"tcp\" is used");
      table.text("type", "tcp");
      return;
    }
    // With the four arguments that it has there.
    table.texts("command",
                {"/bin/sh", "-c",
                 fmt::format("exec {} \"$BALLAST_VIP\" \"$BALLAST_VIP_PORT\" \"$BALLAST_RS\" "
                             "\"$BALLAST_RS_PORT\"",
                             path)},
                command->place);
  }

  void times() {
    if (const Line* const line = backend_.last("timeout check")) {
      timeout_ = duration(line->word(2));
    }
    if (const Line* const line = backend_.last("timeout connect")) {
      connect_ = duration(line->word(2));
    }
  }

  void bad(const Server& server, std::string_view option, std::string here) {
    context_.note(Severity::kError, server.option(option)->place, std::string(option),
                  server.option(option)->value, std::move(here));
  }

  std::int64_t count(const Server& server, std::string_view option, std::int64_t standard) {
    const Option* const found = server.option(option);
    if (found == nullptr) return standard;
    const auto parsed = number(found->value);
    if (parsed && *parsed >= 1 && *parsed <= 1000) return *parsed;
    bad(server, option, fmt::format("no number from 1 to 1000: {} is used", standard));
    return standard;
  }

  OwnCheck own(const Server& server) {
    OwnCheck check;
    check.place = server.place;
    const Server* asked = &server;
    const Proxy* proxy = &backend_;
    if (server.has("track")) tracked(proxy, asked);
    check.is_checked = asked->has("check") && !asked->has("no-check");
    if (!check.is_checked) return check;
    check.place = asked->option("check")->place;
    if (const Option* const inter = asked->option("inter")) {
      const auto parsed = duration(inter->value);
      if (parsed) {
        check.interval = std::clamp(*parsed, Milliseconds(100), Milliseconds(3'600'000));
      }
      if (!parsed || *parsed != check.interval) {
        bad(*asked, "inter",
            fmt::format("no time from 100 ms to 1 hour: {} ms is used", check.interval.count()));
      }
    }
    check.rise = count(*asked, "rise", 2);
    check.fall = count(*asked, "fall", 3);
    address(*asked, server, check);
    tls(*asked, check);
    return check;
  }

  // Follows "track PROXY/SERVER" to the server that is checked.
  void tracked(const Proxy*& proxy, const Server*& server) {
    for (int i = 0; i < 16; ++i) {
      const Option* const track = server->option("track");
      if (track == nullptr) return;
      const std::size_t slash = track->value.find('/');
      if (slash != std::string::npos) {
        const auto at = configuration_.backends.find(track->value.substr(0, slash));
        proxy = at == configuration_.backends.end() ? nullptr : at->second;
      }
      const std::string name =
          slash == std::string::npos ? track->value : track->value.substr(slash + 1);
      const Server* const found = find_server(proxy, name);
      if (found == nullptr) {
        context_.note(Severity::kError, track->place, "track", track->value,
                      "there is no such server: not checked");
        return;
      }
      if (proxy != &backend_ && proxy->last_of(kCheckKinds) != kind_) {
        context_.note(Severity::kWarning, track->place, "track", track->value,
                      fmt::format("asked at the port of that server, as the servers of {} are",
                                  backend_.name()));
      }
      server = found;
    }
  }

  const Server* find_server(const Proxy* proxy, const std::string& name) {
    if (proxy == nullptr) return nullptr;
    auto& index = by_name_[proxy];
    if (index.empty()) {
      const auto at = configuration_.servers.find(proxy);
      if (at == configuration_.servers.end()) return nullptr;
      for (const Server& each : at->second) index.emplace(each.name, &each);
    }
    const auto at = index.find(name);
    return at == index.end() ? nullptr : at->second;
  }

  void address(const Server& asked, const Server& server, OwnCheck& check) {
    if (&asked != &server && asked.address && asked.address != server.address) {
      check.address = asked.address->to_string();
    }
    if (const Option* const addr = asked.option("addr")) {
      if (const auto parsed = Address::parse(addr->value)) {
        if (!asked.address || *parsed != *asked.address || !check.address.empty()) {
          check.address = parsed->to_string();
        }
      } else {
        bad(asked, "addr", "no address: the server's is asked");
      }
    }
    if (&asked != &server && asked.port != server.port) check.port = asked.port;
    if (const Option* const port = asked.option("port")) {
      const auto parsed = number(port->value);
      if (parsed && *parsed >= 1 && *parsed <= 65'535) {
        check.port = *parsed;
      } else {
        bad(asked, "port", "no port from 1 to 65535: the server's is asked");
      }
    }
    if (const Line* const connect = check_connect(backend_)) {
      if (const auto parsed = number(value_behind(*connect, "port"));
          parsed && *parsed >= 1 && *parsed <= 65'535) {
        check.port = *parsed;
      }
    }
    // With a distance from a single port the real server has one.
    if (check.port == 0 && server.port == 0 && !(is_single_ && server.offset != 0)) {
      const std::int64_t port = client_port_ + server.offset;
      if (port >= 1 && port <= 65'535) check.port = port;
    }
  }

  void tls(const Server& asked, OwnCheck& check) {
    const bool elsewhere = asked.has("port") || asked.has("addr");
    check.tls = asked.has("check-ssl") || (asked.has("ssl") && !elsewhere);
    if (const Line* const line = check_connect(backend_);
        line != nullptr &&
        std::find(line->words.begin(), line->words.end(), "ssl") != line->words.end()) {
      check.tls = true;
      check.name = value_behind(*line, "sni");
    }
    if (!check.tls) return;
    const std::string type = common_.text_of("type");
    if (std::find(kMayBeTls.begin(), kMayBeTls.end(), type) == kMayBeTls.end()) {
      context_.note(Severity::kWarning, asked.place, "ssl", "the check is within TLS",
                    fmt::format("a check of type \"{}\" is not", type));
      check.tls = false;
      return;
    }
    if (type == "tcp") return;
    if (const Option* const name = asked.option("check-sni")) check.name = name->value;
    if (const Option* const name = asked.option("verifyhost")) check.name = name->value;
    const Option* const verify = asked.option("verify");
    const Option* const ca_file = asked.option("ca-file");
    check.verify = (verify == nullptr || verify->value != "none") && ca_file != nullptr;
    if (!check.verify) return;
    if (ca_file->value.starts_with('/')) {
      check.ca_file = ca_file->value;
    } else if (ca_file->value != "@system-ca") {
      bad(asked, "ca-file", "no absolute path: fill it in");
      check.ca_file = config::placeholder("the absolute path of " + ca_file->value);
    }
    if (check.name.empty() && common_.text_of("host").empty()) {
      context_.note(Severity::kWarning, asked.place, "verify",
                    "the certificate's name is not checked, its chain is",
                    "tls_verify needs tls_server_name: not verified");
      check.verify = false;
      check.ca_file.clear();
    }
  }

  void write(Table& parent, const OwnCheck& own) {
    if (!own.is_checked) {
      parent.table("check", own.place).text("type", "none");
      return;
    }
    Table& table = parent.put_table("check", common_);
    const std::string type = common_.text_of("type");
    if (own.tls) write_tls(table, type, own);
    const bool asks = type != "script";
    if (!own.address.empty() && asks) table.text("address", own.address);
    if (own.port != 0) table.number("port", own.port);
    if (own.interval != kInterval) table.duration("interval", own.interval);
    write_timeout(table, own.interval, asks);
    if (own.rise != 2) table.number("rise", own.rise);
    if (own.fall != 3) table.number("fall", own.fall);
  }

  void write_tls(Table& table, const std::string& type, const OwnCheck& own) {
    if (type == "tcp") {
      ssl_hello_check(table);
      return;
    }
    if (type == "http") {
      table.text("type", "https");
    } else {
      table.boolean("tls", true);
    }
    if (!own.name.empty()) table.text("tls_server_name", own.name);
    if (!own.verify) table.boolean("tls_verify", false);
    if (!own.ca_file.empty()) table.text("tls_ca_file", own.ca_file);
  }

  // There: `inter` for all, or with "timeout check" so long for the answer after the connection.
  void write_timeout(Table& table, Milliseconds interval, bool connects) {
    constexpr Milliseconds kLeast(10);
    constexpr Milliseconds kMost(3'600'000);
    if (!timeout_) {
      table.duration("timeout", std::clamp(interval, kLeast, kMost));
      return;
    }
    const Milliseconds connect =
        std::clamp(connect_ ? std::min(*connect_, interval) : interval, kLeast, kMost);
    const bool is_tcp = table.text_of("type") == "tcp";
    const Milliseconds whole = is_tcp ? connect : std::min(connect + *timeout_, kMost);
    table.duration("timeout", whole);
    if (connects && !is_tcp && connect < whole) table.duration("connect_timeout", connect);
  }

  Context& context_;
  const Configuration& configuration_;
  const Proxy& backend_;
  const Line* kind_ = nullptr;
  Table common_{"check", false, {}};
  OwnCheck common_own_;
  std::uint16_t client_port_ = 0;
  bool is_single_ = false;
  std::optional<Milliseconds> timeout_;
  std::optional<Milliseconds> connect_;
  std::map<const Proxy*, std::unordered_map<std::string, const Server*>> by_name_;
};

Check::Check(Context& context, const Configuration& configuration, const Proxy& backend)
    : impl_(std::make_unique<Impl>(context, configuration, backend)) {}
Check::~Check() = default;

void Check::set_client_port(std::uint16_t port, bool is_single) {
  impl_->set_client_port(port, is_single);
}

void Check::write(Table& service, const Server* server) {
  impl_->write(service, server);
}

void Check::write_own(Table& real_server, const Server& server) {
  impl_->write_own(real_server, server);
}

}  // namespace lb::importer::haproxy
