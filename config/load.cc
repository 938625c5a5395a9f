#include "config/load.h"

#include <fmt/format.h>
#include <grp.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "config/base/printable.h"
#include "config/base/read_file.h"
#include "config/cpu_list.h"
#include "config/parse.h"
#include "config/prefix_list.h"
#include "config/secret.h"
#include "config/toml_tree.h"
#include "config/validate.h"

namespace lb::config {
namespace {

// "service[3].real_server[1].address" in the tree; the nearest thing around it when it is absent,
// and then `exact` is false.
const Node& resolve(const Node& root, std::string_view path, bool& exact) {
  const Node* node = &root;
  exact = true;
  while (!path.empty()) {
    const std::size_t end = path.find_first_of(".[");
    const Node* const member = node->find(path.substr(0, end));
    if (member == nullptr) {
      exact = false;
      return *node;
    }
    node = member;
    path.remove_prefix(std::min(end, path.size()));
    if (path.starts_with('[')) {
      const std::size_t close = path.find(']');
      const std::size_t index = std::stoul(std::string(path.substr(1, close - 1)));
      if (index >= node->children.size()) {
        exact = false;
        return *node;
      }
      node = &node->children[index];
      path.remove_prefix(close + 1);
    }
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return *node;
}

Location locate(const Node& root, std::string_view paths) {
  std::optional<Location> around;
  while (true) {
    const std::size_t bar = paths.find('|');
    bool exact = false;
    const Node& node = resolve(root, paths.substr(0, bar), exact);
    if (exact) return node.where;
    if (!around) around = node.where;
    if (bar == std::string_view::npos) return *around;
    paths.remove_prefix(bar + 1);
  }
}

bool is_under(std::string_view path, std::string_view parent) {
  if (parent.empty() || !path.starts_with(parent)) return false;
  return path.size() == parent.size() || path[parent.size()] == '.' || path[parent.size()] == '[';
}

// "service[3]" of "service[3].address|service[3].addresses[0]"
std::string table_of(std::string_view paths) {
  const std::string_view path = paths.substr(0, paths.find('|'));
  return std::string(path.substr(0, path.rfind('.')));
}

// A wrong value was left at its default, so what is said across tables about it would mislead.
bool is_spoiled(const Problem& problem, const std::set<std::string>& spoiled) {
  // Both by the order of the set: there may be many of either.
  for (std::size_t end = problem.path.size(); end != std::string::npos && end > 0;
       end = problem.path.find_last_of(".[", end - 1)) {
    if (spoiled.contains(problem.path.substr(0, end))) return true;
  }
  if (problem.follows.empty()) return false;
  for (auto at = spoiled.lower_bound(problem.follows);
       at != spoiled.end() && at->starts_with(problem.follows); ++at) {
    if (is_under(*at, problem.follows)) return true;
  }
  return false;
}

void add_problems(const std::vector<Problem>& problems, const ReadReport& report, const Node& root,
                  std::vector<Mistake>& mistakes) {
  std::set<std::string> spoiled = report.spoiled;
  for (const Problem& problem : problems) {
    if (problem.kind != ProblemKind::kSpoilsTable) continue;
    if (!is_spoiled(problem, report.spoiled))
      mistakes.push_back({locate(root, problem.path), problem.message});
    spoiled.insert(table_of(problem.path));
  }
  bool network_spoiled = std::any_of(spoiled.begin(), spoiled.end(), [](const std::string& path) {
    return is_under(path, "port") || is_under(path, "route");
  });
  for (const Problem& problem : problems) {
    network_spoiled = network_spoiled || problem.kind == ProblemKind::kSpoilsNetwork;
  }
  for (const Problem& problem : problems) {
    if (problem.kind == ProblemKind::kSpoilsTable || is_spoiled(problem, spoiled)) continue;
    if (network_spoiled && problem.kind == ProblemKind::kFollowsNetwork) continue;
    mistakes.push_back(Mistake{locate(root, problem.path), problem.message});
  }
}

// The clients' prefixes in separate files; one file may serve many services.
void read_lists(Config& config, ReadReport& report, const Node& root) {
  std::map<std::string, std::vector<Prefix>> files;
  const auto read = [&](std::size_t service, const char* key, const std::string& path,
                        std::vector<Prefix>& out) {
    if (path.empty()) return;
    const auto [file, is_new] = files.try_emplace(path);
    if (is_new) {
      std::vector<std::string> wrong;
      file->second = read_prefix_file(path, wrong);
      const Location where = locate(root, fmt::format("service[{}].{}", service, key));
      for (std::string& each : wrong) {
        report.mistakes.push_back(Mistake{where, fmt::format("{}: {}", key, each)});
      }
    }
    out = file->second;
  };
  for (std::size_t i = 0; i < config.services.size(); ++i) {
    Access& access = config.services[i].access;
    read(i, "allow_file", access.allow_file, access.allow_listed);
    read(i, "deny_file", access.deny_file, access.deny_listed);
  }
}

void hide_passwords(std::vector<Mistake>& mistakes) {
  for (Mistake& mistake : mistakes) mistake.message = without_passwords(std::move(mistake.message));
}

Loaded unreadable(const std::string& file_name, const std::string& why) {
  Loaded loaded;
  loaded.file_name = file_name;
  loaded.mistakes.push_back(Mistake{Location{}, why});
  return loaded;
}

}  // namespace

Machine Machine::here() {
  Machine machine;
  machine.has_group = [](const std::string& name) { return ::getgrnam(name.c_str()) != nullptr; };
  std::ifstream file("/sys/devices/system/cpu/online");
  std::string line;
  if (std::getline(file, line)) {
    if (auto cpus = parse_cpu_list(line)) machine.cpus = std::move(*cpus);
  }
  if (machine.cpus.empty()) {
    const unsigned count = std::max(1u, std::thread::hardware_concurrency());
    for (unsigned cpu = 0; cpu < count; ++cpu) machine.cpus.push_back(cpu);
  }
  return machine;
}

Machine Machine::any() {
  Machine machine;
  machine.reads_lists = false;
  return machine;
}

Loaded load_text(std::string_view text, const std::string& file_name, const Machine& machine) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.size() > kMaxFileBytes) {
    return unreadable(file_name, fmt::format("is larger than {} MiB; is it a configuration file?",
                                             kMaxFileBytes >> 20));
  }
  Loaded loaded;
  loaded.file_name = file_name;
  Node root;
  if (!read_toml(text, root, loaded.mistakes)) {
    hide_passwords(loaded.mistakes);
    return loaded;
  }
  ReadReport report;
  loaded.config = parse(root, report);
  if (machine.reads_lists) read_lists(loaded.config, report, root);
  loaded.mistakes = std::move(report.mistakes);
  std::vector<Problem> problems = validate(loaded.config, machine);
  if (machine.missing) {
    const std::vector<Problem> missing = machine.missing(loaded.config);
    problems.insert(problems.end(), missing.begin(), missing.end());
  }
  add_problems(problems, report, root, loaded.mistakes);
  hide_passwords(loaded.mistakes);
  std::stable_sort(loaded.mistakes.begin(), loaded.mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.where < b.where; });
  return loaded;
}

Result<std::string> read_file(const std::string& path) {
  auto text = read_regular_file(path, kMaxFileBytes);
  if (!text) return fail(text.error().message + "; name the configuration file");
  return text;
}

Loaded load_file(const std::string& path, const Machine& machine) {
  const auto text = read_file(path);
  return text ? load_text(*text, path, machine) : unreadable(path, text.error().message);
}

std::string format_mistakes(const std::string& file_name, const std::vector<Mistake>& mistakes) {
  std::string out;
  for (const Mistake& mistake : mistakes) {
    const std::string message = printable(mistake.message);
    out += mistake.where.line == 0 ? fmt::format("{}: {}\n", printable(file_name), message)
                                   : fmt::format("{}:{}:{}: {}\n", printable(file_name),
                                                 mistake.where.line, mistake.where.column, message);
  }
  return out;
}

}  // namespace lb::config
