// keepalived.conf as a tree of statements: comments, includes, macros and conditional lines are done
// with. See keepalived.conf(5), "INCLUDES", "SUBSTITUTIONS" and "CONDITIONAL CONFIGURATION".
#pragma once

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
  std::vector<Note> notes;  // what was wrong with the text
};

// The names behind '@' at the beginning of lines of all files, sorted.
std::vector<std::string> node_names(const File& file, const Options& options);

// As the node `id` reads it; empty: without one.
Tree read_tree(const File& file, const Options& options, std::string_view id);

}  // namespace lb::importer::keepalived
