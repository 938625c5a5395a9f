#include "config/import/keepalived.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "config/import/importer.h"

namespace lb::importer {
namespace keepalived {
namespace {

constexpr double kMostSeconds = 1e6;

std::string host_and_port(const Statement& from) {
  const std::string host = from.argument();
  const std::string port = from.words.size() > 2 ? from.words[2] : "25";
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? '[' + host + ']' : host) + ':' + port;
}

void read_mail(Context& context, const Statement& global) {
  const Statement* const server = find(global, "smtp_server");
  const Statement* const to = find(global, "notification_email");
  if (server == nullptr && to == nullptr) return;
  if (server == nullptr || to == nullptr) {
    const Statement& has = server != nullptr ? *server : *to;
    context.note(Severity::kWarning, has.place, has.name(),
                 "no mail is sent without both smtp_server and notification_email",
                 "no [alert.mail] either");
    return;
  }
  Table& mail = context.draft.alert().table("mail", server->place);
  mail.text("server", host_and_port(*server)).text("tls", "none");
  const Statement* const from = find(global, "notification_email_from");
  if (from != nullptr) {
    mail.text("from", from->argument(), from->place);
  } else {
    mail.fill_in("from", "the sender's address");
  }
  std::vector<std::string> recipients;
  for (const Statement& each : to->block)
    recipients.insert(recipients.end(), each.words.begin(), each.words.end());
  if (!to->has_block && to->words.size() > 1)
    recipients.assign(to->words.begin() + 1, to->words.end());
  mail.texts("to", recipients, to->place);
  const Statement* const timeout = find(global, "smtp_connect_timeout");
  if (timeout != nullptr) set_seconds(context, mail, "timeout", *timeout);
}

void read_timeouts(Context& context, const Statement& from) {
  Table& timeouts = context.draft.dataplane().table("timeouts", from.place);
  for (std::size_t i = 1; i + 1 < from.words.size(); i += 2) {
    const std::string& word = from.words[i];
    const auto value = seconds(from.words[i + 1]);
    if (!value) {
      context.note(Severity::kError, from.place, from.name(), {},
                   fmt::format("{} is no time in seconds", from.words[i + 1]));
    } else if (word == "tcp") {
      timeouts.duration("tcp_established", *value);
    } else if (word == "tcpfin") {
      timeouts.duration("tcp_fin_wait", *value).duration("tcp_close_wait", *value);
    } else if (word == "udp") {
      timeouts.duration("udp", *value);
    } else {
      context.note(Severity::kError, from.place, from.name(), {},
                   word + " is none of tcp, tcpfin, udp");
    }
  }
}

void read_sync(Context& context, const Tree& tree, const Statement& from) {
  Table& sync = context.draft.ha().table("sync", from.place);
  sync.fill_in(
      "listen",
      "this director's address and a port on the link to the other one, as 10.255.0.1:7000");
  sync.fill_in("peer", "the other one's, as 10.255.0.2:7000");
  sync.fill_in("key_file",
               "a file with a key that both have (umask 077; openssl rand -hex 32 > FILE)");
  // INTERFACE INSTANCE [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]
  for (std::size_t i = 3; i + 1 < from.words.size(); i += 2) {
    const std::string& word = from.words[i];
    if (const auto id = number(from.words[i + 1]); word == "id" && id) {
      sync.number("sync_id", *id);
    } else {
      context.note(Severity::kInfo, from.place, from.name(),
                   fmt::format("{} {}", word, from.words[i + 1]),
                   "not needed: it is a connection to the other director, with the port of listen");
    }
  }
  const std::string instance = from.words.size() > 2 ? from.words[2] : std::string();
  if (std::none_of(tree.statements.begin(), tree.statements.end(), [&](const Statement& each) {
        return each.name() == "vrrp_instance" && each.argument() == instance;
      })) {
    context.note(Severity::kError, from.place, from.name(), instance,
                 "there is no vrrp_instance of this name; [ha.sync] needs none");
  }
}

void read_static(Context& context, const Statement& block, const Global& global) {
  for (const Statement& each : block.block) {
    std::string interface = global.default_interface;
    for (std::size_t i = 1; i + 1 < each.words.size(); ++i) {
      if (each.words[i] == "dev") interface = each.words[i + 1];
    }
    const auto prefix = Prefix::parse(each.name());
    if (prefix) {
      context.address(interface, *prefix, each.place);
    } else {
      context.note(Severity::kError, each.place, each.name(), {}, prefix.error().message);
    }
  }
}

// ip-route(8): [to] PREFIX [via|gw ADDRESS] [KEYWORD ARGUMENT]...
void read_route(Context& context, const Statement& from) {
  std::string destination;
  std::string via;
  std::string others;
  for (std::size_t i = 0; i < from.words.size(); ++i) {
    const std::string& word = from.words[i];
    const std::string next = i + 1 < from.words.size() ? from.words[i + 1] : std::string();
    if (word == "via" || word == "gw" || word == "to") {
      (word == "to" ? destination : via) = next;
      ++i;
    } else if (destination.empty() &&
               (word == "default" || Prefix::parse(word) || Address::parse(word))) {
      destination = word;
    } else if (word == "dev" || word == "oif") {
      ++i;
    } else {
      others += fmt::format("{}{} {}", others.empty() ? "" : ", ", word, next);
      ++i;
    }
  }
  const bool other_table = (" " + others).find(" table ") != std::string::npos &&
                           (" " + others).find(" table main") == std::string::npos;
  if (via.empty() || destination.empty() || other_table) {
    context.note(Severity::kError, from.place, "static_routes",
                 from.name() + " " + from.arguments(),
                 other_table ? "other tables stay the system's, ip-route(8): left out"
                             : "only a destination with its gateway is a [[route]]; left out");
    return;
  }
  if (!others.empty()) {
    context.note(Severity::kWarning, from.place, "static_routes", others,
                 "a [[route]] has a destination and a gateway; left out");
  }
  if (destination == "0.0.0.0/0") destination = "default";
  context.draft.add_route(from.place).text("destination", destination).text("via", via);
}

}  // namespace

const Statement* find(const Statement& block, std::string_view name) {
  const Statement* found = nullptr;
  for (const Statement& each : block.block) {
    if (each.name() == name) found = &each;
  }
  return found;
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

std::optional<config::Milliseconds> seconds(const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || !(value >= 0) || value > kMostSeconds)
    return std::nullopt;
  return config::Milliseconds(std::llround(value * 1000));
}

std::vector<std::string> command_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == '\\' && i + 1 < line.size()) {
      word += line[++i];
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> program_words(Context& context, const Statement& from) {
  const std::string line = from.argument();
  if (!line.starts_with('<')) return command_words(line);
  context.note(Severity::kInfo, from.place, from.name(), line,
               "no shell reads commands here: it is one of bash");
  return {"/bin/bash", "-c", line};
}

std::vector<std::string> only_program_words(Context& context, const Statement& from) {
  // '...' holds a command together, too, but is no quote to the file's reader.
  if (from.argument().starts_with('\'')) {
    std::string line = from.arguments().substr(1);
    line = line.substr(0, line.find('\''));
    return command_words(line);
  }
  if (from.words.size() > 2) {
    context.note(
        Severity::kError, from.place, from.name(), from.arguments(),
        "keepalived ignores what follows the first word, as it is not in quotes: left out");
  }
  return program_words(context, from);
}

std::string user_of(Context& context, const Statement& from, std::size_t index) {
  if (index >= from.words.size()) return {};
  if (index + 1 < from.words.size() && from.words[index + 1] != from.words[index]) {
    context.note(Severity::kWarning, from.place, from.name(), "group " + from.words[index + 1],
                 "programs run with the groups of their user; left out");
  }
  return from.words[index];
}

void set_number(Context& context, Table& table, std::string_view key, const Statement& from) {
  if (const auto value = number(from.argument())) {
    table.number(key, *value, from.place);
  } else {
    context.note(Severity::kError, from.place, from.name(), {},
                 fmt::format("\"{}\" is no number; left out", from.argument()));
  }
}

void set_seconds(Context& context, Table& table, std::string_view key, const Statement& from) {
  if (const auto value = seconds(from.argument())) {
    table.duration(key, *value, from.place);
  } else {
    context.note(Severity::kError, from.place, from.name(), {},
                 fmt::format("\"{}\" is no time in seconds; left out", from.argument()));
  }
}

std::optional<Address> address(Context& context, const std::string& text, const Statement& from) {
  const auto parsed = Address::parse(text);
  if (!parsed) {
    context.note(Severity::kError, from.place, from.name(), text, parsed.error().message);
    return std::nullopt;
  }
  if (!parsed->is_ipv4()) {
    context.note(Severity::kError, from.place, from.name(), text,
                 "IPv6 is not forwarded yet; left out");
    return std::nullopt;
  }
  return *parsed;
}

Global read_global(Context& context, const Tree& tree) {
  Global global;
  for (const Statement& block : tree.statements) {
    if (context.keyword("", block.name(), block.place) == nullptr || block.name() != "global_defs")
      continue;
    for (const Statement& each : block.block) {
      context.keyword("global_defs", each.name(), each.place);
      const std::string& name = each.name();
      if (name == "router_id" || name == "lvs_id") {
        context.draft.director().text("name", each.argument(), each.place);
      } else if (name == "vrrp_version") {
        global.vrrp_version = each.argument() == "3" ? 3 : 2;
      } else if (name == "default_interface") {
        global.default_interface = each.argument();
      } else if (name == "script_user") {
        global.script_user = user_of(context, each, 1);
      } else if (name == "vrrp_strict") {
        global.strict = true;
      } else if (name == "vrrp_mcast_group4" && each.argument() != "224.0.0.18") {
        context.note(
            Severity::kError, each.place, name, each.argument(),
            "adverts go to 224.0.0.18: a director that still runs keepalived receives none");
      } else if (name == "vrrp_garp_master_repeat") {
        set_number(context, context.draft.ha(), "garp_count", each);
      } else if (name == "vrrp_garp_master_refresh") {
        set_seconds(context, context.draft.ha(), "garp_refresh", each);
      } else if (name == "vrrp_garp_interval" && each.argument() != "0") {
        set_seconds(context, context.draft.ha(), "garp_interval", each);
      } else if (name == "lvs_timeouts") {
        read_timeouts(context, each);
      } else if (name == "lvs_sync_daemon") {
        read_sync(context, tree, each);
      }
    }
    read_mail(context, block);
  }
  for (const Statement& block : tree.statements) {
    if (block.name() == "static_ipaddress") read_static(context, block, global);
    if (block.name() != "static_routes") continue;
    for (const Statement& each : block.block) read_route(context, each);
  }
  return global;
}

}  // namespace keepalived

namespace {

Node read_node(const File& file, const Options& options, std::string_view id) {
  Node node{id.empty() ? file.path : fmt::format("{} ({})", file.path, id),
            Context(options, keepalived_keywords())};
  const keepalived::Tree tree = keepalived::read_tree(file, options, id);
  for (const Note& note : tree.notes) {
    node.context.note(note.severity, note.place, note.keyword, note.there, note.here);
  }
  const keepalived::Global global = keepalived::read_global(node.context, tree);
  keepalived::read_vrrp(node.context, tree, global);
  keepalived::read_virtual_servers(node.context, tree, global);
  node.context.finish({}, {file.path, 0});
  return node;
}

bool is_keepalived(const keepalived::Tree& tree) {
  return std::any_of(tree.statements.begin(), tree.statements.end(), [](const auto& each) {
    return find_keyword(keepalived_keywords(), "", each.name()) != nullptr;
  });
}

}  // namespace

Result<std::vector<Node>> import_keepalived(const std::vector<File>& files,
                                            const Options& options) {
  if (files.size() > 2) {
    return fail(
        "name one keepalived.conf, or the two of a pair; it reads what they include by itself");
  }
  std::vector<Node> nodes;
  for (const File& file : files) {
    const keepalived::Tree tree = keepalived::read_tree(file, options, {});
    if (!is_keepalived(tree)) {
      return fail(file.path +
                  ": no keepalived.conf: there is no global_defs, vrrp_instance or virtual_server");
    }
    const std::vector<std::string>& ids = tree.node_names;
    if (files.size() == 1 && (ids.size() == 1 || ids.size() == 2)) {
      // With one name the other director is the one that is started without it.
      for (const std::string& id : ids) nodes.push_back(read_node(file, options, id));
      if (ids.size() == 1) nodes.push_back(read_node(file, options, {}));
      continue;
    }
    nodes.push_back(read_node(file, options, {}));
    if (!ids.empty()) {
      nodes.back().context.note(
          Severity::kError, {file.path, 0}, "@" + ids.front(), "lines for some nodes alone",
          "left out; of one file with one or two names the nodes are imported");
    }
  }
  return nodes;
}

}  // namespace lb::importer
