#include "config/import/ipvsadm.h"

#include <fmt/format.h>

#include <algorithm>

namespace lb::importer {
namespace {

bool is_ipvsadm(const std::string& word) {
  return word == "ipvsadm" || word.ends_with("/ipvsadm");
}

void read_file(const File& file, IpvsadmState& state, Context& context) {
  IpvsadmTable table(state, context);
  for (Command& command : read_commands(file, context)) {
    std::vector<std::string>& words = command.words;
    if (words.front() == "sudo" && words.size() > 1) words.erase(words.begin());
    if (is_ipvsadm(words.front())) {
      words.erase(words.begin());
      read_ipvsadm_command(words, command.place, state, context);
    } else if (words.front() != "->" && words.front().starts_with('-')) {
      read_ipvsadm_command(words, command.place, state, context);
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
