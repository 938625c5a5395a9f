// keepalived.conf as lines: comments, includes, macros, sequences and lines for one node are done
// with. See keepalived.conf(5), "Conditional configuration", "Parameter substitution", "Sequence
// blocks" and "List blocks"; where the manual is silent, as keepalived 2.2.7 does.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/import/context.h"

namespace lb::importer::keepalived {

inline bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

struct Line {
  std::string text;
  Place place;  // of what made it: a macro's line is where the macro is used
};

struct Lines {
  std::vector<Line> lines;
  std::set<std::string> node_names;  // behind '@' at the beginning of a line
  std::vector<Note> notes;           // what was wrong with the text
};

// As the node `id` (keepalived -i) reads it; empty: without one. Bounded in lines and time, whatever
// macros make of it.
Lines read_lines(const File& file, const Options& options, std::string_view id);

}  // namespace lb::importer::keepalived
