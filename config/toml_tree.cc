#include "config/toml_tree.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "config/secret.h"
#include "config/source.h"
#include "config/syntax_error.h"
#include "config/toml_guard.h"
#include "config/toml_tables.h"
#include "config/toml_value.h"

namespace lb::config {
namespace {

std::uint32_t line_of(const Entry& entry) {
  if (entry.by == Entry::By::kListHeader) return entry.elements.back()->node.where.line;
  return entry.by == Entry::By::kValue ? entry.node.key_where.line : entry.node.where.line;
}

// Reads headers, keys, lists and inline tables in one pass. Recursion is as deep as the guard
// allows. A read_x() that returns false has left a mistake.
class Reader {
 public:
  explicit Reader(const Source& source) : source_(source), text_(source.text()) {
    root_.node.where = root_.node.key_where = Location{1, 1};
  }

  bool read(Node& root) {
    for (skip_between(); at_ < text_.size(); skip_between()) {
      if (!(text_[at_] == '[' ? read_header() : read_setting())) return false;
    }
    root = take_tree(root_);
    return true;
  }

  Mistake mistake() && { return std::move(mistake_); }

 private:
  bool next_is(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  void skip(std::string_view which) {
    at_ = std::min(text_.find_first_not_of(which, at_), text_.size());
  }

  void skip_blanks() { skip(" \t"); }

  void skip_comment() {
    if (next_is("#")) at_ = std::min(text_.find('\n', at_), text_.size());
  }

  void skip_between() {
    for (skip(" \t\r\n"); next_is("#"); skip(" \t\r\n")) skip_comment();
  }

  bool ends_line() {
    skip_blanks();
    skip_comment();
    return at_ == text_.size() || next_is("\n") || next_is("\r");
  }

  // Place of the next byte. Counts on from the call before: a line may be as long as the file.
  Location here() {
    for (; counted_ < at_; ++counted_) {
      if (text_[counted_] == '\n') {
        place_ = Location{place_.line + 1, 1};
      } else if (!is_continuation(text_[counted_])) {
        ++place_.column;
      }
    }
    return place_;
  }

  bool stop(Stop why) {
    mistake_ = explain_syntax_error(source_, {why, at_, open_, may_be_secret(key_)});
    return false;
  }

  bool stop_at(Location where, std::string message) {
    mistake_ = Mistake{where, std::move(message)};
    return false;
  }

  bool read_key(Key& key) {
    do {
      if (!key.empty()) ++at_;
      skip_blanks();
      KeyPart& part = key.emplace_back();
      part.where = here();
      if (next_is("\"") || next_is("'")) {
        if (!read_quoted(part.name)) return false;
      } else {
        const std::size_t start = at_;
        while (at_ < text_.size() && is_bare_key_char(text_[at_])) ++at_;
        part.name = text_.substr(start, at_ - start);
        if (part.name.empty()) return stop(Stop::kKey);
      }
      key_ = part.name;
      skip_blanks();
    } while (next_is("."));
    return true;
  }

  bool read_quoted(std::string& name) {
    if (next_is("\"\"\"") || next_is("'''")) return stop(Stop::kKey);
    Node node;
    if (!read_plain(node)) return false;
    name = std::move(node.text);
    return true;
  }

  bool read_header() {
    const Location where = here();
    const bool is_list = next_is("[[");
    const std::string_view closing = is_list ? "]]" : "]";
    at_ += closing.size();
    const std::size_t name = at_;
    Key key;
    if (!read_key(key)) return false;
    if (!next_is(closing)) return stop(Stop::kHeader);
    const std::string_view written = text_.substr(name, at_ - name);
    at_ += closing.size();
    if (!ends_line()) return stop(Stop::kHeader);
    const Conflict conflict = add_header(root_, key, is_list, where, table_);
    const bool is_again =
        conflict.is_same_name && !is_list && conflict.with->by == Entry::By::kHeader;
    return conflict.with == nullptr ||
           stop_at(where, explain_conflict(written, line_of(*conflict.with), is_again));
  }

  bool read_setting() { return read_pair(*table_) && (ends_line() || stop(Stop::kTrailing)); }

  bool read_pair(Entry& table) {
    const std::size_t name = at_;
    Key key;
    if (!read_key(key)) return false;
    const std::string_view written = text_.substr(name, at_ - name);
    if (!next_is("=")) return stop(Stop::kEquals);
    ++at_;
    skip_blanks();
    Node value;
    if (!read_value(value)) return false;
    const Location where = value.where;
    const Conflict conflict = add_value(table, key, std::move(value));
    if (conflict.with == nullptr) return true;
    const bool is_again = conflict.is_same_name && conflict.with->by == Entry::By::kValue;
    return stop_at(conflict.is_same_name ? where : key.front().where,
                   open_.empty() ? explain_conflict(written, line_of(*conflict.with), is_again)
                                 : "duplicate name; keep one of the two");
  }

  bool read_value(Node& node) {
    node.where = node.key_where = here();
    if (next_is("[")) return read_list(node);
    if (next_is("{")) return read_inline_table(node);
    return read_plain(node);
  }

  bool read_plain(Node& node) {
    const std::string_view text = value_text(text_.substr(at_));
    std::size_t length = 0;
    switch (read_toml_value(text, node, length)) {
      case ValueError::kNone:
        at_ += length;
        return true;
      case ValueError::kOutOfRange:
        return stop(Stop::kRange);
      case ValueError::kNoValue:
        return stop(text.starts_with('"') ? Stop::kEscape : Stop::kValue);
    }
    return false;
  }

  bool read_list(Node& node) {
    node.kind = Node::Kind::kArray;
    open_.push_back(at_++);
    for (skip_between(); !next_is("]"); skip_between()) {
      if (at_ == text_.size()) return stop(Stop::kEnd);
      if (next_is(",")) return stop(Stop::kComma);
      if (!read_value(node.children.emplace_back())) return false;
      skip_between();
      if (next_is("]")) break;
      if (!next_is(",")) return stop(at_ == text_.size() ? Stop::kEnd : Stop::kSeparator);
      ++at_;
    }
    ++at_;
    open_.pop_back();
    return true;
  }

  bool read_inline_table(Node& node) {
    Entry table;
    table.node.where = table.node.key_where = node.where;
    open_.push_back(at_++);
    skip_blanks();
    while (!next_is("}")) {
      if (next_is(",")) return stop(Stop::kComma);
      if (!read_pair(table)) return false;
      skip_blanks();
      if (next_is("}")) break;
      if (!next_is(",")) return stop(Stop::kSeparator);
      ++at_;
      skip_blanks();
      if (next_is("}")) return stop(Stop::kComma);
    }
    ++at_;
    open_.pop_back();
    node = take_tree(table);
    return true;
  }

  const Source& source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t counted_ = 0;  // the offset of place_
  Location place_{1, 1};
  std::vector<std::size_t> open_;  // offsets of the brackets that are not closed yet
  std::string key_;                // the last one, or its last part
  Entry root_;
  Entry* table_ = &root_;  // of the last header
  Mistake mistake_;
};

}  // namespace

const Node* Node::find(std::string_view name) const {
  for (const Node& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

bool read_toml(std::string_view text, Node& root, std::vector<Mistake>& mistakes) {
  const Source source(text);
  if (auto mistake = guard_toml(source)) {
    mistakes.push_back(std::move(*mistake));
    return false;
  }
  Reader reader(source);
  if (reader.read(root)) return true;
  mistakes.push_back(std::move(reader).mistake());
  return false;
}

}  // namespace lb::config
