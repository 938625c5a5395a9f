#include "config/import/loxilb.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lb::importer {
namespace {

using nlohmann::json;

constexpr std::uint32_t kLoxilbWeek = 168 * 3600;

char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_lower(x) == to_lower(y); });
}

// Notes a syntax error with its place; the rest of the parser's events do nothing.
class JsonSyntax : public nlohmann::json_sax<json> {
 public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*elements*/) override { return true; }
  bool key(string_t& /*value*/) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t /*elements*/) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    at = position;
    return false;
  }
  std::size_t at = 0;  // bytes that were read, with the one that is wrong
};

// JSON with a mistake, and not another text.
bool is_broken(const File& file, const json& root) {
  const std::size_t first = file.text.find_first_not_of(" \t\r\n");
  return root.is_discarded() && first != std::string::npos &&
         (file.text[first] == '{' || file.text[first] == '[');
}

// "no JSON: syntax error in line 1, column 175"
std::string syntax_error(const std::string& text) {
  JsonSyntax syntax;
  json::sax_parse(text, &syntax);
  const std::size_t at = std::min(syntax.at == 0 ? 0 : syntax.at - 1, text.size());
  if (text.find_first_not_of(" \t\r\n", at) == std::string::npos) {
    return "no JSON: it ends before its brackets are closed";
  }
  const std::string_view before = std::string_view(text).substr(0, at);
  const std::size_t line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t begin = line == 0 ? 0 : before.rfind('\n') + 1;
  return fmt::format("no JSON: syntax error in line {}, column {}", line + 1, at - begin + 1);
}

// Null: it is not there, or no object has it.
const json* find_value(const json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  for (auto item = object.begin(); item != object.end(); ++item) {
    if (equal_but_for_case(item.key(), key)) return &item.value();
  }
  return nullptr;
}

std::string text_of(const json& object, std::string_view key) {
  const json* const value = find_value(object, key);
  return value != nullptr && value->is_string() ? value->get_ref<const std::string&>() : "";
}

bool is_true(const json& object, std::string_view key) {
  const json* const value = find_value(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

// What switches nothing on: null, false, 0, "", [].
bool is_nothing(const json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value == 0;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_null() || value.empty();
}

class LoxilbReader {
 public:
  LoxilbReader(std::string file, Context& context)
      : place_{std::move(file), 0}, context_(context) {}

  // The keys that are not the same here, those of the origin that are not known, and the hosts' checks.
  void read_hosts(const json& root) {
    keys("file", root);
    const json* const hosts = find_value(root, "Attr");
    if (hosts == nullptr || !hosts->is_array()) return;
    for (const json& host : *hosts) {
      keys("Attr", host);
      subject_ = "endpoint " + text_of(host, "hostName");
      std::string name = text_of(host, "hostName");
      name.resize(std::min(name.find('/'), name.size()));
      LoxilbProbe probe{text_of(host, "probeType"),          number(host, "probePort", 65535),
                        text_of(host, "probeReq"),           text_of(host, "probeResp"),
                        number(host, "probeDuration", 3600), number(host, "inactiveReTries", 1000)};
      if (!name.empty() && !probe.type.empty()) hosts_[name] = std::move(probe);
    }
  }

  void read_rules(const json& rules) {
    const json none;
    for (const json& rule : rules) {
      keys("lbAttr", rule);
      const json* const service = find_value(rule, "serviceArguments");
      const json* const servers = find_value(rule, "endpoints");
      subject_ = "a rule";
      if (service == nullptr || !service->is_object()) {
        error("serviceArguments", "missing", "left out");
        continue;
      }
      keys("serviceArguments", *service);
      read_rule(rule, *service, servers == nullptr ? none : *servers);
    }
  }

 private:
  void error(std::string_view key, std::string there, std::string here) {
    note(Severity::kError, key, std::move(there), std::move(here));
  }
  void note(Severity severity, std::string_view key, std::string there, std::string here) {
    context_.note(severity, place_, fmt::format("{}: {}", subject_, key), std::move(there),
                  std::move(here));
  }

  // A note for each key that is not the same here and has a value: one for the whole file.
  void keys(std::string_view block, const json& object) {
    if (!object.is_object()) return;
    for (auto item = object.begin(); item != object.end(); ++item) {
      const Keyword* const known = find_loxilb_keyword(block, item.key());
      if (known != nullptr && is_nothing(item.value())) continue;
      context_.keyword(block, known == nullptr ? item.key() : known->name, place_);
    }
  }

  // 0 without the key; an error if it is no number up to `most`.
  std::uint32_t number(const json& object, std::string_view key, std::uint32_t most) {
    const json* const value = find_value(object, key);
    if (value == nullptr || value->is_null()) return 0;
    if (value->is_number_unsigned() && value->get<std::uint64_t>() <= most) {
      return static_cast<std::uint32_t>(value->get<std::uint64_t>());
    }
    error(key, fmt::format("no number from 0 to {}", most), "left out");
    return 0;
  }

  void read_rule(const json& rule, const json& service, const json& servers) {
    std::string protocol = text_of(service, "protocol");
    std::transform(protocol.begin(), protocol.end(), protocol.begin(), to_lower);
    const std::uint32_t port = number(service, "port", 65535);
    const auto vip = Address::parse(text_of(service, "externalIP"));
    subject_ = fmt::format("{} {}:{}", protocol, text_of(service, "externalIP"), port);
    if (!vip || vip->is_ipv6()) {
      return error("externalIP", "no IPv4 address", "left out: services have IPv4 addresses");
    }
    if (protocol != "tcp" && protocol != "udp") {
      return error("protocol", protocol, "left out: only TCP and UDP are balanced");
    }
    const std::uint32_t mode = number(service, "mode", 5);
    if (mode == 4 || number(service, "security", 2) != 0 || number(service, "lbsec", 2) != 0) {
      return error(
          "mode", "a proxy, which ends the clients' connections",
          "left out: a proxy of its own behind a service does that (docs/local-services.md)");
    }
    if (is_true(service, "snat") || is_true(service, "egress")) {
      return error("snat", "outgoing connections",
                   "left out: the director's kernel can masquerade them (docs/nat-and-dr.md)");
    }
    if (!servers.is_array() || servers.empty()) return error("endpoints", "none", "left out");
    Table& table = context_.draft.add_service(place_);
    const std::string name = text_of(service, "name");
    table.text("name", context_.service_name(
                           name.empty() ? fmt::format("{}:{}/{}", vip->to_string(), port, protocol)
                                        : name));
    udp_ = protocol == "udp";
    first_port_ = port;
    last_port_ = std::max(port, number(service, "portMax", 65535));
    dr_ = mode == 3;
    set_addresses(rule, *vip, table);
    table.text("port", context_.default_port(0, place_));
    if (udp_) table.text("protocol", "udp");
    if (!dr_) context_.default_port(1, place_);
    set_mode(mode, is_true(service, "fullNat"), table);
    set_scheduler(service, table);
    list_sources(rule, table);
    if (const std::uint32_t seconds = number(service, "inactiveTimeOut", kLoxilbWeek);
        seconds != 0) {
      table.table("timeouts").duration(udp_ ? "udp" : "tcp_established", milliseconds(seconds));
    }
    const LoxilbProbe probe{
        text_of(service, "probetype"),         number(service, "probeport", 65535),
        text_of(service, "probereq"),          text_of(service, "proberesp"),
        number(service, "probeTimeout", 3600), number(service, "probeRetries", 1000)};
    write_loxilb_check(probe, check_of(), table, context_);
    if (is_true(service, "proxyprotocolv2")) {
      error("proxyprotocolv2", "the servers get a header with the client's address",
            "left out: they see the client's address itself; configure them to expect no header");
    }
    if (const std::string address = text_of(service, "privateIP"); !address.empty()) {
      error("privateIP " + address, "the VIP behind a cloud's address translation",
            "left out: write it as the service's address if packets arrive with it");
    }
    if (probe.type.empty() && !is_true(service, "monitor")) {
      context_.note(
          Severity::kWarning, place_, "monitor", "without it every endpoint counts as up",
          "services get a check that connects, those of UDP a ping; [service.check] type = "
          "\"none\" is without");
    }
    for (const json& server : servers) write_server(server, probe.type.empty(), table);
  }

  LoxilbChecked check_of() const {
    return {udp_ || first_port_ == 0, last_port_ > first_port_ ? first_port_ : 0, subject_, place_};
  }

  static config::Milliseconds milliseconds(std::uint32_t seconds) {
    return config::Milliseconds{std::int64_t{seconds} * 1000};
  }

  void set_addresses(const json& rule, const Address& vip, Table& table) {
    std::vector<std::string> addresses;
    const auto add = [&](const Address& address) {
      std::string text = fmt::format("{}:{}", address.to_string(), first_port_);
      if (first_port_ == 0) text = address.to_string() + ":*";
      if (last_port_ > first_port_) text += fmt::format("-{}", last_port_);
      addresses.push_back(std::move(text));
    };
    add(vip);
    if (const json* const more = find_value(rule, "secondaryIPs"); more && more->is_array()) {
      for (const json& each : *more) {
        keys("secondaryIPs", each);
        const auto address = Address::parse(text_of(each, "secondaryIP"));
        if (address && address->is_ipv4()) {
          add(*address);
        } else {
          error("secondaryIP", "no IPv4 address", "left out");
        }
      }
    }
    if (addresses.size() == 1 && first_port_ != 0 && last_port_ == first_port_) {
      table.text("address", addresses.front());
    } else {
      table.texts("addresses", addresses);
    }
  }

  void set_mode(std::uint32_t mode, bool full_nat, Table& table) {
    if (dr_) {
      table.text("mode", "dr");
    } else if (mode != 0 || full_nat) {
      error(
          "mode", "the servers see an address of loxilb in the place of the client's",
          "to be filled in, because FULLNAT is not here: \"nat\" with the director as the servers' "
          "default gateway, or \"dr\" with the VIP on their loopback interface");
      table.fill_in(
          "mode",
          "\"nat\" (the director is the servers' default gateway) or \"dr\" (they have the "
          "VIP): FULLNAT is not here");
    }
  }

  void set_scheduler(const json& service, Table& table) {
    const std::uint32_t sel = number(service, "sel", 10);
    constexpr std::array<std::string_view, 5> kNames = {"rr", "rr", "wrr", "rr", "lc"};
    if (sel == 1) {
      note(Severity::kWarning, "sel hash", "by a hash of addresses and ports",
           "rr: likewise without regard to load, connection by connection");
    } else if (sel >= kNames.size()) {
      error(fmt::format("sel {}", sel), "by what is inside of the packets or of the servers",
            "wrr: correct it");
    }
    const std::string_view name = sel < kNames.size() ? kNames.at(sel) : "wrr";
    if (name != "wrr") table.text("scheduler", name);
    by_weight_ = name == "wrr";
    if (sel != 3) return;
    std::uint32_t seconds = number(service, "persistTimeout", kLoxilbWeek);
    if (seconds == 0) {
      seconds = 3 * 3600;
      note(Severity::kWarning, "persistTimeout", "not said", "3h: correct it");
    }
    table.duration("persistence", milliseconds(seconds));
  }

  void list_sources(const json& rule, Table& table) {
    const json* const sources = find_value(rule, "allowedSources");
    if (sources == nullptr || !sources->is_array()) return;
    std::vector<std::string> allow;
    for (const json& source : *sources) {
      keys("allowedSources", source);
      const std::string text = text_of(source, "prefix");
      const auto prefix = Prefix::parse(text.find('/') == std::string::npos ? text + "/32" : text);
      if (prefix && prefix->address.is_ipv4()) {
        allow.push_back(prefix->masked().to_string());
      } else {
        error("allowedSources " + text, "no IPv4 prefix", "left out");
      }
    }
    if (!allow.empty()) table.texts("allow", allow);
  }

  void write_server(const json& server, bool by_host, Table& service) {
    keys("endpoints", server);
    const std::string text = text_of(server, "endpointIP");
    const auto address = Address::parse(text);
    if (!address || address->is_ipv6()) {
      return error("endpointIP " + text, "no IPv4 address", "left out");
    }
    std::uint32_t port = number(server, "targetPort", 65535);
    const bool same = port == 0 || port == first_port_;
    if (dr_ && !same) {
      note(Severity::kWarning, fmt::format("targetPort {}", port), "not changed by DSR",
           "the service's port");
    }
    if (dr_ || port == 0) port = first_port_;
    if (last_port_ > first_port_ && !same) {
      error(fmt::format("targetPort {}", port), "one port of the server for many of the service",
            "as it is: the server gets all of them at this one");
    } else if (last_port_ > first_port_ || (dr_ && first_port_ == 0)) {
      port = 0;
    }
    Table& table = service.add("real_server", place_);
    table.text("address", Endpoint{*address, static_cast<std::uint16_t>(port)}.to_string());
    // Others than priority do not look at it there, not even at 0.
    const std::uint32_t weight = number(server, "weight", 255);
    const json* const given = find_value(server, "weight");
    const bool zero = by_weight_ && given != nullptr && *given == 0;
    if (zero || weight > 1) table.number("weight", weight);
    const auto host = hosts_.find(address->to_string());
    if (by_host && host != hosts_.end())
      write_loxilb_check(host->second, check_of(), table, context_);
  }

  Place place_;
  Context& context_;
  std::map<std::string, LoxilbProbe> hosts_;  // by address
  std::string subject_;                       // of notes
  // Of the service that is being written.
  bool udp_ = false;
  bool dr_ = false;
  bool by_weight_ = false;
  std::uint32_t first_port_ = 0;
  std::uint32_t last_port_ = 0;
};

}  // namespace

const Keyword* find_loxilb_keyword(std::string_view block, std::string_view key) {
  const auto table = loxilb_keywords();
  const auto at = std::find_if(table.begin(), table.end(), [&](const Keyword& each) {
    return each.block == block && equal_but_for_case(each.name, key);
  });
  return at == table.end() ? nullptr : &*at;
}

// A file with rules is a director; what the others hold (checks of hosts) belongs to all.
Result<std::vector<Node>> import_loxilb(const std::vector<File>& files, const Options& options) {
  std::vector<json> roots;
  std::vector<std::size_t> directors;
  const File* broken = nullptr;
  for (const File& file : files) {
    roots.push_back(json::parse(file.text, nullptr, false));
    const json* const rules = find_value(roots.back(), "lbAttr");
    if (rules != nullptr && rules->is_array()) directors.push_back(roots.size() - 1);
    if (broken == nullptr && is_broken(file, roots.back())) broken = &file;
  }
  if (directors.empty() && broken != nullptr) {
    return wrong_request(fmt::format("{}: {}", broken->path, syntax_error(broken->text)));
  }
  if (directors.empty()) {
    return wrong_request(
        "no lbAttr in any of the files; import what `loxicmd get lb -o json` prints");
  }
  if (directors.size() > 2) {
    return wrong_request("more than two files with rules: a pair has two directors");
  }
  std::vector<Node> nodes;
  for (const std::size_t index : directors) {
    const Place place{files[index].path, 0};
    Node node{place.file, Context(options, loxilb_keywords())};
    LoxilbReader reader(place.file, node.context);
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (!roots[i].is_object()) {
        node.context.note(
            Severity::kError, {files[i].path, 0}, "JSON",
            is_broken(files[i], roots[i]) ? syntax_error(files[i].text) : "no object of JSON",
            "not read: addresses and routes are those of [[port]] and [[route]]");
      } else if (i == index || find_value(roots[i], "lbAttr") == nullptr) {
        reader.read_hosts(roots[i]);
      }
    }
    reader.read_rules(*find_value(roots[index], "lbAttr"));
    node.context.finish("", place);
    nodes.push_back(std::move(node));
  }
  return nodes;
}

}  // namespace lb::importer
