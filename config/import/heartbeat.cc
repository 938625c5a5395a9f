// heartbeat's ha.cf, authkeys and haresources, with the ldirectord files that they name: a pair.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "config/import/importer.h"
#include "config/import/ldirectord.h"

namespace lb::importer {
namespace {

constexpr int kPreferred = 150;
constexpr int kOtherPriority = 100;
constexpr int kPingWeight = -60;  // more than between the two
constexpr int kFirstRouterId = 51;
constexpr std::int64_t kMostIntervalMs = 40'950;  // of VRRP 3

struct Line {
  std::vector<std::string> words;
  Place place;
};

struct Files {
  const File* ha = nullptr;
  const File* keys = nullptr;
  const File* resources = nullptr;
  std::vector<File> ldirectord;
};

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// Comments are gone, lines that end in a backslash are joined.
std::vector<Line> lines_of(const File& file) {
  std::vector<Line> lines;
  std::uint32_t number = 0;
  bool goes_on = false;
  for (std::size_t begin = 0; begin < file.text.size();) {
    const std::size_t end = std::min(file.text.find('\n', begin), file.text.size());
    std::string text = file.text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    text.resize(std::min(text.find('#'), text.size()));
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
      text.pop_back();
    const bool continued = text.ends_with('\\');
    if (continued) text.pop_back();
    std::vector<std::string> words = ldirectord::words(text);
    if (goes_on) {
      lines.back().words.insert(lines.back().words.end(), words.begin(), words.end());
    } else if (!words.empty() || continued) {
      lines.push_back({std::move(words), {file.path, number}});
    }
    goes_on = continued && !lines.empty();
  }
  std::erase_if(lines, [](const Line& line) { return line.words.empty(); });
  return lines;
}

// "2", "200ms": seconds are the unit there.
std::optional<config::Milliseconds> time_of(const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || !(value >= 0) || value > 1e6) return std::nullopt;
  const std::string_view unit(at, static_cast<std::size_t>(end - at));
  if (unit.empty() || unit == "s") return config::Milliseconds(std::llround(value * 1000));
  if (unit == "ms") return config::Milliseconds(std::llround(value));
  return std::nullopt;
}

// "IPaddr::192.0.2.10/24/eth0": the parts between "::"; "192.0.2.10/24" is IPaddr.
std::vector<std::string> parts_of(const std::string& resource) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= resource.size();) {
    const std::size_t end = std::min(resource.find("::", begin), resource.size());
    parts.push_back(resource.substr(begin, end - begin));
    begin = end + 2;
  }
  const bool address = !parts[0].empty() && parts[0].find_first_not_of("0123456789./") > 0 &&
                       parts[0][0] >= '0' && parts[0][0] <= '9';
  if (address) parts.insert(parts.begin(), "IPaddr");
  return parts;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(at, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

class Director {
 public:
  Director(Context& context, const Files& files, std::string name)
      : context_(context), files_(files), name_(std::move(name)) {}

  void read() {
    context_.draft.director().text("name", name_);
    if (files_.ha != nullptr) read_ha();
    if (files_.keys != nullptr) read_keys();
    for (const Line& line : lines_of(*files_.resources)) read_resources(line);
    ping_nodes();
  }

 private:
  void error(const Place& place, std::string keyword, std::string there, std::string here) {
    context_.note(Severity::kError, place, std::move(keyword), std::move(there), std::move(here));
  }

  void read_ha() {
    for (const Line& line : lines_of(*files_.ha)) {
      const std::string& name = line.words[0];
      const std::string argument = line.words.size() > 1 ? line.words[1] : std::string();
      if (context_.keyword("ha.cf", name, line.place) == nullptr) continue;
      if (name == "deadtime" || name == "warntime") {
        const auto time = time_of(argument);
        if (!time) {
          error(line.place, name, argument, "no time, as 10 or 500ms; the default there is used");
        } else {
          (name == "deadtime" ? deadtime_ : warntime_) = *time;
          (name == "deadtime" ? dead_place_ : warn_place_) = line.place;
        }
      } else if (name == "auto_failback" || name == "nice_failback") {
        // nice_failback is its old name, and the other way round.
        preempt_ = (argument != "off") == (name == "auto_failback");
        preempt_place_ = line.place;
      } else if (name == "ping" || name == "ping_group") {
        const std::size_t first = name == "ping" ? 1 : 2;
        std::vector<std::string> addresses(
            line.words.begin() + static_cast<std::ptrdiff_t>(std::min(first, line.words.size())),
            line.words.end());
        if (name == "ping") {
          for (const std::string& each : addresses) pings_.push_back({{each}, line.place});
        } else {
          pings_.push_back({std::move(addresses), line.place});
        }
      } else if (name == "respawn") {
        for (const std::string& word : line.words) ipfail_ = ipfail_ || base_name(word) == "ipfail";
      }
    }
  }

  void read_keys() {
    std::string wanted;
    Place place;
    bool found = false;
    for (const Line& line : lines_of(*files_.keys)) {
      if (line.words[0] == "auth") {
        context_.keyword("authkeys", "auth", line.place);
        wanted = line.words.size() > 1 ? line.words[1] : std::string();
        place = line.place;
      } else if (!ldirectord::number(line.words[0])) {
        error(line.place, line.words[0], {}, "write \"auth N\" or \"N METHOD KEY\"; left out");
      }
    }
    for (const Line& line : lines_of(*files_.keys)) found = found || line.words[0] == wanted;
    if (!found)
      error(place.file.empty() ? Place{files_.keys->path, 0} : place, "auth", wanted,
            "there is no key of this number: heartbeat would not start");
  }

  // "NODE RESOURCE RESOURCE ..."
  void read_resources(const Line& line) {
    const bool preferred = line.words[0] == name_;
    instances_.clear();
    for (std::size_t i = 1; i < line.words.size(); ++i) {
      const std::vector<std::string> parts = parts_of(line.words[i]);
      if (parts[0] == "IPaddr" || parts[0] == "IPaddr2") add_address(parts, line.place, preferred);
    }
    if (instances_.size() > 1) {
      ++groups_;
      for (const auto& [interface, instance] : instances_)
        instance->text("sync_group", fmt::format("G{}", groups_));
    }
    for (std::size_t i = 1; i < line.words.size(); ++i)
      resource(parts_of(line.words[i]), line.place);
  }

  // "ADDRESS[/LENGTH[/INTERFACE[:LABEL][/BROADCAST]]]"
  void add_address(const std::vector<std::string>& parts, const Place& place, bool preferred) {
    if (parts.size() < 2) return error(place, parts[0], {}, "it has no address; left out");
    const std::vector<std::string> fields = split(parts[1], '/');
    const auto address = Address::parse(fields[0]);
    if (!address) return error(place, parts[0], fields[0], address.error().message);
    if (!address->is_ipv4())
      return error(place, parts[0], fields[0], "IPv6 is not forwarded yet; left out");
    std::int64_t length = 32;
    if (fields.size() > 1 && !fields[1].empty()) {
      const auto given = ldirectord::number(fields[1]);
      if (!given || *given < 1 || *given > 32)
        return error(place, parts[0], parts[1],
                     "the length of the subnet is from 1 to 32; left out");
      length = *given;
    } else {
      context_.note(Severity::kInfo, place, parts[0],
                    fields[0] + ": the length of the subnet is that of its interface",
                    "32 is used, on the first port; "
                    "name the interface in haresources, as " +
                        fields[0] + "/24/eth0");
    }
    const std::string interface =
        fields.size() > 2 ? fields[2].substr(0, fields[2].find(':')) : std::string();
    const std::string port =
        interface.empty() ? context_.default_port(0, place) : context_.port(interface, place);
    const std::string text = fmt::format("{}/{}", address->to_string(), length);
    for (const auto& [known, instance] : instances_) {
      if (known != port) continue;
      std::vector<std::string> addresses =
          ldirectord::words(std::string(instance->value("addresses")));
      std::erase_if(addresses, [](const std::string& word) { return word == "[" || word == "]"; });
      addresses.push_back(text);
      instance->texts("addresses", addresses);
      return;
    }
    instances_.emplace_back(port, &add_instance(port, text, place, preferred));
  }

  Table& add_instance(const std::string& port, const std::string& address, const Place& place,
                      bool preferred) {
    Table& instance = context_.draft.add_instance(place);
    const int number = ++instance_count_;
    instance.text("name", fmt::format("VI_{}", number)).text("port", port);
    instance.number("virtual_router_id", kFirstRouterId + number - 1)
        .comment_on("virtual_router_id", "no other VRRP router on this network may have it");
    instance.number("priority", preferred ? kPreferred : kOtherPriority);
    const std::int64_t wanted = deadtime_.count() / 4 / 10 * 10;
    const std::int64_t interval = std::clamp<std::int64_t>(wanted, 10, kMostIntervalMs);
    if (interval != 1000)
      instance.duration("advert_interval", config::Milliseconds(interval), dead_place_);
    if (warntime_.count() > 0) instance.duration("warn_after", warntime_, warn_place_);
    if (!preempt_) instance.boolean("preempt", false, preempt_place_);
    instance.texts("addresses", {address});
    if (first_instance_ == nullptr) first_instance_ = &instance;
    return instance;
  }

  void resource(const std::vector<std::string>& parts, const Place& place) {
    const std::string& name = parts[0];
    const Keyword* const known = find_keyword(heartbeat_keywords(), "haresources", name);
    if (known != nullptr) context_.keyword("haresources", name, place);
    if (name == "ldirectord") {
      services(parts, place);
    } else if (name == "LVSSyncDaemonSwap") {
      sync(parts, place);
    } else if (name == "MailTo") {
      if (parts.size() > 1) ldirectord::add_mail(context_, {parts[1]}, {}, place);
    } else if (known == nullptr) {
      program(parts, place);
    }
  }

  void services(const std::vector<std::string>& parts, const Place& place) {
    const std::string file = parts.size() > 1 ? parts[1] : "ldirectord.cf";
    const auto given =
        std::find_if(files_.ldirectord.begin(), files_.ldirectord.end(),
                     [&](const File& each) { return base_name(each.path) == base_name(file); });
    if (given != files_.ldirectord.end()) return ldirectord::read(context_, {*given});
    const std::string& beside = files_.resources->path;
    const std::string path =
        file.starts_with('/') ? file
                              : beside.substr(0, beside.size() - base_name(beside).size()) + file;
    auto text = context_.options().read(path);
    if (!text)
      return error(place, "ldirectord", file, text.error().message + "; its services are missing");
    ldirectord::read(context_, {{path, std::move(*text)}});
  }

  void sync(const std::vector<std::string>& parts, const Place& place) {
    Table& table = context_.draft.ha().table("sync", place);
    table.fill_in(
        "listen",
        "this director's address and a port on the link to the other one, as 10.255.0.1:7000");
    table.fill_in("peer", "the other one's, as 10.255.0.2:7000");
    table.fill_in("key_file",
                  "a file with a key that both have (umask 077; openssl rand -hex 32 > FILE)");
    if (parts.size() > 2) {
      if (const auto id = ldirectord::number(parts[2])) table.number("sync_id", *id);
    }
  }

  // An init script or one of resource.d, with its arguments.
  void program(const std::vector<std::string>& parts, const Place& place) {
    if (first_instance_ == nullptr)
      return error(place, parts[0], {}, "there is no address that it could follow; left out");
    Table& table = context_.draft.ha().add("resource", place);
    std::string name;
    for (const char c : parts[0])
      name += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'
                  ? c
                  : '-';
    const int count = ++programs_[name];
    table.text("name", count == 1 ? name : fmt::format("{}-{}", name, count));
    table.text("instance", first_instance_->text_of("name"));
    const bool script = parts.size() > 1;
    const std::string path = (script ? "/etc/ha.d/resource.d/" : "/etc/init.d/") + parts[0];
    for (const auto& [key, word] :
         {std::pair{"start", "start"}, std::pair{"stop", "stop"}, std::pair{"monitor", "status"}}) {
      std::vector<std::string> command = {path};
      command.insert(command.end(), parts.begin() + 1, parts.end());
      command.emplace_back(word);
      table.texts(key, command);
    }
    table.text("user", "root");
    context_.note(Severity::kWarning, place, parts[0], "started and stopped with the addresses",
                  fmt::format("[[ha.resource]]: see that {} {{start|stop|status}} does what is "
                              "needed, or name a unit of systemd",
                              path));
  }

  void ping_nodes() {
    for (std::size_t i = 0; i < pings_.size(); ++i) {
      const auto& [addresses, place] = pings_[i];
      if (!ipfail_ || first_instance_ == nullptr || addresses.empty()) {
        context_.note(Severity::kInfo, place, "ping", "without ipfail it decides nothing",
                      "left out");
        continue;
      }
      const auto is_host = [](const std::string& word) {
        return word.find_first_not_of(
                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-") ==
               std::string::npos;
      };
      if (!std::all_of(addresses.begin(), addresses.end(), is_host)) {
        error(place, "ping", {}, "write addresses; left out");
        continue;
      }
      Table& script = context_.draft.ha().add("script", place);
      const std::string name = "ping-" + addresses.front();
      script.text("name", name);
      if (addresses.size() == 1) {
        script.texts("command", {"ping", "-c", "1", "-W", "1", addresses.front()});
      } else {
        std::string command;
        for (const std::string& each : addresses)
          command += (command.empty() ? "" : " || ") + fmt::format("ping -c 1 -W 1 '{}'", each);
        script.texts("command", {"/bin/sh", "-c", command});
      }
      script
          .duration("timeout",
                    std::chrono::seconds(2 * static_cast<std::int64_t>(addresses.size())))
          .number("fall", 3);
      first_instance_->add("track", place).text("script", name).number("weight", kPingWeight);
    }
  }

  Context& context_;
  const Files& files_;
  std::string name_;
  config::Milliseconds deadtime_{30'000};  // the default there
  config::Milliseconds warntime_{0};
  Place dead_place_;
  Place warn_place_;
  bool preempt_ = true;
  Place preempt_place_;
  bool ipfail_ = false;
  std::vector<std::pair<std::vector<std::string>, Place>> pings_;
  std::vector<std::pair<std::string, Table*>> instances_;  // of a line, by port
  Table* first_instance_ = nullptr;
  int instance_count_ = 0;
  int groups_ = 0;
  std::map<std::string, int> programs_;
};

Files sorted(const std::vector<File>& files) {
  Files out;
  for (const File& file : files) {
    const std::string name = base_name(file.path);
    if (name.find("authkeys") != std::string::npos) {
      out.keys = &file;
    } else if (name.find("haresources") != std::string::npos) {
      out.resources = &file;
    } else if (name.find("ha.cf") != std::string::npos) {
      out.ha = &file;
    } else {
      out.ldirectord.push_back(file);
    }
  }
  return out;
}

std::vector<std::string> nodes_of(const Files& files) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  if (files.ha != nullptr) {
    for (const Line& line : lines_of(*files.ha)) {
      if (line.words[0] != "node") continue;
      for (std::size_t i = 1; i < line.words.size(); ++i) add(line.words[i]);
    }
  }
  if (names.empty()) {
    for (const Line& line : lines_of(*files.resources)) add(line.words[0]);
  }
  return names;
}

}  // namespace

Result<std::vector<Node>> import_heartbeat(const std::vector<File>& files, const Options& options) {
  const Files found = sorted(files);
  if (found.resources == nullptr)
    return fail("there is no haresources among the files: it says what the nodes have");
  std::vector<std::string> names = nodes_of(found);
  if (names.empty()) return fail(found.resources->path + ": it names no node");
  const bool too_many = names.size() > 2;
  names.resize(std::min<std::size_t>(names.size(), 2));
  std::vector<Node> nodes;
  for (const std::string& name : names) {
    nodes.push_back({name, Context(options, heartbeat_keywords())});
    Context& context = nodes.back().context;
    Director(context, found, name).read();
    if (too_many)
      context.note(Severity::kError,
                   {found.ha != nullptr ? found.ha->path : found.resources->path, 0}, "node", {},
                   "two directors are a pair: the first two nodes are imported");
    for (const Line& line : lines_of(*found.resources)) {
      if (std::find(names.begin(), names.end(), line.words[0]) == names.end()) {
        context.note(Severity::kError, line.place, line.words[0], {}, "no such node in ha.cf");
      }
    }
    context.finish(name, {});
  }
  return nodes;
}

}  // namespace lb::importer
