// TOML text as a tree of plain values with their places. No exception leaves it, and the work grows
// with the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/model.h"

namespace lb::config {

struct Node {
  enum class Kind : std::uint8_t { kTable, kArray, kString, kInteger, kBoolean, kOther };

  Kind kind = Kind::kTable;
  bool boolean = false;
  std::int64_t integer = 0;
  Location where;              // the value, or the table's header
  Location key_where;          // its key; == where when it has none
  std::string key;             // in its table; empty in an array
  std::string text;            // kString: the value; kOther: what it is, "a date"
  std::vector<Node> children;  // members of a table in the order of the file, elements of an array

  bool is(Kind k) const { return kind == k; }
  const Node* find(std::string_view name) const;
};

inline constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;
inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// True and the tree, or false and one mistake appended.
bool read_toml(std::string_view text, Node& root, std::vector<Mistake>& mistakes);

}  // namespace lb::config
