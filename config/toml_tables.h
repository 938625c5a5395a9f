// The tables of a TOML document while it is read, and what a header or a key may add to them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/toml_tree.h"

namespace lb::config {

struct KeyPart {
  std::string name;
  Location where;
};
using Key = std::vector<KeyPart>;  // a.b.c; never empty

struct Entry {
  // What created it, which decides what may be added. Nothing may be added to a value.
  enum class By : std::uint8_t { kOuterHeader, kHeader, kListHeader, kDottedKey, kValue };

  By by = By::kHeader;
  Node node;  // children are in the two below, but for a value
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> members;
  std::vector<std::unique_ptr<Entry>> elements;  // kListHeader: never empty
};

// The entry that rules out an addition; null when it was made.
struct Conflict {
  const Entry* with = nullptr;
  bool is_same_name = false;  // else it has the name of a table on the way there
};

// [key] and [[key]], whose header is at `where`; `table` becomes the one that the next keys are
// for.
Conflict add_header(Entry& root, const Key& key, bool is_list, Location where, Entry*& table);

// key = value.
Conflict add_value(Entry& table, const Key& key, Node value);

// Moves everything out of `table`.
Node take_tree(Entry& table);

}  // namespace lb::config
