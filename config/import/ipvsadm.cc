#include "config/import/ipvsadm.h"

#include <fmt/format.h>

#include <algorithm>

namespace lb::importer {
namespace {

bool is_ipvsadm(const std::string& word) {
  return word == "ipvsadm" || word.ends_with("/ipvsadm");
}

// Whether a word is one of these commands: "-A", "-At192.0.2.10:80", "--add-service".
bool has_command(const std::vector<std::string>& words, std::string_view letters,
                 std::string_view names) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    if (word.size() < 2 || word[0] != '-') return false;
    if (word[1] != '-') return letters.find(word[1]) != std::string_view::npos;
    return word.starts_with(names);
  });
}

// In a script with branches: behind the last command that adds anything. What is deleted from there
// on is of a branch that stops.
std::size_t end_of_additions(const std::vector<Command>& commands) {
  std::size_t end = commands.size();
  bool branches = false;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const std::string& first = commands[i].words.front();
    branches = branches || first == "if" || first == "case" || commands[i].stops;
    if (!commands[i].stops && has_command(commands[i].words, "Aa", "--add-")) end = i + 1;
  }
  return branches ? end : commands.size();
}

// Whether the command undoes what the script makes; then it has a note.
bool is_undone(const Command& command, bool after_additions, Context& context) {
  if (command.stops) {
    context.note(Severity::kInfo, command.place, command.line,
                 "in a branch that stops what the others start", "left out");
    return true;
  }
  if (!after_additions || (!has_command(command.words, "CDd", "--delete-") &&
                           !has_command(command.words, "", "--clear"))) {
    return false;
  }
  context.note(Severity::kWarning, command.place, command.line,
               "after the last command that adds anything, in a script with branches",
               "left out, as of a branch that stops: correct the result if it is none");
  return true;
}

void read_file(const File& file, IpvsadmState& state, Context& context) {
  IpvsadmTable table(state, context);
  std::vector<Command> commands = read_commands(file, context);
  const std::size_t additions = end_of_additions(commands);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    Command& command = commands[i];
    std::vector<std::string>& words = command.words;
    if (words.front() == "sudo" && words.size() > 1) words.erase(words.begin());
    const bool named = is_ipvsadm(words.front());
    if (named || (words.front() != "->" && words.front().starts_with('-'))) {
      if (named) words.erase(words.begin());
      if (is_undone(command, i >= additions, context)) {
        state.recognized = true;
      } else {
        read_ipvsadm_command(words, command.place, state, context);
      }
    } else if (!table.read(command.line, command.place)) {
      context.note(Severity::kWarning, command.place, command.line,
                   "neither a command of ipvsadm nor a line of its tables",
                   "not read: do what it did by hand if it is needed here");
    }
  }
}

bool is_blank(const File& file) {
  return file.text.find_first_not_of(" \t\r\n") == std::string::npos;
}

// What was found instead: the first error, else the first note of another severity.
std::string nothing_left(const std::vector<Note>& notes) {
  const std::string text = "no service in any of the files";
  if (notes.empty()) return text + "; import what `ipvsadm -S -n` prints";
  const auto first = std::min_element(notes.begin(), notes.end(), [](const Note& a, const Note& b) {
    return a.severity < b.severity;
  });
  if (notes.size() == 1) return fmt::format("{}: {}", text, first->to_string());
  return fmt::format("{}: {} (the first of {} notes)", text, first->to_string(), notes.size());
}

}  // namespace

// A file with services is a director. What the others hold (time-outs, daemons) belongs to all.
Result<std::vector<Node>> import_ipvsadm(const std::vector<File>& files, const Options& options) {
  std::vector<const File*> directors;
  std::vector<const File*> common;
  std::vector<const File*> blank;
  std::vector<Note> notes;
  for (const File& file : files) {
    if (is_blank(file)) {
      blank.push_back(&file);
      continue;
    }
    IpvsadmState state;
    Context context(options, ipvsadm_keywords());
    read_file(file, state, context);
    if (!state.recognized) {
      return wrong_request(fmt::format(
          "{}: no command of ipvsadm and no table of it; import what `ipvsadm -S -n` prints",
          file.path));
    }
    (state.ipvs.services.empty() ? common : directors).push_back(&file);
    notes.insert(notes.end(), context.notes.begin(), context.notes.end());
  }
  if (directors.size() > 2) {
    return wrong_request("more than two files with services: a pair has two directors");
  }
  if (directors.empty()) return wrong_request(nothing_left(notes));
  std::vector<Node> nodes;
  for (const File* director : directors) {
    Node node{director->path, Context(options, ipvsadm_keywords())};
    IpvsadmState state;
    read_file(*director, state, node.context);
    for (const File* file : common) read_file(*file, state, node.context);
    write_ipvs(state.ipvs, node.context);
    node.context.finish("", {director->path, 0});
    nodes.push_back(std::move(node));
  }
  // As `ipvsadm -l --daemon` where no daemon runs.
  for (const File* file : blank) {
    nodes.front().context.note(Severity::kInfo, {file->path, 0}, "file", "empty",
                               "nothing to import");
  }
  return nodes;
}

}  // namespace lb::importer
