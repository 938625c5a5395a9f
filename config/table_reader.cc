#include "config/table_reader.h"

#include <algorithm>

#include "config/base/nearest.h"
#include "config/prefix_list.h"

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

std::string TableReader::path_of(std::string_view key, std::size_t index) const {
  return fmt::format("{}[{}]", path_of(key), index);
}

void TableReader::mistake(Location where, std::string message) {
  report_.mistakes.push_back(Mistake{where, std::move(message)});
  report_.spoiled.insert(path_);
}

void TableReader::know(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  if (report_.known_keys != nullptr) report_.known_keys->insert(without_indexes(path_of(key)));
}

const Node* TableReader::find(std::string_view key, Node::Kind kind, std::string_view what,
                              Need need) {
  know(key);
  const Node* const node = node_.find(key);
  if (node == nullptr) {
    if (need == Need::kRequired) {
      missing_.push_back({key, fmt::format("{} is missing; add {} = {}", key, key, what)});
    }
    return nullptr;
  }
  if (!node->is(kind)) {
    mistake(node->where,
            fmt::format("{} must not be {}; write {} = {}", key, kind_text(*node), key, what));
    return nullptr;
  }
  return node;
}

void TableReader::text(std::string_view key, std::string& out, Need need) {
  const Node* const node = find(key, Node::Kind::kString, "\"...\"", need);
  if (node == nullptr) return;
  if (node->text.empty()) {
    mistake(node->where, fmt::format("{} is empty; {}", key,
                                     need == Need::kRequired ? "give it a value"
                                                             : "give it a value or leave it out"));
    return;
  }
  out = node->text;
}

void TableReader::boolean(std::string_view key, bool& out) {
  const Node* const node = find(key, Node::Kind::kBoolean, "true or false", Need::kOptional);
  if (node != nullptr) out = node->boolean;
}

bool TableReader::integer(std::string_view key, std::int64_t& out, std::int64_t min,
                          std::int64_t max, Need need) {
  const std::string what = fmt::format("a number from {} to {}, without quotes", min, max);
  const Node* const node = find(key, Node::Kind::kInteger, what, need);
  if (node == nullptr) return false;
  if (node->integer < min || node->integer > max) {
    mistake(node->where,
            fmt::format("{} is out of range; write a number from {} to {}", key, min, max));
    return false;
  }
  out = node->integer;
  return true;
}

void TableReader::duration(std::string_view key, Milliseconds& out, Milliseconds min,
                           Milliseconds max) {
  const Node* const node =
      find(key, Node::Kind::kString, "\"30s\" (or ms, m, h), in quotes", Need::kOptional);
  if (node == nullptr) return;
  const auto value = parse_duration(node->text);
  if (!value) {
    mistake(node->where, fmt::format("{}: {}", key, value.error().message));
  } else if (*value < min || *value > max) {
    mistake(node->where, fmt::format("{} = \"{}\" is out of range; write a duration from {} to {}",
                                     key, node->text, to_text(min), to_text(max)));
  } else {
    out = *value;
  }
}

template <typename Take>
void TableReader::list(std::string_view key, std::string_view what, std::string_view elements,
                       Need need, Take take) {
  const Node* const node = find(key, Node::Kind::kArray, what, need);
  if (node == nullptr) return;
  for (const Node& element : node->children) {
    if (!element.is(Node::Kind::kString)) {
      mistake(element.where, fmt::format("{} holds {}; write {} in quotes, as {}", key,
                                         kind_text(element), elements, what));
      continue;
    }
    const std::string wrong = take(element.text);
    if (!wrong.empty()) mistake(element.where, fmt::format("{}: {}", key, wrong));
  }
}

void TableReader::prefixes(std::string_view key, std::vector<Ipv4Prefix>& out) {
  list(key, "[\"192.0.2.2/24\"]", "addresses", Need::kOptional, [&](const std::string& text) {
    const auto prefix = Ipv4Prefix::parse(text);
    // A wrong one keeps its place, so that the others keep theirs.
    out.push_back(prefix ? *prefix : Ipv4Prefix{});
    return prefix ? std::string() : prefix.error().message;
  });
}

void TableReader::client_prefixes(std::string_view key, std::vector<Ipv4Prefix>& out) {
  list(key, "[\"198.51.100.0/24\"]", "prefixes", Need::kOptional, [&](const std::string& text) {
    const auto prefix = parse_client_prefix(text);
    // A wrong one keeps its place, so that the others keep theirs.
    out.push_back(prefix ? *prefix : Ipv4Prefix{});
    return prefix ? std::string() : prefix.error().message;
  });
}

void TableReader::addresses(std::string_view key, std::vector<Ipv4Address>& out) {
  list(key, "[\"192.0.2.3\"]", "addresses", Need::kOptional, [&](const std::string& text) {
    const auto address = Ipv4Address::parse(text);
    out.push_back(address ? *address : Ipv4Address{});
    return address ? std::string() : address.error().message;
  });
}

void TableReader::endpoint_ranges(std::string_view key, std::vector<Ipv4EndpointRange>& out) {
  list(key, "[\"192.0.2.10:80\"]", "addresses with ports", Need::kOptional,
       [&](const std::string& text) {
         const auto range = Ipv4EndpointRange::parse(text);
         out.push_back(range ? *range : Ipv4EndpointRange{});
         return range ? std::string() : range.error().message;
       });
}

void TableReader::texts(std::string_view key, std::vector<std::string>& out, std::string_view what,
                        Need need) {
  list(key, what, "texts", need, [&](const std::string& text) {
    out.push_back(text);
    return std::string();
  });
}

void TableReader::absolute_path(std::string_view key, std::string& out, std::string_view what) {
  const auto absolute = [](const std::string& path) -> Result<std::string> {
    if (path.empty() || path.front() == '/') return path;
    return fail(fmt::format("\"{}\" is not an absolute path; it begins with /", path));
  };
  parsed(key, out, absolute, what, Need::kOptional);
}

std::size_t TableReader::choice(std::string_view key, std::span<const std::string_view> names,
                                Need need) {
  std::string list;
  for (const std::string_view name : names) {
    list += fmt::format("{}\"{}\"", list.empty() ? "" : name == names.back() ? " or " : ", ", name);
  }
  const Node* const node = find(key, Node::Kind::kString, list, need);
  if (node == nullptr) return names.size();
  const auto found = std::find(names.begin(), names.end(), node->text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::string_view guess = nearest(node->text, names);
  if (guess.empty()) {
    mistake(node->where, fmt::format("{} = \"{}\" is unknown; write {}", key, node->text, list));
  } else {
    mistake(node->where, fmt::format("{} = \"{}\" is unknown; did you mean \"{}\"? It can be {}",
                                     key, node->text, guess, list));
  }
  return names.size();
}

const Node* TableReader::table(std::string_view key, std::string_view header, Need need) {
  know(key);
  const Node* const node = node_.find(key);
  if (node == nullptr) {
    if (need == Need::kRequired) {
      missing_.push_back({key, fmt::format("the table [{}] is missing; add it", header)});
    }
    return nullptr;
  }
  if (node->is(Node::Kind::kTable)) return node;
  report_.spoiled.insert(path_of(key));
  mistake(node->key_where,
          is_list_of_tables(*node)
              ? fmt::format("there is one {} only; write [{}], not [[{}]]", key, header, header)
              : fmt::format("{} must not be {}; write it as a table: [{}]", key, kind_text(*node),
                            header));
  return nullptr;
}

std::span<const Node> TableReader::tables(std::string_view key, std::string_view header) {
  know(key);
  const Node* const node = node_.find(key);
  if (node == nullptr) return {};
  const auto bad = [&](Location where, std::string message) {
    report_.spoiled.insert(path_of(key));
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

bool TableReader::holds_text(std::string_view key) const {
  const Node* const node = node_.find(key);
  return node != nullptr && node->is(Node::Kind::kString);
}

void TableReader::reject(std::string_view key, const std::string& message) {
  know(key);
  const Node* const node = node_.find(key);
  if (node != nullptr) mistake(node->key_where, message);
}

void TableReader::finish() {
  const std::string in = path_.empty() ? "" : fmt::format(" in {}", without_indexes(path_));
  for (const Node& child : node_.children) {
    if (std::find(known_.begin(), known_.end(), child.key) != known_.end()) continue;
    const std::string_view guess = nearest(child.key, known_);
    if (guess.empty()) {
      mistake(child.key_where,
              fmt::format("\"{}\" is no key{}; remove it, config/ballast.toml shows every key",
                          child.key, in));
      continue;
    }
    mistake(child.key_where,
            fmt::format("\"{}\" is no key{}; did you mean \"{}\"?", child.key, in, guess));
    // Its misspelling is reported, that it is missing need not be.
    report_.spoiled.insert(path_of(guess));
    std::erase_if(missing_, [guess](const Missing& missing) { return missing.key == guess; });
  }
  for (Missing& missing : missing_) mistake(node_.where, std::move(missing.message));
}

}  // namespace lb::config
