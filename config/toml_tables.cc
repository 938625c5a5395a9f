#include "config/toml_tables.h"

#include <algorithm>
#include <utility>

namespace lb::config {
namespace {

std::unique_ptr<Entry> make_entry(Entry::By by, const KeyPart& part, Location where) {
  auto entry = std::make_unique<Entry>();
  entry->by = by;
  entry->node.where = where;
  entry->node.key = part.name;
  entry->node.key_where = part.where;
  return entry;
}

// A header may name any table on its way. A dotted key may not name one that has a header of its
// own or is in a list; the others belong to dotted keys from then on.
bool pass(Entry& entry, Entry::By by) {
  if (by == Entry::By::kOuterHeader) return entry.by != Entry::By::kValue;
  if (entry.by == Entry::By::kOuterHeader) entry.by = by;
  return entry.by == by;
}

// Goes from `table` to the one that holds the last part of `key`, creating what is missing;
// `header` is the place of the header that the key is from.
Conflict descend(Entry*& table, const Key& key, Entry::By by, Location header) {
  for (std::size_t i = 0; i + 1 < key.size(); ++i) {
    std::unique_ptr<Entry>& member = table->members[key[i].name];
    if (member == nullptr) {
      member = make_entry(by, key[i], by == Entry::By::kDottedKey ? key[i].where : header);
    }
    if (!pass(*member, by)) return Conflict{member.get(), false};
    table = member->by == Entry::By::kListHeader ? member->elements.back().get() : member.get();
  }
  return {};
}

}  // namespace

Conflict add_header(Entry& root, const Key& key, bool is_list, Location where, Entry*& table) {
  table = &root;
  const Conflict conflict = descend(table, key, Entry::By::kOuterHeader, where);
  if (conflict.with != nullptr) return conflict;
  std::unique_ptr<Entry>& member = table->members[key.back().name];
  const Entry::By by = is_list ? Entry::By::kListHeader : Entry::By::kHeader;
  if (member == nullptr) {
    member = make_entry(by, key.back(), where);
    if (is_list) member->node.kind = Node::Kind::kArray;
  } else if (!is_list && member->by == Entry::By::kOuterHeader) {
    member->by = by;
    member->node.where = where;
  } else if (!is_list || member->by != by) {
    return Conflict{member.get(), true};
  }
  table = member.get();
  if (is_list) {
    table = member->elements.emplace_back(make_entry(Entry::By::kHeader, {}, where)).get();
    table->node.key_where = where;
  }
  return {};
}

Conflict add_value(Entry& table, const Key& key, Node value) {
  Entry* holder = &table;
  const Conflict conflict = descend(holder, key, Entry::By::kDottedKey, {});
  if (conflict.with != nullptr) return conflict;
  std::unique_ptr<Entry>& member = holder->members[key.back().name];
  if (member != nullptr) return Conflict{member.get(), true};
  member = std::make_unique<Entry>();
  member->by = Entry::By::kValue;
  member->node = std::move(value);
  member->node.key = key.back().name;
  member->node.key_where = key.back().where;
  return {};
}

Node take_tree(Entry& table) {
  Node node = std::move(table.node);
  if (table.by == Entry::By::kValue) return node;
  node.children.reserve(table.members.size() + table.elements.size());
  for (const auto& element : table.elements) node.children.push_back(take_tree(*element));
  for (const auto& [name, member] : table.members) node.children.push_back(take_tree(*member));
  if (!table.members.empty()) {
    std::sort(node.children.begin(), node.children.end(),
              [](const Node& a, const Node& b) { return a.key_where < b.key_where; });
  }
  return node;
}

}  // namespace lb::config
