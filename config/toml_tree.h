// TOML text as a tree of plain values with their places. The only part that knows the TOML library;
// no exception leaves it.
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
  std::int64_t integer = 0;    // out of range numbers are the largest or smallest int64
  std::size_t offset = 0;      // of the value, or the table's header, in bytes
  std::size_t key_offset = 0;  // of its key; == offset where it has none
  std::string key;             // in its table; empty in an array
  std::string text;            // kString: the value; kOther: what it is, "a date"
  std::vector<Node> children;  // members of a table in the order of the file, elements of an array

  bool is(Kind k) const { return kind == k; }
  const Node* find(std::string_view name) const;
};

// Text with its lines, to turn byte offsets into places. Refers to `text`.
class Source {
 public:
  explicit Source(std::string_view text);
  Location locate(std::size_t offset) const;
  std::string_view text() const { return text_; }
  // Without its line feed; `number` counts from 1.
  std::string_view line(std::uint32_t number) const;
  std::size_t line_offset(std::uint32_t number) const;
  std::uint32_t lines() const { return static_cast<std::uint32_t>(starts_.size()); }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

inline constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;
inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// True and the tree, or false and one mistake appended.
bool read_toml(const Source& source, Node& root, std::vector<Mistake>& mistakes);

}  // namespace lb::config
