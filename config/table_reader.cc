#include "config/table_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/base/nearest.h"
#include "config/duration.h"
#include "config/pattern.h"
#include "config/placeholder.h"

namespace lb::config {
namespace {

std::string_view kind_text(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kTable:
      return "a table";
    case Node::Kind::kArray:
      return "a list";
    case Node::Kind::kString:
      return "text";
    case Node::Kind::kInteger:
      return "a number";
    case Node::Kind::kBoolean:
      return "true or false";
    case Node::Kind::kOther:
      return node.text;
  }
  return {};
}

// "service[3].check" -> "service.check"
std::string without_indexes(std::string_view path) {
  std::string out;
  bool inside = false;
  for (const char c : path) {
    if (c == '[') inside = true;
    if (!inside) out += c;
    if (c == ']') inside = false;
  }
  return out;
}

bool is_list_of_tables(const Node& node) {
  return node.is(Node::Kind::kArray) && !node.children.empty() &&
         node.children[0].is(Node::Kind::kTable);
}

}  // namespace

TableReader::TableReader(ReadReport& report, const Node& node, std::string path)
    : report_(report), node_(node), path_(std::move(path)) {}

std::string TableReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void TableReader::mistake(Location where, std::string message) {
  report_.mistakes.push_back(Mistake{where, std::move(message)});
  report_.spoiled.insert(path_);
}

void TableReader::mistake(std::string_view key, Location where, std::string message) {
  spoiled_.push_back(key);
  mistake(where, std::move(message));
}

bool TableReader::spoiled(std::string_view key) const {
  if (std::find(spoiled_.begin(), spoiled_.end(), key) != spoiled_.end()) return true;
  if (given(key)) return false;
  // Misspelt, as far as the keys are known by now.
  return std::any_of(node_.children.begin(), node_.children.end(), [&](const Node& child) {
    return !is_known(child.key) && nearest(child.key, known_) == key;
  });
}

bool TableReader::is_known(std::string_view key) const {
  return std::find(known_.begin(), known_.end(), key) != known_.end();
}

void TableReader::know(std::string_view key) {
  if (!is_known(key)) known_.push_back(key);
}

void TableReader::refuse(std::string_view key, const std::string& message) {
  know(key);
  const Node* const node = node_.find(key);
  if (node != nullptr && !spoiled(key)) mistake(key, node->key_where, message);
}

void TableReader::without_meaning(std::string_view by, const Why& why, const Keys& keys) {
  if (without_meaning_ != nullptr) return keys();
  const Condition condition{by, why};
  without_meaning_ = &condition;
  keys();
  without_meaning_ = nullptr;
}

const Node* TableReader::find(const Key& key, Node::Kind kind, std::string_view example) {
  know(key.name);
  const Node* const node = node_.find(key.name);
  if (without_meaning_ != nullptr) {
    if (node != nullptr) {
      meaningless_.push_back(
          {without_meaning_->by, node->key_where,
           fmt::format("{} has no meaning {}", key.name, without_meaning_->why())});
    }
    return nullptr;
  }
  if (node == nullptr) {
    if (key.presence == Presence::kRequired) {
      missing_.push_back(
          {key.name, fmt::format("{} is missing; add {} = {}", key.name, key.name, example)});
    }
    return nullptr;
  }
  if (node->is(Node::Kind::kString) && is_placeholder(node->text)) {
    mistake(key.name, node->where, fill_in_message(key.name, node->text));
    return nullptr;
  }
  if (!node->is(kind)) {
    mistake(key.name, node->where,
            fmt::format("{} must not be {}; write {} = {}", key.name, kind_text(*node), key.name,
                        example));
    return nullptr;
  }
  return node;
}

void TableReader::on_text(const Key& key, std::string& value) {
  const Node* const node = find(key, Node::Kind::kString, "\"...\"");
  if (node == nullptr) return;
  if (node->text.empty()) {
    mistake(key.name, node->where,
            fmt::format("{} is empty; {}", key.name,
                        key.presence == Presence::kRequired ? "give it a value"
                                                            : "give it a value or leave it out"));
    return;
  }
  value = node->text;
}

void TableReader::on_boolean(const Key& key, bool& value) {
  const Node* const node = find(key, Node::Kind::kBoolean, "true or false");
  if (node != nullptr) value = node->boolean;
}

void TableReader::on_number(const Key& key, std::int64_t& value, std::int64_t min,
                            std::int64_t max) {
  const std::string example = fmt::format("a number from {} to {}, without quotes", min, max);
  const Node* const node = find(key, Node::Kind::kInteger, example);
  if (node == nullptr) return;
  if (node->integer < min || node->integer > max) {
    mistake(key.name, node->where,
            fmt::format("{} is out of range; write a number from {} to {}", key.name, min, max));
    return;
  }
  value = node->integer;
}

void TableReader::on_duration(const Key& key, Milliseconds& value, Milliseconds min,
                              Milliseconds max) {
  const Node* const node = find(key, Node::Kind::kString, "\"30s\" (or ms, m, h), in quotes");
  if (node == nullptr) return;
  const auto parsed = parse_duration(node->text);
  if (!parsed) {
    mistake(key.name, node->where, fmt::format("{}: {}", key.name, parsed.error().message));
  } else if (*parsed < min || *parsed > max) {
    mistake(key.name, node->where,
            fmt::format("{} = \"{}\" is out of range; write a duration from {} to {}", key.name,
                        node->text, to_text(min), to_text(max)));
  } else {
    value = *parsed;
  }
}

void TableReader::on_choice(const Key& key, std::size_t& index,
                            std::span<const std::string_view> names) {
  std::string list;
  for (const std::string_view name : names) {
    list += fmt::format("{}\"{}\"", list.empty() ? "" : name == names.back() ? " or " : ", ", name);
  }
  const Node* const node = find(key, Node::Kind::kString, list);
  if (node == nullptr) return;
  const auto found = std::find(names.begin(), names.end(), node->text);
  if (found != names.end()) {
    index = static_cast<std::size_t>(found - names.begin());
    return;
  }
  const std::string_view guess = nearest(node->text, names);
  if (guess.empty()) {
    mistake(key.name, node->where,
            fmt::format("{} = \"{}\" is unknown; write {}", key.name, node->text, list));
  } else {
    mistake(key.name, node->where,
            fmt::format("{} = \"{}\" is unknown; did you mean \"{}\"? It can be {}", key.name,
                        node->text, guess, list));
  }
}

void TableReader::on_statuses(const Key& key, StatusSet& value) {
  const Node* const node = node_.find(key.name);
  if (node != nullptr && node->is(Node::Kind::kString)) {
    return on_form(key, {"statuses", "\"200-299\""},
                   {.parse = [&](const std::string& text) -> Result<void> {
                      auto parsed = parse_statuses(text);
                      if (!parsed) return tl::make_unexpected(parsed.error());
                      value = std::move(*parsed);
                      return {};
                    },
                    .print = {}});
  }
  std::int64_t status = 0;
  on_number(key, status, kLowestStatus, kHighestStatus);
  const auto single = static_cast<std::uint16_t>(status);
  if (single != 0) value = {{single, single}};
}

void TableReader::on_form(const Key& key, const Wording& wording, const FormAccess& access) {
  const Node* const node = find(key, Node::Kind::kString, wording.example);
  if (node == nullptr) return;
  if (const auto parsed = access.parse(node->text); !parsed) {
    mistake(key.name, node->where, fmt::format("{}: {}", key.name, parsed.error().message));
  }
}

void TableReader::on_list(const Key& key, const Wording& wording, const ListAccess& access) {
  const Node* const node = find(key, Node::Kind::kArray, wording.example);
  if (node == nullptr) return;
  access.clear();
  for (const Node& element : node->children) {
    if (!element.is(Node::Kind::kString)) {
      mistake(key.name, element.where,
              fmt::format("{} holds {}; write {} in quotes, as {}", key.name, kind_text(element),
                          wording.kind, wording.example));
      continue;
    }
    if (is_placeholder(element.text)) {
      mistake(key.name, element.where, fill_in_message(key.name, element.text));
      continue;
    }
    if (const auto parsed = access.parse(element.text); !parsed) {
      mistake(key.name, element.where, fmt::format("{}: {}", key.name, parsed.error().message));
    }
  }
}

const Node* TableReader::table(const Key& key) {
  know(key.name);
  const std::string path = path_of(key.name);
  const std::string header = without_indexes(path);
  const Node* const node = node_.find(key.name);
  if (node == nullptr) {
    if (key.presence == Presence::kRequired) {
      missing_.push_back({key.name, fmt::format("the table [{}] is missing; add it", header)});
    }
    return nullptr;
  }
  if (node->is(Node::Kind::kTable)) return node;
  report_.spoiled.insert(path);
  mistake(node->key_where, is_list_of_tables(*node)
                               ? fmt::format("there is one {} only; write [{}], not [[{}]]",
                                             key.name, header, header)
                               : fmt::format("{} must not be {}; write it as a table: [{}]",
                                             key.name, kind_text(*node), header));
  return nullptr;
}

void TableReader::on_table(const Key& key, const TableKeys& keys) {
  const Node* const node = table(key);
  if (node == nullptr) return;
  TableReader reader(report_, *node, path_of(key.name));
  keys(reader);
  reader.finish();
}

std::span<const Node> TableReader::tables(std::string_view key) {
  know(key);
  const Node* const node = node_.find(key);
  if (node == nullptr) return {};
  const std::string path = path_of(key);
  const std::string header = without_indexes(path);
  const auto bad = [&](Location where, std::string message) {
    report_.spoiled.insert(path);
    mistake(where, std::move(message));
    return std::span<const Node>{};
  };
  if (node->is(Node::Kind::kTable)) {
    return bad(node->key_where, fmt::format("there may be several {}s; write [[{}]], not [{}]", key,
                                            header, header));
  }
  if (!is_list_of_tables(*node)) {
    return bad(node->key_where, fmt::format("{} must not be {}; write each one as a table: [[{}]]",
                                            key, kind_text(*node), header));
  }
  for (const Node& child : node->children) {
    if (child.is(Node::Kind::kTable)) continue;
    return bad(child.where, fmt::format("{} holds {}; write each one as a table: [[{}]]", key,
                                        kind_text(child), header));
  }
  return node->children;
}

void TableReader::on_tables(std::string_view key, std::size_t, const TablesKeys& keys) {
  const std::span<const Node> nodes = tables(key);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    TableReader reader(report_, nodes[i], fmt::format("{}[{}]", path_of(key), i));
    keys(reader, i);
    reader.finish();
  }
}

void TableReader::finish() {
  const std::string in = path_.empty() ? "" : fmt::format(" in {}", without_indexes(path_));
  for (const Node& child : node_.children) {
    if (is_known(child.key)) continue;
    const std::string_view guess = nearest(child.key, known_);
    if (guess.empty()) {
      mistake(child.key_where,
              fmt::format("unknown key \"{}\"{}; remove it, config/ballast.toml shows every key",
                          child.key, in));
      continue;
    }
    mistake(child.key_where,
            fmt::format("unknown key \"{}\"{}; did you mean \"{}\"?", child.key, in, guess));
    // Its misspelling is reported, that it is missing need not be.
    report_.spoiled.insert(path_of(guess));
    spoiled_.push_back(guess);
    std::erase_if(missing_, [guess](const Missing& missing) { return missing.key == guess; });
  }
  for (Meaningless& each : meaningless_) {
    if (!spoiled(each.by)) mistake(each.where, std::move(each.message));
  }
  for (Missing& missing : missing_) mistake(node_.where, std::move(missing.message));
}

}  // namespace lb::config
