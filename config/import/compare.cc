#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/import/importer.h"

namespace lb::importer {
namespace {

// Keys that the two directors of a pair have each for itself.
constexpr auto kOwn =
    std::to_array<std::string_view>({"priority", "preempt", "preempt_delay", "source",
                                     "unicast_peers", "peers", "listen", "peer", "device", "name"});

bool is_own(const Table& table, std::string_view key) {
  if (key == "name") return table.path() == "director";
  if (key == "addresses") return table.path().starts_with("port");
  return std::find(kOwn.begin(), kOwn.end(), key) != kOwn.end();
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
    if (a.path() == "ha.instance") must_differ(a, b);
    for (const Table::Key& key : a.keys()) {
      if (is_own(a, key.name)) continue;
      const std::string_view other = b.value(key.name);
      if (other == key.value) continue;
      note(a.place_of(key.name), key.name, fmt::format("{} = {}", key.name, key.value),
           other.empty()
               ? fmt::format("the peer does not have it ({})", b.place().to_string())
               : fmt::format("the peer has {} ({})", other, b.place_of(key.name).to_string()));
    }
    for (const Table::Key& key : b.keys()) {
      if (is_own(b, key.name) || !a.value(key.name).empty()) continue;
      note(b.place_of(key.name), key.name, fmt::format("{} = {}", key.name, key.value),
           fmt::format("the peer does not have it ({})", a.place().to_string()));
    }
    tables(a, b);
  }

 private:
  // Of two directors with equal priorities the higher address is master, whichever that is.
  void must_differ(const Table& a, const Table& b) {
    for (const char* const key : {"priority", "source"}) {
      const std::string_view value = a.value(key);
      if (value != b.value(key) || (value.empty() && std::string_view(key) != "priority")) continue;
      note(a.place_of(key), key,
           fmt::format("{} = {}", key, value.empty() ? "100, the default" : value),
           fmt::format("the peer has the same ({}); give each its own",
                       b.place_of(key).to_string()));
    }
  }

  void tables(const Table& a, const Table& b) {
    std::multimap<std::string, const Table*> others;
    for (const Table& table : b.tables()) others.emplace(identity(table), &table);
    for (const Table& table : a.tables()) {
      const auto other = others.find(identity(table));
      if (other == others.end()) {
        only_one(table);
        continue;
      }
      compare(table, *other->second);
      others.erase(other);
    }
    for (const auto& [name, table] : others) only_one(*table);
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
