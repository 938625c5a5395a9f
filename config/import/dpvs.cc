#include "config/import/dpvs.h"

#include <fmt/format.h>

namespace lb::importer {
namespace {

bool is_program(const std::string& word, std::string_view name) {
  return word == name || (word.ends_with(name) && word[word.size() - name.size() - 1] == '/');
}

void read_script(const File& file, DpvsState& state, Context& context) {
  IpvsadmTable table(state.ipvsadm, context, true);
  for (Command& command : read_commands(file, context)) {
    std::vector<std::string>& words = command.words;
    if (words.front() == "sudo" && words.size() > 1) words.erase(words.begin());
    const std::string program = words.front();
    if (command.stops) {
      context.note(Severity::kInfo, command.place, command.line,
                   "in a branch that stops what the others start", "left out");
    } else if (is_program(program, "ipvsadm") || is_program(program, "dpip")) {
      words.erase(words.begin());
      (is_program(program, "dpip") ? read_dpip : read_dpvs_ipvsadm)(words, command.place, state,
                                                                    context);
    } else if (program != "->" && program.starts_with('-')) {
      read_dpvs_ipvsadm(words, command.place, state, context);
    } else if (!table.read(command.line, command.place)) {
      context.note(Severity::kWarning, command.place, command.line,
                   "neither a command of ipvsadm or dpip nor a line of their tables",
                   "not read: do what it did by hand if it is needed here");
    }
  }
}

void read_file(const File& file, DpvsState& state, Context& context) {
  if (is_dpvs_conf(file)) {
    state.has_conf = true;
    read_dpvs_conf(file, state, context);
  } else {
    read_script(file, state, context);
  }
}

Node make_node(const std::vector<const File*>& files, const Options& options) {
  const File& first = *files.front();
  Node node{first.path, Context(options, dpvs_keywords())};
  DpvsState state;
  for (const File* file : files) read_file(*file, state, node.context);
  write_dpvs_network(state, node.context);
  write_ipvs(state.ipvsadm.ipvs, node.context);
  if (state.ipvsadm.ipvs.by_key.empty()) {
    node.context.note(Severity::kWarning, {first.path, 0}, "services", "none in these files",
                      "import the file of the program that makes them as well: `lbcli import "
                      "keepalived keepalived.conf`, and join both results");
  }
  node.context.finish("", {first.path, 0});
  return node;
}

}  // namespace

// A file with services is a director. What the others hold (dpvs.conf, addresses, time-outs) belongs
// to all.
Result<std::vector<Node>> import_dpvs(const std::vector<File>& files, const Options& options) {
  std::vector<const File*> directors;
  std::vector<const File*> common;
  for (const File& file : files) {
    DpvsState state;
    Context context(options, dpvs_keywords());
    read_file(file, state, context);
    if (!state.has_conf && !state.ipvsadm.recognized) {
      return wrong_request(
          fmt::format("{}: neither a dpvs.conf nor commands of ipvsadm or dpip; a keepalived.conf "
                      "is imported by "
                      "`lbcli import keepalived`",
                      file.path));
    }
    (state.ipvsadm.ipvs.by_key.empty() ? common : directors).push_back(&file);
  }
  if (directors.size() > 2) {
    return wrong_request("more than two files with services: a pair has two directors");
  }
  std::vector<Node> nodes;
  if (directors.empty()) {
    nodes.push_back(make_node(common, options));
    return nodes;
  }
  for (const File* director : directors) {
    std::vector<const File*> all = {director};
    all.insert(all.end(), common.begin(), common.end());
    nodes.push_back(make_node(all, options));
  }
  return nodes;
}

}  // namespace lb::importer
