#include "config/import/ldirectord.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "config/import/importer.h"
#include "config/import/ldirectord_check.h"
#include "config/import/ldirectord_file.h"

namespace lb::importer {
namespace ldirectord {
namespace {

constexpr std::uint32_t kMostInRange = 1024;
constexpr auto kSchedulers = std::to_array<std::string_view>(
    {"rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "mh", "dh", "fo", "ovf"});

struct NamedPort {
  std::string_view name;
  std::uint16_t port;
};
constexpr auto kPorts = std::to_array<NamedPort>(
    {{"ftp", 21},          {"ssh", 22},      {"smtp", 25},        {"domain", 53},  {"http", 80},
     {"www", 80},          {"pop3", 110},    {"nntp", 119},       {"imap", 143},   {"imap2", 143},
     {"ldap", 389},        {"https", 443},   {"submission", 587}, {"ldaps", 636},  {"imaps", 993},
     {"pop3s", 995},       {"oracle", 1521}, {"radius", 1812},    {"squid", 3128}, {"mysql", 3306},
     {"postgresql", 5432}, {"sip", 5060},    {"http-alt", 8080}});

class Director {
 public:
  Director(Context& context, const Settings& settings) : context_(context), settings_(settings) {}

  void read() {
    if (const Value* const reload = global("autoreload");
        reload != nullptr && reload->text == "yes") {
      context_.draft.director().boolean("auto_reload", true, reload->place);
    }
    mail(settings_.global);
    for (const Virtual& each : settings_.virtuals) read_virtual(each);
  }

 private:
  struct Real {
    std::string address;  // with its port
    std::string method;
    std::int64_t weight = 1;
    std::vector<std::string> pair;  // request, receive
    std::string limits;
    Place place;
  };

  const Value* global(const std::string& key) const {
    const auto at = settings_.global.find(key);
    return at == settings_.global.end() ? nullptr : &at->second;
  }
  const Value* value(const Virtual& of, const std::string& key) const {
    return settings_.value(of, key);
  }
  std::string text(const Virtual& of, const std::string& key, const std::string& otherwise) const {
    return settings_.text(of, key, otherwise);
  }

  void error(const Place& place, std::string keyword, std::string there, std::string here) {
    context_.note(Severity::kError, place, std::move(keyword), std::move(there), std::move(here));
  }

  // The port's number; 0: none, which is noted.
  std::uint16_t port(const std::string& word, const Place& place) {
    for (const NamedPort& each : kPorts) {
      if (each.name == word) return each.port;
    }
    const auto parsed = number(word);
    if (parsed && *parsed >= 1 && *parsed <= 65'535) return static_cast<std::uint16_t>(*parsed);
    error(place, word, {}, "no port from 1 to 65535, and no name of one that is known here");
    return 0;
  }

  // 0: every port.
  std::optional<std::uint16_t> port_or_all(const std::string& word, const Place& place) {
    if (word == "0") return std::uint16_t{0};
    const std::uint16_t one = port(word, place);
    return one == 0 ? std::nullopt : std::optional(one);
  }

  std::optional<Address> ip(const std::string& word, const Place& place) {
    const auto parsed = Address::parse(word);
    if (!parsed) {
      error(place, word, {},
            "no IPv4 address (names are not looked up): " + parsed.error().message);
      return std::nullopt;
    }
    if (parsed->is_ipv4()) return *parsed;
    error(place, word, {}, "IPv6 is not forwarded yet; left out");
    return std::nullopt;
  }

  void read_virtual(const Virtual& from) {
    const Place& place = from.address.place;
    const std::size_t colon = from.address.text.rfind(':');
    if (colon == std::string::npos) {
      error(place, "virtual", from.address.text,
            "firewall marks are not known: write a service with `addresses` of what is marked; "
            "left out");
      return;
    }
    const auto vip = ip(from.address.text.substr(0, colon), place);
    const auto vport = port_or_all(from.address.text.substr(colon + 1), place);
    if (!vip || !vport) return;
    write_virtual(from, *vip, *vport);
  }

  void write_virtual(const Virtual& from, const Address& vip, std::uint16_t vport) {
    const Place& place = from.address.place;
    const std::string protocol = text(from, "protocol", vport == 53 ? "udp" : "tcp");
    if (protocol != "tcp" && protocol != "udp") {
      error(place, "protocol", protocol, "tcp and udp are forwarded; left out");
      return;
    }
    std::vector<Real> reals;
    for (const Value& each : from.reals) read_real(each, vport, reals);
    std::string mode = "nat";
    if (!reals.empty()) mode = reals.front().method == "gate" ? "dr" : "nat";

    Table& service = context_.draft.add_service(place);
    const std::string endpoint = Endpoint{vip, vport}.to_string();
    service.text("name", context_.service_name(endpoint + (protocol == "udp" ? "/udp" : "")));
    if (vport == 0) {
      all_ports(service, endpoint, place);
    } else {
      service.text("address", endpoint);
    }
    if (protocol == "udp") service.text("protocol", "udp");
    if (mode == "dr") service.text("mode", "dr");
    scheduling(service, from);
    if (value(from, "quiescent") == nullptr) {
      context_.note(Severity::kInfo, place, "quiescent",
                    "not set: no in newer releases, yes in older ones",
                    "no: TCP clients of a server that is down are reset; write on_server_down = "
                    "\"quiesce\" for yes");
    } else if (text(from, "quiescent", "no") == "yes") {
      service.text("on_server_down", "quiesce", value(from, "quiescent")->place);
    }
    if (protocol == "udp" && text(from, "ops", "no") == "yes") service.boolean("one_packet", true);
    fallback(service, from, mode, vport);
    command(service, from, endpoint, protocol);
    mail(from.values);
    real_servers(service, from, reals, mode, vport, protocol == "udp");
  }

  void all_ports(Table& service, const std::string& vip, const Place& place) {
    service.texts("addresses", {vip + ":*"});
    context_.note(Severity::kWarning, place, "virtual", vip + ":0 takes every port of the address",
                  "\"*\" takes them all likewise; nothing of the director itself can be reached at "
                  "this address; a list of ports is better if you know them");
  }

  void scheduling(Table& service, const Virtual& from) {
    if (const Value* const scheduler = value(from, "scheduler");
        scheduler != nullptr && scheduler->text != "wrr") {
      const bool known =
          std::find(kSchedulers.begin(), kSchedulers.end(), scheduler->text) != kSchedulers.end();
      if (!known) {
        context_.note(Severity::kWarning, scheduler->place, "scheduler", scheduler->text,
                      "there is no such scheduler (docs/schedulers.md): \"wlc\" is used");
      }
      service.text("scheduler", known ? scheduler->text : "wlc", scheduler->place);
    }
    const Value* const persistent = value(from, "persistent");
    if (persistent == nullptr) return;
    const auto seconds = number(persistent->text);
    if (!seconds || *seconds < 1 || *seconds > 604'800) {
      error(persistent->place, "persistent", persistent->text,
            "no number of seconds up to a week; left out");
      return;
    }
    service.duration("persistence", std::chrono::seconds(*seconds), persistent->place);
    const Value* const mask = value(from, "netmask");
    if (mask == nullptr || mask->text == "255.255.255.255") return;
    const auto parsed = Ipv4Address::parse(mask->text);
    const std::uint32_t bits = parsed ? parsed->host() : 0;
    const int length = std::countl_one(bits);
    if (!parsed || length == 0 || (length < 32 && bits << length != 0)) {
      error(mask->place, "netmask", mask->text, "no netmask, as 255.255.255.0; left out");
    } else {
      service.number("persistence_prefix", length, mask->place);
    }
  }

  void fallback(Table& service, const Virtual& from, const std::string& mode, std::uint16_t vport) {
    const Value* const found = value(from, "fallback");
    if (found == nullptr) return;
    const std::vector<std::string> parts = words(found->text);
    if (parts.empty()) return;
    const std::size_t colon = parts[0].rfind(':');
    const auto server = ip(parts[0].substr(0, colon), found->place);
    const auto server_port = colon == std::string::npos
                                 ? std::optional(vport)
                                 : port_or_all(parts[0].substr(colon + 1), found->place);
    if (!server || !server_port) return;
    const bool local = server->to_string().starts_with("127.");
    if (local && *server_port != vport) {
      error(found->place, "fallback", parts[0],
            vport == 0
                ? "a sorry server on the director listens on the service's ports, which are "
                  "all; left out"
                : fmt::format(
                      "a sorry server on the director listens on the service's port, {}, of all "
                      "addresses; left out",
                      vport));
      return;
    }
    Table& sorry = service.table("sorry_server", found->place);
    sorry.text("address", Endpoint{*server, vport == 0 ? vport : *server_port}.to_string());
    const std::string method = parts.size() > 1 ? parts[1] : std::string();
    if (local) {
      sorry.comment_on("address",
                       "on the director: it must listen on all addresses, or on the VIP");
    } else if (method == "gate" || method == "masq") {
      const std::string own = method == "gate" ? "dr" : "nat";
      if (own != mode) sorry.text("mode", own);
    } else if (method == "ipip") {
      error(found->place, "fallback", method,
            "tunnels are not supported yet: the service's mode is used");
    }
  }

  void command(Table& service, const Virtual& from, const std::string& endpoint,
               const std::string& protocol) {
    const Value* const found = value(from, "fallbackcommand");
    if (found == nullptr) return;
    for (const auto& [key, word] : {std::pair{"quorum_down", "start"}, {"quorum_up", "stop"}}) {
      std::vector<std::string> line = words(found->text);
      line.insert(line.end(), {word, endpoint, protocol});
      service.texts(key, line, found->place);
    }
  }

  void mail(const std::map<std::string, Value>& values) {
    const auto alert = values.find("emailalert");
    if (alert == values.end()) return;
    std::vector<std::string> to;
    for (std::size_t begin = 0; begin <= alert->second.text.size();) {
      const std::size_t end =
          std::min(alert->second.text.find(',', begin), alert->second.text.size());
      to.push_back(trimmed(std::string_view(alert->second.text).substr(begin, end - begin)));
      begin = end + 1;
    }
    const auto from = values.find("emailalertfrom");
    add_mail(context_, to, from == values.end() ? std::string() : from->second.text,
             alert->second.place);
    const auto smtp = values.find("smtp");
    if (smtp == values.end()) return;
    context_.draft.alert().table("mail").text("server", smtp->second.text + ":25",
                                              smtp->second.place);
  }

  // "ADDRESS[->ADDRESS][:PORT] METHOD [WEIGHT] ["REQUEST", "RECEIVE"]"
  void read_real(const Value& from, std::uint16_t vport, std::vector<Real>& reals) {
    const std::vector<std::string> parts = words(from.text);
    if (parts.size() < 2) {
      error(from.place, "real", from.text, "write ADDRESS:PORT METHOD; left out");
      return;
    }
    Real real;
    real.place = from.place;
    real.method = parts[1];
    if (real.method != "gate" && real.method != "masq") {
      error(from.place, "real", real.method,
            real.method == "ipip" ? "tunnels are not supported yet; left out"
                                  : "the method is gate, masq or ipip; left out");
      return;
    }
    std::size_t next = 2;
    if (next < parts.size()) {
      if (const auto weight = number(parts[next])) {
        real.weight = *weight;
        ++next;
      }
    }
    for (; next < parts.size(); ++next) {
      if (parts[next].find(':') != std::string::npos &&
          number(parts[next].substr(0, parts[next].find(':')))) {
        real.limits = parts[next];
      } else if (parts[next] != ",") {
        real.pair.push_back(parts[next]);
      }
    }
    const std::size_t colon = parts[0].rfind(':');
    const std::string addresses = parts[0].substr(0, colon);
    const auto own_port = colon == std::string::npos
                              ? std::optional(vport)
                              : port_or_all(parts[0].substr(colon + 1), from.place);
    if (!own_port) return;
    const std::size_t arrow = addresses.find("->");
    const auto first = ip(addresses.substr(0, arrow), from.place);
    const auto last =
        arrow == std::string::npos ? first : ip(addresses.substr(arrow + 2), from.place);
    if (!first || !last) return;
    if (first->to_string().starts_with("127.")) {
      error(from.place, "real", parts[0],
            "a real server on the director is not possible, only a sorry server; left out");
      return;
    }
    const std::uint32_t begin = first->to_ipv4()->host();
    const std::uint32_t end = last->to_ipv4()->host();
    if (end < begin || end - begin >= kMostInRange) {
      error(from.place, "real", parts[0],
            fmt::format("no range of at most {} addresses; left out", kMostInRange));
      return;
    }
    // There a server of gate always has the service's port.
    std::uint16_t used = real.method == "gate" || *own_port == 0 ? vport : *own_port;
    if (vport == 0 && used != 0) {
      error(from.place, "real", parts[0] + ": a port, though the service has all ports",
            "without the port, as IPVS uses it");
      used = 0;
    }
    for (std::uint32_t i = begin; i <= end; ++i) {
      real.address = Endpoint{Ipv4Address::from_host(i), used}.to_string();
      reals.push_back(real);
      if (i == end) break;
    }
  }

  void real_servers(Table& service, const Virtual& from, const std::vector<Real>& reals,
                    const std::string& mode, std::uint16_t vport, bool udp) {
    if (reals.empty()) {
      context_.note(Severity::kWarning, from.address.place, "virtual", "it has no real server",
                    "write at least one");
    }
    const std::string type = text(from, "checktype", "negotiate");
    const CheckedService checked{settings_, from, vport, udp};
    read_check(context_, service.table("check", from.address.place), checked,
               {text(from, "request", ""), text(from, "receive", "")});
    for (const Real& real : reals) {
      if ((real.method == "gate" ? "dr" : "nat") != mode) {
        error(real.place, "real", real.method,
              "all real servers of a service have one mode, the first one's; left out");
        continue;
      }
      Table& server = service.add("real_server", real.place);
      server.text("address", real.address);
      if (type == "off") {
        server.number("weight", 0).comment_on("weight", "checktype = off: no server is used");
      } else if (real.weight != 1) {
        server.number("weight", real.weight);
      }
      if (!real.limits.empty()) limits(server, real);
      if (real.pair.empty()) continue;
      read_check(context_, server.table("check", real.place), checked,
                 {real.pair[0], real.pair.size() > 1 ? real.pair[1] : text(from, "receive", "")});
    }
  }

  // "LOWER:UPPER"
  void limits(Table& server, const Real& real) {
    const std::size_t colon = real.limits.find(':');
    const auto lower = number(real.limits.substr(0, colon));
    const auto upper = number(real.limits.substr(colon + 1));
    if (upper && *upper > 0) server.number("max_connections", *upper);
    if (lower && *lower > 0) server.number("resume_connections", *lower);
  }

  Context& context_;
  const Settings& settings_;
};

}  // namespace
void add_mail(Context& context, const std::vector<std::string>& to, const std::string& from,
              const Place& place) {
  Table& mail = context.draft.alert().table("mail", place);
  if (mail.value("server").empty()) mail.text("server", "127.0.0.1:25").text("tls", "none");
  if (!from.empty()) {
    mail.text("from", from);
  } else if (mail.value("from").empty()) {
    mail.text("from", "root@localhost").comment_on("from", "there: root of the host");
  }
  std::vector<std::string> all;
  for (const std::string& each : words(std::string(mail.value("to")))) {
    if (each != "[" && each != "]") all.push_back(each);
  }
  for (const std::string& each : to) {
    if (!each.empty() && std::find(all.begin(), all.end(), each) == all.end()) all.push_back(each);
  }
  mail.texts("to", all, place);
}

void read(Context& context, const std::vector<File>& files) {
  for (const File& file : files) {
    const Settings settings = read_settings(context, file);
    Director(context, settings).read();
  }
}

}  // namespace ldirectord

Result<std::vector<Node>> import_ldirectord(const std::vector<File>& files,
                                            const Options& options) {
  std::vector<Node> nodes;
  nodes.push_back({files.front().path, Context(options, ldirectord_keywords())});
  Context& context = nodes.back().context;
  ldirectord::read(context, files);
  bool nat = false;
  bool any = false;
  for (const Table& table : context.draft.root().tables()) {
    if (table.path() != "service") continue;
    any = true;
    nat = nat || table.value("mode").empty();
  }
  if (!any && context.notes.empty()) {
    return fail(files.front().path + ": no ldirectord.cf: there is no virtual");
  }
  context.default_port(0, {});
  if (nat) context.default_port(1, {});
  context.finish({}, {});
  return nodes;
}

}  // namespace lb::importer