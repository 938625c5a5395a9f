#include "config/diff.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "config/match_services.h"
#include "config/printer.h"
#include "config/secret.h"

namespace lb::config {
namespace {

struct Table : PrintedTable {
  std::string label;  // "service web: real server 10.0.0.11:80"
  std::string above;  // the label of the table around it

  const PrintedKey* find(std::string_view key) const {
    const auto found = std::ranges::find(keys, key, &PrintedKey::name);
    return found == keys.end() ? nullptr : &*found;
  }
};

// The canonical form, table by table, each findable by its label.
struct Tables {
  std::vector<Table> all;
  std::map<std::string, std::size_t, std::less<>> by_label;

  const Table* find(std::string_view label) const {
    const auto found = by_label.find(label);
    return found == by_label.end() ? nullptr : &all[found->second];
  }
};

std::string unquoted(std::string_view value) {
  if (value.starts_with('"') && value.size() > 2) value = value.substr(1, value.size() - 2);
  return std::string(value);
}

std::string shown(const PrintedKey* key) {
  if (key == nullptr) return "not set";
  return key->is_secret ? std::string(kSecretShown) : without_passwords(unquoted(key->value));
}

std::string words(std::string_view name) {
  std::string out(name);
  std::ranges::replace(out, '_', ' ');
  return out;
}

// A list's table is known by its first key: a name or an address.
Tables label(std::vector<PrintedTable> printed) {
  Tables tables;
  std::map<std::string, std::string> labels;  // of the last table of each path
  for (PrintedTable& each : printed) {
    Table table{std::move(each), {}, {}};
    const std::size_t dot = table.path.rfind('.');
    const bool nested = dot != std::string::npos;
    if (nested) table.above = labels[table.path.substr(0, dot)];
    if (nested && table.above.empty()) table.above = words(table.path.substr(0, dot));
    table.label = (nested ? table.above + ": " : std::string()) +
                  words(std::string_view(table.path).substr(nested ? dot + 1 : 0));
    if (table.in_list && !table.keys.empty()) {
      table.label += ' ' + unquoted(table.keys.front().value);
    }
    labels[table.path] = table.label;
    const std::string first = table.label;
    for (int copy = 2; tables.by_label.contains(table.label); ++copy) {
      table.label = first + " (" + std::to_string(copy) + ')';
    }
    tables.by_label.emplace(table.label, tables.all.size());
    tables.all.push_back(std::move(table));
  }
  return tables;
}

struct Rule {
  std::string_view path;  // and all tables in it
  std::string_view key;   // empty: every one, and the table itself
  Needs needs;
};

// The first that fits decides. What has no rule needs a restart of the control plane.
constexpr auto kRules = std::to_array<Rule>({
    {"director", "auto_reload", Needs::kNothing},
    {"director", "name", Needs::kControlplane},
    {"director", "state_dir", Needs::kControlplane},
    {"director", "", Needs::kBoth},
    {"dataplane.timeouts", "", Needs::kNothing},
    {"dataplane", "", Needs::kBoth},
    {"port.vlan", "", Needs::kNothing},
    {"port", "addresses", Needs::kNothing},
    {"port", "anti_spoof", Needs::kNothing},
    {"port", "clients_from_other_ports", Needs::kNothing},
    {"port", "", Needs::kBoth},
    {"route", "", Needs::kNothing},
    {"service", "", Needs::kNothing},
    {"alert", "", Needs::kNothing},
    {"health", "", Needs::kNothing},
    {"ha", "garp_refresh", Needs::kNothing},
    {"ha.instance", "warn_after", Needs::kNothing},
    {"ha.instance.track", "", Needs::kNothing},
    {"ha.resource", "instance", Needs::kControlplane},
    {"ha.resource", "", Needs::kNothing},
    {"ha.sync", "gate_timeout", Needs::kNothing},
    {"ha.sync", "warn_after", Needs::kNothing},
    {"ha.sync", "", Needs::kBoth},  // the data plane records changes for it
});

Needs needs_of(std::string_view path, std::string_view key) {
  for (const Rule& rule : kRules) {
    const bool inside = path.starts_with(rule.path) &&
                        (path.size() == rule.path.size() || path[rule.path.size()] == '.');
    if (inside && (rule.key.empty() || (rule.key == key && path == rule.path))) return rule.needs;
  }
  return Needs::kControlplane;
}

// The owner of the addresses is one by its priority, which its state machine was made with.
Needs needs_of_priority(std::string_view from, std::string_view to) {
  const std::string owner = std::to_string(kOwnerPriority);
  return from == owner || to == owner ? Needs::kControlplane : Needs::kNothing;
}

void compare(const Table& running, const Table& next, std::vector<Change>& changes) {
  const auto note = [&](const std::string& key, const PrintedKey* from, const PrintedKey* to) {
    const std::string before = shown(from);
    const std::string after = from != nullptr && to != nullptr && to->is_secret
                                  ? "another " + std::string(kSecretShown)
                                  : shown(to);
    const bool is_priority = next.path == "ha.instance" && key == "priority";
    changes.push_back({next.label + ": " + key + ' ' + before + " -> " + after,
                       is_priority ? needs_of_priority(before, after) : needs_of(next.path, key)});
  };
  for (const PrintedKey& to : next.keys) {
    const PrintedKey* const from = running.find(to.name);
    if (from == nullptr || from->value != to.value) note(to.name, from, &to);
  }
  for (const PrintedKey& from : running.keys) {
    if (next.find(from.name) == nullptr) note(from.name, &from, nullptr);
  }
}

// A table of `tables` that the other configuration lacks. What is in it goes without saying.
void whole(const Table& table, const Tables& tables, const Tables& other, bool added,
           std::vector<Change>& changes) {
  if (tables.find(table.above) != nullptr && other.find(table.above) == nullptr) return;
  if (table.in_list) {
    changes.push_back({table.label + (added ? " added" : " removed"), needs_of(table.path, "")});
    return;
  }
  Table empty = table;
  empty.keys.clear();
  compare(added ? empty : table, added ? table : empty, changes);
}

// The running configuration with the names that its services get. One that ends although another
// service gets its name is left out: it is not compared with that one.
Config renamed(Config running, const Config& next, std::vector<Change>& changes) {
  std::vector<const Service*> same(running.services.size());
  std::set<std::string_view> names;
  const auto matches = match_services(running.services, next.services);
  for (std::size_t i = 0; i < matches.size(); ++i) {
    names.insert(next.services[i].name);
    if (matches[i]) same[*matches[i]] = &next.services[i];
  }
  std::vector<Service> before = std::exchange(running.services, {});
  for (std::size_t i = 0; i < before.size(); ++i) {
    Service& service = before[i];
    if (same[i] == nullptr && names.contains(service.name)) {
      changes.push_back({"service " + service.name + " removed", Needs::kNothing});
      continue;
    }
    if (same[i] != nullptr && same[i]->name != service.name) {
      changes.push_back(
          {"service " + service.name + ": name " + service.name + " -> " + same[i]->name,
           Needs::kNothing});
      service.name = same[i]->name;
    }
    running.services.push_back(std::move(service));
  }
  return running;
}

}  // namespace

std::vector<Change> diff(const Config& running, const Config& next) {
  std::vector<Change> changes;
  const Tables before = label(print_tables(renamed(running, next, changes)));
  const Tables after = label(print_tables(next));
  for (const Table& table : after.all) {
    if (const Table* const known = before.find(table.label)) {
      compare(*known, table, changes);
    } else {
      whole(table, after, before, true, changes);
    }
  }
  for (const Table& table : before.all) {
    if (after.find(table.label) == nullptr) whole(table, before, after, false, changes);
  }
  return changes;
}

}  // namespace lb::config
