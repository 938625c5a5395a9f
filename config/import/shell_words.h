// Commands of a shell script as far as files of commands use it: words with quotes, comments,
// continued lines, `NAME=value` and $NAME, without redirections. Nothing is executed; loops and
// conditions are not read.
#pragma once

#include <string>
#include <vector>

#include "config/import/context.h"
#include "config/import/note.h"

namespace lb::importer {

struct Command {
  std::vector<std::string> words;  // never empty
  std::string line;                // as it stands in the file, up to 4096 bytes
  Place place;
  bool stops = false;  // in a branch or function that undoes what the others do: "stop)"
};

// A variable that the file does not set is an error among the notes and stays as it is written. Words
// are cut at 4096 bytes.
std::vector<Command> read_commands(const File& file, Context& context);

// shell_branches.cc: sets Command::stops, and takes labels of `case` and heads of functions off the
// commands behind them. read_commands() does it.
void mark_stopping(std::vector<Command>& commands);

}  // namespace lb::importer
