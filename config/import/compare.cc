#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "config/import/importer.h"
#include "config/key_lister.h"
#include "config/placeholder.h"
#include "config/secret.h"

namespace lb::importer {
namespace {

// Keys that the two directors of a pair have each for itself.
constexpr auto kOwn = std::to_array<std::string_view>(
    {"priority", "preempt", "preempt_delay", "source", "unicast_peers", "peers", "listen", "peer",
     "device", "name", "port", "via", "from"});
// Lists whose order means nothing.
constexpr auto kSets = std::to_array<std::string_view>({"addresses", "to"});

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_own(const Table& table, std::string_view key) {
  if (key == "name") return table.path() == "director";
  if (key == "addresses") return table.path().starts_with("port");
  return is_one_of(kOwn, key);
}

// "192.0.2.10" of "192.0.2.10/24"
std::string_view without_length(std::string_view prefix) {
  return prefix.substr(0, prefix.find('/'));
}

// What makes a table of a list the same one on both.
std::string identity(const Table& table) {
  if (!table.in_list()) return table.path();
  for (const char* const key :
       {"name", "address", "addresses", "destination", "interface", "service", "script"}) {
    const std::string_view value = table.value(key);
    if (!value.empty()) return fmt::format("{} {} {}", table.path(), key, value);
  }
  return table.path();
}

class Comparison {
 public:
  explicit Comparison(std::vector<Note>& notes) : notes_(notes) {}

  void compare(const Table& a, const Table& b) {
    if (a.path() == "ha.instance") instances(a, b);
    if (a.path() == "director") own_name(a, b);
    if (a.path() == "port") own_addresses(a, b);
    for (const Table::Key& key : a.keys()) {
      if (is_own(a, key.name)) continue;
      const std::string_view other = b.value(key.name);
      if (other == key.value) continue;
      if (is_one_of(kSets, key.name) && !other.empty()) {
        sets(a, b, key.name);
        continue;
      }
      if (other.empty()) {
        only_one(a, key, b.place());
        continue;
      }
      note(a.place_of(key.name), key.name,
           fmt::format("{} = {}", key.name, shown(key.name, key.value)),
           fmt::format("the peer has {} ({})", shown(key.name, other),
                       b.place_of(key.name).to_string()));
    }
    for (const Table::Key& key : b.keys()) {
      if (!is_own(b, key.name) && a.value(key.name).empty()) only_one(b, key, a.place());
    }
    tables(a, b);
  }

 private:
  // As TOML; empty: it has none.
  static std::string default_of(std::string_view path, std::string_view key) {
    static const auto kDefaults = [] {
      std::map<std::string, std::string, std::less<>> defaults;
      for (const config::ListedTable& table : config::list_keys()) {
        for (const config::ListedKey& each : table.keys)
          defaults[table.path + ' ' + each.name] = each.default_value;
      }
      return defaults;
    }();
    const auto at = kDefaults.find(fmt::format("{} {}", path, key));
    return at == kDefaults.end() ? std::string() : at->second;
  }

  static std::string shown(std::string_view key, std::string_view value) {
    return std::string(config::may_be_secret(key) ? config::kSecretShown : value);
  }

  void own_name(const Table& a, const Table& b) {
    if (config::is_placeholder(a.text_of("name")) || a.value("name") != b.value("name")) return;
    note(a.place_of("name"), "name", std::string(a.text_of("name")),
         fmt::format("the peer has the same ({}); give each its own",
                     b.place_of("name").to_string()));
  }

  void own_addresses(const Table& a, const Table& b) {
    const std::vector<std::string> others = b.texts_of("addresses");
    for (const std::string& address : a.texts_of("addresses")) {
      if (config::is_placeholder(address) ||
          std::find(others.begin(), others.end(), address) == others.end())
        continue;
      note(a.place_of("addresses"), "addresses", fmt::format("{} {}", a.text_of("name"), address),
           fmt::format("the peer has the same ({}); give each its own",
                       b.place_of("addresses").to_string()));
    }
  }

  void instances(const Table& a, const Table& b) {
    // Of two directors with equal priorities the higher address is master, whichever that is.
    for (const char* const key : {"priority", "source"}) {
      const std::string_view value = a.value(key);
      if (value != b.value(key) || (value.empty() && std::string_view(key) != "priority")) continue;
      note(a.place_of(key), key,
           fmt::format("{} = {}", key, value.empty() ? "100, the default" : value),
           fmt::format("the peer has the same ({}); give each its own",
                       b.place_of(key).to_string()));
    }
    peers(a, b);
    peers(b, a);
  }

  // Adverts are taken from unicast_peers alone, and without them only multicast ones are.
  void peers(const Table& a, const Table& b) {
    const std::vector<std::string> peers = a.texts_of("unicast_peers");
    if (peers.empty()) return;
    const std::string source = b.text_of("source");
    if (b.texts_of("unicast_peers").empty()) {
      note(a.place_of("unicast_peers"), "unicast_peers", list(peers),
           fmt::format("the peer sends multicast adverts ({}): both or none",
                       b.place().to_string()));
    } else if (!source.empty() && std::find(peers.begin(), peers.end(), source) == peers.end()) {
      note(a.place_of("unicast_peers"), "unicast_peers", list(peers),
           fmt::format("the peer sends from {} ({})", source, b.place_of("source").to_string()));
    }
  }

  static std::string list(const std::vector<std::string>& items) {
    return fmt::format("{}", fmt::join(items, ", "));
  }

  // What only one of them has; an address with another length is one difference.
  void sets(const Table& a, const Table& b, const std::string& key) {
    std::map<std::string_view, std::string_view> others;
    const std::vector<std::string> of_b = b.texts_of(key);
    for (const std::string& item : of_b) others[without_length(item)] = item;
    const std::vector<std::string> of_a = a.texts_of(key);
    for (const std::string& item : of_a) {
      const auto other = others.find(without_length(item));
      if (other == others.end()) {
        note(a.place_of(key), key, item,
             fmt::format("the peer does not have it ({})", b.place_of(key).to_string()));
        continue;
      }
      if (other->second != item) {
        note(a.place_of(key), key, item,
             fmt::format("the peer has {} ({})", other->second, b.place_of(key).to_string()));
      }
      others.erase(other);
    }
    for (const auto& [address, item] : others) {
      note(b.place_of(key), key, std::string(item),
           fmt::format("the peer does not have it ({})", a.place_of(key).to_string()));
    }
  }

  void only_one(const Table& table, const Table::Key& key, const Place& peer) {
    const std::string standard = default_of(table.path(), key.name);
    if (standard == key.value) return;
    note(table.place_of(key.name), key.name,
         fmt::format("{} = {}", key.name, shown(key.name, key.value)),
         fmt::format("the peer {} ({})",
                     standard.empty() ? "does not have it" : "has the default, " + standard,
                     peer.to_string()));
  }

  void tables(const Table& a, const Table& b) {
    // Interfaces may have other names on the other director.
    const auto ports = [](const Table& of) {
      return std::count_if(of.tables().begin(), of.tables().end(),
                           [](const Table& each) { return each.path() == "port"; });
    };
    const bool same_ports = ports(a) == ports(b);
    std::multimap<std::string, const Table*> others;
    for (const Table& table : b.tables()) others.emplace(identity(table), &table);
    for (const Table& table : a.tables()) {
      const auto other = others.find(identity(table));
      if (other == others.end()) {
        if (table.path() != "port" || !same_ports) only_one(table);
        continue;
      }
      compare(table, *other->second);
      others.erase(other);
    }
    for (const auto& [name, table] : others) {
      if (table->path() != "port" || !same_ports) only_one(*table);
    }
  }

  void only_one(const Table& table) {
    note(table.place(), identity(table), {}, "the peer does not have it");
  }

  void note(const Place& place, std::string keyword, std::string there, std::string here) {
    notes_.push_back(
        {Severity::kError, place, std::move(keyword), std::move(there), std::move(here)});
  }

  std::vector<Note>& notes_;
};

}  // namespace

std::vector<Note> compare(const Node& first, const Node& second) {
  std::vector<Note> notes;
  Comparison(notes).compare(first.context.draft.root(), second.context.draft.root());
  return notes;
}

}  // namespace lb::importer
