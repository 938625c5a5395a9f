#include "config/toml_tree.h"

#include <toml++/toml.h>

#include <algorithm>

#include "config/source.h"
#include "config/syntax_error.h"
#include "config/toml_guard.h"

namespace lb::config {
namespace {

Location location_of(const toml::source_region& region) {
  return Location{region.begin.line, region.begin.column};
}

Node convert(const toml::node& value);

Node convert_table(const toml::table& table) {
  Node node;
  node.kind = Node::Kind::kTable;
  node.children.reserve(table.size());
  for (const auto& [key, member] : table) {
    Node& child = node.children.emplace_back(convert(member));
    child.key = key.str();
    child.key_where = location_of(key.source());
  }
  std::sort(node.children.begin(), node.children.end(),
            [](const Node& a, const Node& b) { return a.key_where < b.key_where; });
  return node;
}

Node convert_value(const toml::node& value) {
  Node node;
  if (const auto* const list = value.as_array()) {
    node.kind = Node::Kind::kArray;
    node.children.reserve(list->size());
    for (const toml::node& element : *list) node.children.push_back(convert(element));
  } else if (const auto* const text = value.as_string()) {
    node.kind = Node::Kind::kString;
    node.text = text->get();
  } else if (const auto* const integer = value.as_integer()) {
    node.kind = Node::Kind::kInteger;
    node.integer = integer->get();
  } else if (const auto* const boolean = value.as_boolean()) {
    node.kind = Node::Kind::kBoolean;
    node.boolean = boolean->get();
  } else {
    node.kind = Node::Kind::kOther;
    node.text = value.is_floating_point() ? "a number with a fraction" : "a date or time";
  }
  return node;
}

Node convert(const toml::node& value) {
  const auto* const table = value.as_table();
  Node node = table == nullptr ? convert_value(value) : convert_table(*table);
  node.where = node.key_where = location_of(value.source());
  return node;
}

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
  try {
    root = convert(toml::parse(text));
    return true;
  } catch (const toml::parse_error& e) {
    mistakes.push_back(explain_syntax_error(source, e.description(), location_of(e.source())));
    return false;
  }
}

}  // namespace lb::config
