// keepalived.conf as a tree of statements.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "config/import/context.h"

namespace lb::importer::keepalived {

struct Statement {
  std::vector<std::string> words;  // at least one, but for a block without a name
  std::vector<Statement> block;
  bool has_block = false;
  Place place;

  const std::string& name() const { return words.front(); }
  // The first argument; empty without one.
  std::string argument() const { return words.size() > 1 ? words[1] : std::string(); }
  // All arguments, with a space between.
  std::string arguments() const;
};

struct Tree {
  std::vector<Statement> statements;
  std::vector<Note> notes;              // what was wrong with the text
  std::vector<std::string> node_names;  // behind '@' at the beginning of lines, sorted
};

// As the node `id` reads it; empty: without one.
Tree read_tree(const File& file, const Options& options, std::string_view id);

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace lb::importer::keepalived
