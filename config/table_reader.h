// Reads one table of the tree, key by key, and reports every mistake in it: a key that is missing,
// unknown or not of its type, a value out of its range.
#pragma once

#include <fmt/format.h>
#include <array>
#include <concepts>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/enum_names.h"
#include "config/base/net.h"
#include "config/duration.h"
#include "config/toml_tree.h"

namespace lb::config {

// What reading a file has found out, shared by all its tables.
struct ReadReport {
  std::vector<Mistake> mistakes;
  // Paths of what had mistakes, "service[3].check": what is checked across tables leaves them out.
  std::set<std::string> spoiled;
  std::set<std::string>* known_keys =
      nullptr;  // when set: all keys asked for, "service.check.path"
};

enum class Need : bool { kOptional, kRequired };

class TableReader {
 public:
  // `path` is where the table stands: "" for the file, "dataplane", "service[3].check".
  TableReader(ReadReport& report, const Node& node, std::string path);

  // Each leaves `out` as it is when the key is absent or its value is wrong.
  void text(std::string_view key, std::string& out, Need need = Need::kOptional);
  void boolean(std::string_view key, bool& out);
  void duration(std::string_view key, Milliseconds& out, Milliseconds min, Milliseconds max);
  void prefixes(std::string_view key, std::vector<Ipv4Prefix>& out);
  void client_prefixes(std::string_view key, std::vector<Ipv4Prefix>& out);
  void addresses(std::string_view key, std::vector<Ipv4Address>& out);
  void endpoint_ranges(std::string_view key, std::vector<Ipv4EndpointRange>& out);
  // `what` is an example of the list, for messages.
  void texts(std::string_view key, std::vector<std::string>& out, std::string_view what,
             Need need = Need::kOptional);
  // Empty, or where something is whatever the working directory.
  void absolute_path(std::string_view key, std::string& out, std::string_view what);

  template <std::integral T>
  void number(std::string_view key, T& out, T min, T max, Need need = Need::kOptional) {
    std::int64_t value = 0;
    if (integer(key, value, static_cast<std::int64_t>(min), static_cast<std::int64_t>(max), need)) {
      out = static_cast<T>(value);
    }
  }

  // A text that `parse` turns into a T.
  template <typename T, typename Parse>
  void parsed(std::string_view key, T& out, Parse parse, std::string_view what, Need need) {
    const Node* const node = find(key, Node::Kind::kString, what, need);
    if (node == nullptr) return;
    auto result = parse(node->text);
    if (result) {
      out = std::move(*result);
    } else {
      mistake(node->where, fmt::format("{}: {}", key, result.error().message));
    }
  }

  // The name of a value of E.
  template <NamedEnum E>
  void enumeration(std::string_view key, E& out, Need need = Need::kOptional) {
    constexpr auto kNames = kEnumNames<E>;
    std::array<std::string_view, kNames.size()> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = kNames[i].name;
    const std::size_t index = choice(key, names, need);
    if (index < names.size()) out = kNames[index].value;
  }

  // Whether the key is there and a text, for keys that may be of two kinds.
  bool holds_text(std::string_view key) const;

  // The table under `key`, null when there is none. The caller reads it with a reader of its own.
  const Node* table(std::string_view key, std::string_view header, Need need = Need::kOptional);
  // The tables under `key`, written as [[header]].
  std::span<const Node> tables(std::string_view key, std::string_view header);

  bool has(std::string_view key) const { return node_.find(key) != nullptr; }
  // The key is there but must not be: its value does not matter then.
  void reject(std::string_view key, const std::string& message);

  // Reports the keys that are missing and those that nobody asked for. Call last.
  void finish();

  Location where() const { return node_.where; }
  std::string path_of(std::string_view key) const;
  std::string path_of(std::string_view key, std::size_t index) const;
  void mistake(Location where, std::string message);

 private:
  const Node* find(std::string_view key, Node::Kind kind, std::string_view what, Need need);
  // Hands each text of a list to `take`, which says what is wrong with it; empty: nothing.
  template <typename Take>
  void list(std::string_view key, std::string_view what, std::string_view elements, Need need,
            Take take);
  bool integer(std::string_view key, std::int64_t& out, std::int64_t min, std::int64_t max,
               Need need);
  std::size_t choice(std::string_view key, std::span<const std::string_view> names, Need need);
  void know(std::string_view key);

  ReadReport& report_;
  const Node& node_;
  std::string path_;
  std::vector<std::string_view> known_;
  struct Missing {
    std::string_view key;
    std::string message;
  };
  std::vector<Missing> missing_;
};

}  // namespace lb::config
