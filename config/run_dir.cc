#include "config/run_dir.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "config/load.h"
#include "config/model.h"
#include "config/toml_tree.h"
#include "config/validate_internal.h"

namespace lb::config {
namespace {

std::string_view without_blanks(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  return line.substr(0, line.find_last_not_of(kBlanks) + 1);
}

// Only what could be one: a connection is to be tried with it.
std::optional<std::string> usable(const Node* node) {
  if (node == nullptr || !node->is(Node::Kind::kString) || !good_run_dir(node->text)) {
    return std::nullopt;
  }
  return node->text;
}

std::optional<Node> tree_of(std::string_view text) {
  Node root;
  std::vector<Mistake> ignored;
  if (!read_toml(text, root, ignored)) return std::nullopt;
  return root;
}

const Node* director_run_dir(const Node& root) {
  const Node* const director = root.find("director");
  return director == nullptr ? nullptr : director->find("run_dir");
}

// The line in the table, read by itself: also of a text that is no TOML as a whole, and without the
// time that thousands of services take.
std::optional<std::string> find_line(std::string_view text) {
  std::string_view table;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = without_blanks(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with('[')) {
      table = without_blanks(line.substr(0, line.find('#')));
    } else if (table == "[director]" && line.starts_with("run_dir")) {
      const auto alone = tree_of(line);
      if (auto found = alone ? usable(alone->find("run_dir")) : std::nullopt) return found;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> find_run_dir(std::string_view text) {
  if (text.size() > kMaxFileBytes) return std::nullopt;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (auto found = find_line(text)) return found;
  // Perhaps it is written in another way.
  if (text.find("run_dir") == std::string_view::npos) return std::nullopt;
  const auto root = tree_of(text);
  return root ? usable(director_run_dir(*root)) : std::nullopt;
}

RunDir run_dir_of(const std::string& file) {
  const std::string fallback = Director{}.run_dir;
  const auto text = read_file(file);
  if (!text) {
    return {fallback, fmt::format("the default, because {} {}", file,
                                  text.error().message.substr(0, text.error().message.find(';')))};
  }
  if (auto found = find_run_dir(*text)) {
    return {std::move(*found), fmt::format("the run_dir of {}", file)};
  }
  return {fallback, fmt::format("the default, because no run_dir can be read from {}", file)};
}

}  // namespace lb::config
