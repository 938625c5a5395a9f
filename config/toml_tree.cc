#include "config/toml_tree.h"

#include <algorithm>
#include <limits>
#include <map>
#include <sstream>
#include <stdexcept>
#include <toml.hpp>

#include "config/syntax_error.h"
#include "config/toml_guard.h"

namespace lb::config {
namespace {

// The library takes the last element of an array that may be empty ("a = []", then "[a.b]").
template <typename T>
class CheckedVector : public std::vector<T> {
 public:
  using std::vector<T>::vector;
  T& back() {
    if (this->empty()) throw std::out_of_range("an empty list is no table");
    return std::vector<T>::back();
  }
  T& front() {
    if (this->empty()) throw std::out_of_range("an empty list is no table");
    return std::vector<T>::front();
  }
  const T& front() const {
    if (this->empty()) throw std::out_of_range("an empty list is no table");
    return std::vector<T>::front();
  }
};

template <typename K, typename V>
using OrderedMap = std::map<K, V>;

using Value = toml::basic_value<toml::discard_comments, OrderedMap, CheckedVector>;

// The public location() counts the lines from the start of the file with every call; the region
// behind it knows its offset.
std::size_t offset_of(const Value& value) {
  const auto* const region =
      dynamic_cast<const toml::detail::region*>(toml::detail::get_region(value));
  return region == nullptr ? 0 : static_cast<std::size_t>(region->first() - region->begin());
}

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// Where `key` stands as a whole word in `text`; the last place when `last`, else the first.
std::size_t find_word(std::string_view text, std::string_view key, bool last) {
  std::size_t found = std::string_view::npos;
  for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    const std::size_t end = at + key.size();
    if (at > 0 && is_key_char(text[at - 1])) continue;
    if (end < text.size() && is_key_char(text[end])) continue;
    found = at;
    if (!last) break;
  }
  return found;
}

// The library keeps no places of keys. The key of "key = value" stands left of its value, that of a
// table or a dotted key in the text that begins at the value's place.
std::size_t find_key(std::string_view text, std::size_t value, const std::string& key) {
  if (key.empty()) return value;
  const std::size_t line = value == 0 ? 0 : text.rfind('\n', value - 1) + 1;
  std::string_view left = text.substr(line, value - line);
  while (!left.empty() && (left.back() == ' ' || left.back() == '\t')) left.remove_suffix(1);
  if (!left.empty() && left.back() == '=') {
    const std::size_t at = find_word(left, key, true);
    return at == std::string_view::npos ? value : line + at;
  }
  const std::string_view right = text.substr(value, text.find('\n', value) - value);
  const std::size_t at = find_word(right, key, false);
  return at == std::string_view::npos ? value : value + at;
}

std::int64_t integer_of(const Value& value, std::string_view text, std::size_t offset) {
  // The library wraps or cuts what does not fit into 64 bits.
  constexpr std::size_t kDigitsOfAnyRange = 18;
  std::size_t length = 0;
  while (offset + length < text.size() &&
         (is_key_char(text[offset + length]) || text[offset + length] == '+')) {
    ++length;
  }
  if (length <= kDigitsOfAnyRange) return value.as_integer();
  return text[offset] == '-' ? std::numeric_limits<std::int64_t>::min()
                             : std::numeric_limits<std::int64_t>::max();
}

Node convert(const Value& value, std::string_view text, const std::string& key) {
  Node node;
  node.key = key;
  node.offset = std::min(offset_of(value), text.size());
  node.key_offset = find_key(text, node.offset, key);
  if (value.is_table()) {
    node.kind = Node::Kind::kTable;
    for (const auto& [name, member] : value.as_table()) {
      node.children.push_back(convert(member, text, name));
    }
    std::stable_sort(node.children.begin(), node.children.end(),
                     [](const Node& a, const Node& b) { return a.offset < b.offset; });
  } else if (value.is_array()) {
    node.kind = Node::Kind::kArray;
    for (const Value& element : value.as_array()) {
      node.children.push_back(convert(element, text, ""));
    }
  } else if (value.is_string()) {
    node.kind = Node::Kind::kString;
    node.text = value.as_string().str;
  } else if (value.is_integer()) {
    node.kind = Node::Kind::kInteger;
    node.integer = integer_of(value, text, node.offset);
  } else if (value.is_boolean()) {
    node.kind = Node::Kind::kBoolean;
    node.boolean = value.as_boolean();
  } else {
    node.kind = Node::Kind::kOther;
    node.text = value.is_floating() ? "a number with a fraction" : "a date or time";
  }
  return node;
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

const Node* Node::find(std::string_view name) const {
  for (const Node& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

Source::Source(std::string_view text) : text_(text), starts_{0} {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

Location Source::locate(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const auto line = static_cast<std::size_t>(after - starts_.begin());
  const std::string_view before = text_.substr(starts_[line - 1], offset - starts_[line - 1]);
  const auto characters = before.size() - static_cast<std::size_t>(std::count_if(
                                              before.begin(), before.end(), is_continuation));
  return Location{static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(characters + 1)};
}

std::string_view Source::line(std::uint32_t number) const {
  const std::size_t start = line_offset(number);
  return text_.substr(start, text_.find('\n', start) - start);
}

std::size_t Source::line_offset(std::uint32_t number) const {
  return starts_.at(number - 1);
}

bool read_toml(const Source& source, Node& root, std::vector<Mistake>& mistakes) {
  if (auto mistake = guard_toml(source)) {
    mistakes.push_back(std::move(*mistake));
    return false;
  }
  try {
    std::istringstream stream{std::string(source.text())};
    root = convert(toml::parse<toml::discard_comments, OrderedMap, CheckedVector>(stream, "file"),
                   source.text(), "");
    return true;
  } catch (const toml::exception& e) {
    const Location where{e.location().line(), e.location().column()};
    mistakes.push_back(explain_syntax_error(source, e.what(), where));
  } catch (const std::exception& e) {
    mistakes.push_back(Mistake{Location{1, 1}, std::string("not readable as TOML: ") + e.what()});
  }
  return false;
}

}  // namespace lb::config
