#include "config/import/keepalived_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace lb::importer::keepalived {
namespace {

constexpr int kMaxIncludes = 16;           // one in the other
constexpr int kMaxFiles = 1000;            // included, each time counted
constexpr std::size_t kMaxLines = 50'000;  // that macros and sequences make
constexpr std::size_t kMaxLineBytes = 16'384;
constexpr std::size_t kMaxDepth = 16;

struct Line {
  std::string text;
  Place place;
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Without what follows '#' or '!' outside of quotes.
std::string_view without_comment(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (!quoted && (text[i] == '#' || text[i] == '!') && (i == 0 || is_space(text[i - 1]))) {
      return text.substr(0, i);
    }
  }
  return text;
}

bool in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

// From files to lines: includes, conditions, macros, sequences.
class Lines {
 public:
  Lines(const Options& options, std::string_view id, std::vector<Note>& notes)
      : options_(options), id_(id), notes_(notes) {}

  void read(const File& file, int depth) {
    std::uint32_t number = 0;
    std::string joined;
    std::uint32_t first = 0;
    for (std::size_t begin = 0; begin < file.text.size();) {
      const std::size_t end = std::min(file.text.find('\n', begin), file.text.size());
      std::string_view text =
          trimmed(without_comment(std::string_view(file.text).substr(begin, end - begin)));
      begin = end + 1;
      ++number;
      if (joined.empty()) first = number;
      const bool goes_on = text.ends_with('\\');
      if (goes_on) text.remove_suffix(1);
      joined += text;
      if (goes_on && begin < file.text.size()) {
        joined += '\n';
        continue;
      }
      line(joined, {file.path, first}, file, depth);
      joined.clear();
    }
  }

  std::vector<Line> take() { return std::move(lines_); }
  const std::set<std::string>& ids() const { return ids_; }

 private:
  void line(std::string_view text, const Place& place, const File& file, int depth) {
    if (text.starts_with('@')) {
      const std::size_t end = std::min(text.find_first_of(" \t\n"), text.size());
      std::string_view name = text.substr(1, end - 1);
      const bool inverted = name.starts_with('^');
      if (inverted) name.remove_prefix(1);
      ids_.emplace(name);
      if ((name == id_) == inverted) return;
      text = trimmed(text.substr(end));
    }
    if (define(text)) return;
    for (const std::string& expanded : expand(text, place)) {
      for (std::size_t begin = 0; begin <= expanded.size();) {
        const std::size_t end = std::min(expanded.find('\n', begin), expanded.size());
        whole_line(trimmed(std::string_view(expanded).substr(begin, end - begin)), place, file,
                   depth);
        begin = end + 1;
      }
    }
  }

  void whole_line(std::string_view text, const Place& place, const File& file, int depth) {
    if (text.empty()) return;
    for (const std::string_view word :
         {"include", "includer", "includem", "includew", "includeb"}) {
      if (!text.starts_with(word) || text.size() == word.size() || !is_space(text[word.size()]))
        continue;
      return include(std::string(trimmed(text.substr(word.size()))), place, file, depth);
    }
    if (lines_.size() < kMaxLines) {
      lines_.push_back({std::string(text), place});
    } else if (lines_.size() == kMaxLines) {
      lines_.push_back({{}, place});
      notes_.push_back({Severity::kError, place, "macros",
                        fmt::format("they make more than {} lines", kMaxLines),
                        "the rest is left out"});
    }
  }

  void include(std::string pattern, const Place& place, const File& file, int depth) {
    if (pattern.size() > 1 && pattern.front() == '"' && pattern.back() == '"') {
      pattern = pattern.substr(1, pattern.size() - 2);
    }
    if (!pattern.starts_with('/')) pattern = folder_of(file.path) + pattern;
    const std::vector<std::string> paths = options_.glob(pattern);
    if (paths.empty()) {
      notes_.push_back({Severity::kError,
                        place,
                        "include",
                        {},
                        pattern + ": no such file; what it has is missing"});
    }
    for (const std::string& path : paths) {
      if (depth >= kMaxIncludes || ++files_ > kMaxFiles) {
        notes_.push_back({Severity::kError,
                          place,
                          "include",
                          {},
                          path + ": too many includes, or too deep, one in the other"});
        return;
      }
      auto text = options_.read(path);
      if (text) {
        read({path, std::move(*text)}, depth + 1);
      } else {
        notes_.push_back({Severity::kError, place, "include", {}, text.error().message});
      }
    }
  }

  // "$NAME = VALUE"
  bool define(std::string_view text) {
    if (!text.starts_with('$')) return false;
    std::size_t end = 1;
    while (end < text.size() && in_name(text[end])) ++end;
    const std::string_view rest = trimmed(text.substr(end));
    if (end == 1 || !rest.starts_with('=')) return false;
    macros_[std::string(text.substr(1, end - 1))] = trimmed(rest.substr(1));
    return true;
  }

  // "$NAME" and "${NAME}" replaced, then ~SEQ(NAME, FIRST, [STEP,] LAST) REST repeated.
  std::vector<std::string> expand(std::string_view text, const Place& place) {
    const std::string whole = substitute(text, {}, {});
    const std::size_t at = whole.find("~SEQ(");
    if (at == std::string::npos) return {whole};
    const std::size_t close = whole.find(')', at);
    std::vector<std::string> arguments;
    if (close != std::string::npos) {
      for (std::size_t begin = at + 5; begin <= close;) {
        const std::size_t end = std::min(whole.find(',', begin), close);
        arguments.emplace_back(trimmed(std::string_view(whole).substr(begin, end - begin)));
        begin = end + 1;
      }
    }
    std::vector<int> numbers;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      int number = 0;
      const std::string& word = arguments[i];
      if (std::from_chars(word.data(), word.data() + word.size(), number).ec == std::errc())
        numbers.push_back(number);
    }
    const int step = numbers.size() == 3 ? numbers[1] : 1;
    if (numbers.size() + 1 != arguments.size() || numbers.size() < 2 || step == 0) {
      notes_.push_back({Severity::kError,
                        place,
                        "~SEQ",
                        {},
                        "write ~SEQ(NAME, FIRST, LAST); the line is left out"});
      return {};
    }
    std::vector<std::string> lines;
    for (long i = numbers.front(); step > 0 ? i <= numbers.back() : i >= numbers.back();
         i += step) {
      lines.push_back(whole.substr(0, at) +
                      substitute(trimmed(std::string_view(whole).substr(close + 1)), arguments[0],
                                 std::to_string(i)));
      if (lines.size() + lines_.size() > kMaxLines) break;
    }
    return lines;
  }

  // Once, without what macros of macros would make; keepalived expands each where it is defined.
  std::string substitute(std::string_view text, std::string_view name, const std::string& value,
                         int depth = 0) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      if (text[i] != '$' || i + 1 == text.size()) {
        out += text[i++];
        continue;
      }
      const bool braces = text[i + 1] == '{';
      const std::size_t begin = i + (braces ? 2 : 1);
      std::size_t end = begin;
      while (end < text.size() && in_name(text[end])) ++end;
      const std::string key(text.substr(begin, end - begin));
      const auto macro = macros_.find(key);
      const bool closed = !braces || (end < text.size() && text[end] == '}');
      if (!key.empty() && closed && key == name) {
        out += value;
      } else if (!key.empty() && closed && name.empty() && macro != macros_.end() && depth < 8) {
        out += substitute(macro->second, {}, {}, depth + 1);
      } else {
        out += text.substr(i, end - i + (braces && closed ? 1 : 0));
      }
      i = end + (braces && closed ? 1 : 0);
      if (out.size() > kMaxLineBytes) break;
    }
    return out;
  }

  const Options& options_;
  std::string_view id_;
  std::vector<Note>& notes_;
  std::vector<Line> lines_;
  std::map<std::string, std::string> macros_;
  std::set<std::string> ids_;
  int files_ = 0;
};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
    } else if (text[i] == '{' || text[i] == '}') {
      words.emplace_back(1, text[i++]);
    } else if (text[i] == '"') {
      const std::size_t end = std::min(text.find('"', i + 1), text.size());
      // A mark, so that a quoted brace is no brace.
      words.push_back('"' + std::string(text.substr(i + 1, end - i - 1)));
      i = end + 1;
    } else {
      const std::size_t begin = i;
      while (i < text.size() && !is_space(text[i]) && text[i] != '{' && text[i] != '}' &&
             text[i] != '"')
        ++i;
      words.emplace_back(text.substr(begin, i - begin));
    }
  }
  return words;
}

// Keywords that open a block. A block behind another one is two statements on a line, of which
// keepalived would read the first.
constexpr auto kBlocks = std::to_array<std::string_view>({"global_defs",
                                                          "notification_email",
                                                          "static_ipaddress",
                                                          "static_routes",
                                                          "static_rules",
                                                          "track_group",
                                                          "garp_group",
                                                          "linkbeat_interfaces",
                                                          "interface_up_down_delays",
                                                          "vrrp_script",
                                                          "vrrp_track_process",
                                                          "vrrp_track_file",
                                                          "track_file",
                                                          "track_process",
                                                          "vrrp_sync_group",
                                                          "group",
                                                          "vrrp_instance",
                                                          "authentication",
                                                          "virtual_ipaddress",
                                                          "virtual_ipaddress_excluded",
                                                          "virtual_routes",
                                                          "virtual_rules",
                                                          "unicast_peer",
                                                          "track_interface",
                                                          "track_script",
                                                          "track_bfd",
                                                          "virtual_server_group",
                                                          "virtual_server",
                                                          "real_server",
                                                          "TCP_CHECK",
                                                          "HTTP_GET",
                                                          "SSL_GET",
                                                          "SMTP_CHECK",
                                                          "DNS_CHECK",
                                                          "MISC_CHECK",
                                                          "PING_CHECK",
                                                          "UDP_CHECK",
                                                          "FILE_CHECK",
                                                          "BFD_CHECK",
                                                          "url",
                                                          "host",
                                                          "SSL",
                                                          "bfd_instance",
                                                          "process_names"});

// Keywords with one argument.
constexpr auto kSingle = std::to_array<std::string_view>({"state",
                                                          "interface",
                                                          "virtual_router_id",
                                                          "priority",
                                                          "advert_int",
                                                          "auth_type",
                                                          "auth_pass",
                                                          "weight",
                                                          "interval",
                                                          "rise",
                                                          "fall",
                                                          "delay_loop",
                                                          "lb_algo",
                                                          "lvs_sched",
                                                          "lb_kind",
                                                          "protocol",
                                                          "persistence_timeout",
                                                          "persistence_granularity",
                                                          "quorum",
                                                          "hysteresis",
                                                          "connect_timeout",
                                                          "connect_port",
                                                          "connect_ip",
                                                          "bindto",
                                                          "retry",
                                                          "nb_get_retry",
                                                          "delay_before_retry",
                                                          "path",
                                                          "virtualhost",
                                                          "router_id",
                                                          "uthreshold",
                                                          "lthreshold",
                                                          "mcast_src_ip",
                                                          "unicast_src_ip",
                                                          "preempt_delay",
                                                          "misc_timeout",
                                                          "version"});

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class TreeMaker {
 public:
  explicit TreeMaker(Tree& tree) : tree_(tree) { open_.push_back(&tree.statements); }

  void add(const Line& line) {
    Statement statement;
    statement.place = line.place;
    for (std::string& word : words_of(line.text)) {
      if (word == "{") {
        begin_block(statement, line.place);
      } else if (word == "}") {
        finish(statement);
        end_block(line.place);
      } else {
        statement.words.push_back(word.starts_with('"') ? word.substr(1) : std::move(word));
      }
    }
    finish(statement);
  }

  void end(const Place& place) {
    if (open_.size() > 1) {
      tree_.notes.push_back(
          {Severity::kError, place, "}", {}, "a block is not closed at the end of the file"});
    }
  }

 private:
  void finish(Statement& statement) {
    if (statement.words.empty()) return;
    if (statement.words.size() > 2 && is_one_of(kSingle, statement.name())) {
      tree_.notes.push_back(
          {Severity::kError, statement.place, statement.name(), statement.arguments(),
           "it has one argument: the rest is left out; each keyword needs a line of its own"});
    }
    open_.back()->push_back(statement);
    statement.words.clear();
  }

  void begin_block(Statement& statement, const Place& place) {
    std::vector<Statement>& siblings = *open_.back();
    // The brace may stand on the line after.
    if (!statement.words.empty()) {
      if (statement.words.size() > 1 && !is_one_of(kBlocks, statement.name())) {
        tree_.notes.push_back(
            {Severity::kError, place, statement.name(), statement.arguments() + " {",
             "it has no block: the block is left out; each keyword needs a line of its own"});
      }
      siblings.push_back(statement);
      statement.words.clear();
    } else if (siblings.empty() || siblings.back().has_block) {
      tree_.notes.push_back({Severity::kError, place, "{", {}, "a block without a name"});
      siblings.push_back({{"{"}, {}, false, place});
    }
    if (open_.size() >= kMaxDepth) {
      tree_.notes.push_back(
          {Severity::kError, place, "{", {}, "blocks go too deep, one in the other"});
      ++ignored_;
      return;
    }
    siblings.back().has_block = true;
    open_.push_back(&siblings.back().block);
  }

  void end_block(const Place& place) {
    if (ignored_ > 0) {
      --ignored_;
    } else if (open_.size() > 1) {
      open_.pop_back();
    } else {
      tree_.notes.push_back({Severity::kError, place, "}", {}, "there is no block to close"});
    }
  }

  Tree& tree_;
  std::vector<std::vector<Statement>*> open_;
  int ignored_ = 0;
};

}  // namespace

std::string Statement::arguments() const {
  std::string text;
  for (std::size_t i = 1; i < words.size(); ++i) text += (i > 1 ? " " : "") + words[i];
  return text;
}

std::vector<std::string> node_names(const File& file, const Options& options) {
  std::vector<Note> ignored;
  Lines lines(options, {}, ignored);
  lines.read(file, 0);
  return {lines.ids().begin(), lines.ids().end()};
}

Tree read_tree(const File& file, const Options& options, std::string_view id) {
  Tree tree;
  Lines lines(options, id, tree.notes);
  lines.read(file, 0);
  TreeMaker maker(tree);
  Place last{file.path, 0};
  for (const Line& line : lines.take()) {
    maker.add(line);
    last = line.place;
  }
  maker.end(last);
  return tree;
}

}  // namespace lb::importer::keepalived
