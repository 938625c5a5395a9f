#include "config/import/keepalived_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

namespace lb::importer::keepalived {
namespace {

constexpr int kMaxIncludes = 16;              // one in the other
constexpr int kMaxFiles = 1000;               // included, each time counted
constexpr std::size_t kMaxLines = 50'000;     // that macros and sequences make
constexpr std::size_t kMaxWork = 64'000'000;  // bytes that expansions go through
constexpr std::size_t kMaxLineBytes = 65'536;
constexpr int kMaxExpansions = 32;  // one in the other

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Without what follows '#' or '!', inside of a word, too; not in quotes, nor behind a backslash,
// which is then taken away.
std::string without_comment(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\' && i + 1 < text.size()) out += text[i++];
    if (!quoted && (c == '#' || c == '!')) break;
    if (!quoted && c == '\\' && i + 1 < text.size() && (text[i + 1] == '#' || text[i + 1] == '!')) {
      ++i;
    }
    out += text[i];
  }
  return out;
}

bool in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The end of a name that begins at `begin`; `begin` itself: there is none.
std::size_t name_end(std::string_view text, std::size_t begin) {
  if (begin < text.size() && text[begin] >= '0' && text[begin] <= '9') return begin;
  while (begin < text.size() && in_name(text[begin])) ++begin;
  return begin;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

std::optional<long> integer(std::string_view text) {
  int base = 10;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || at != end || text.starts_with('-')) return std::nullopt;
  return negative ? -static_cast<long>(value) : value;
}

// At commas outside of braces.
std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> arguments;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '{') ++depth;
    if (i < text.size() && text[i] == '}') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    arguments.emplace_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  return arguments;
}

// "{a, b}" -> a and b; "a" -> a
std::vector<std::string> members(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return {std::string(text)};
  return split_arguments(text.substr(1, text.size() - 2));
}

using Macros = std::map<std::string, std::string, std::less<>>;

class Reader {
 public:
  Reader(const Options& options, std::string_view id, Lines& result)
      : options_(options), id_(id), result_(result) {}

  void read(const File& file, int depth) {
    const File* const outer = std::exchange(file_, &file);
    const int outer_depth = std::exchange(depth_, depth);
    std::uint32_t number = 0;
    std::string definition;
    std::uint32_t first = 0;
    for (std::size_t begin = 0; begin < file.text.size();) {
      const std::size_t end = std::min(file.text.find('\n', begin), file.text.size());
      const std::string bare =
          without_comment(std::string_view(file.text).substr(begin, end - begin));
      std::string_view text = trimmed(bare);
      begin = end + 1;
      ++number;
      if (definition.empty()) first = number;
      // Only a definition goes on in the next line.
      const bool goes_on = text.ends_with('\\') && (!definition.empty() || begins_definition(text));
      if (goes_on) text.remove_suffix(1);
      definition += text;
      if (goes_on && begin < file.text.size()) {
        definition += '\n';
        continue;
      }
      line(definition, {file.path, first}, 0);
      definition.clear();
    }
    file_ = outer;
    depth_ = outer_depth;
  }

 private:
  void note(const Place& place, std::string keyword, std::string there, std::string here) {
    result_.notes.push_back(
        {Severity::kError, place, std::move(keyword), std::move(there), std::move(here)});
  }

  // Without "@NODE"; empty: the line is not for this node.
  std::string_view for_this_node(std::string_view text) {
    if (!text.starts_with('@')) return text;
    const std::size_t end = std::min(text.find_first_of(" \t\n"), text.size());
    std::string_view name = text.substr(1, end - 1);
    const bool inverted = name.starts_with('^');
    if (inverted) name.remove_prefix(1);
    result_.node_names.emplace(name);
    return (name == id_) == inverted ? std::string_view() : trimmed(text.substr(end));
  }

  static bool begins_definition(std::string_view text) {
    if (text.starts_with('@')) {
      text = trimmed(text.substr(std::min(text.find_first_of(" \t"), text.size())));
    }
    if (!text.starts_with('$')) return false;
    const std::size_t end = name_end(text, 1);
    return end > 1 && end < text.size() && text[end] == '=';
  }

  static bool is_spaced_definition(std::string_view text) {
    const std::size_t end = name_end(text, 1);
    return text.starts_with('$') && end > 1 && end < text.size() && text[end] != '=' &&
           trimmed(text.substr(end)).starts_with('=');
  }

  // A line, or several that a definition or a macro has.
  void line(std::string_view text, const Place& place, int expansions) {
    if (too_many_ || !has_time_for(text.size(), place)) return;
    text = trimmed(text);
    if (text.find('\n') != std::string_view::npos && !begins_definition(text)) {
      for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t next = std::min(text.find('\n', begin), text.size());
        line(text.substr(begin, next - begin), place, expansions);
        begin = next + 1;
      }
      return;
    }
    text = for_this_node(text);
    if (text.empty() || define(text)) return;
    if (is_spaced_definition(text)) {
      return note(place, std::string(text.substr(0, name_end(text, 1))),
                  "no definition, for the space before \"=\"; keepalived ignores the line",
                  "left out; write $NAME=VALUE");
    }
    if (expansions > kMaxExpansions) {
      return note(place, "macros", std::string(text.substr(0, 80)),
                  "they go too deep, one in the other; the line is left out");
    }
    if (text.starts_with("~SEQ(") || text.starts_with("~SEQx(") || text.starts_with("~LST(")) {
      return repeat(text, place, expansions + 1);
    }
    const std::string replaced = substitute(text, place);
    if (replaced != text) return line(replaced, place, expansions + 1);
    if (include(text, place)) return;
    if (expansions > 0) ++made_;
    add(std::string(text), place);
  }

  bool has_time_for(std::size_t bytes, const Place& place) {
    const bool had = work_ < kMaxWork;
    work_ += bytes + 16;
    if (had && work_ >= kMaxWork)
      note(place, "macros", {}, "they make too much: the rest is left out");
    return had;
  }

  void add(std::string text, const Place& place) {
    if (made_ > kMaxLines) {
      if (!std::exchange(too_many_, true)) {
        note(place, "macros", fmt::format("they make more than {} lines", kMaxLines),
             "the rest is left out");
      }
      return;
    }
    result_.lines.push_back({std::move(text), place});
  }

  bool include(std::string_view text, const Place& place) {
    for (const std::string_view word :
         {"include", "includer", "includem", "includew", "includeb", "includea"}) {
      if (text.starts_with(word) && text.size() > word.size() && is_space(text[word.size()])) {
        include_files(std::string(trimmed(text.substr(word.size()))), place);
        return true;
      }
    }
    return false;
  }

  void include_files(std::string pattern, const Place& place) {
    if (pattern.size() > 1 && pattern.front() == '"' && pattern.back() == '"') {
      pattern = pattern.substr(1, pattern.size() - 2);
    }
    if (!pattern.starts_with('/')) pattern = folder_of(file_->path) + pattern;
    const std::vector<std::string> paths = options_.glob(pattern);
    if (paths.empty()) {
      note(place, "include", {}, pattern + ": no such file; what it has is missing");
    }
    for (const std::string& path : paths) {
      if (depth_ >= kMaxIncludes || ++files_ > kMaxFiles) {
        return note(place, "include", {},
                    path + ": too many includes, or too deep, one in the other");
      }
      auto text = options_.read(path);
      if (text) {
        read({path, std::move(*text)}, depth_ + 1);
      } else {
        note(place, "include", {}, text.error().message);
      }
    }
  }

  // "$NAME=VALUE"
  bool define(std::string_view text) {
    if (!begins_definition(text)) return false;
    const std::size_t end = name_end(text, 1);
    macros_.insert_or_assign(std::string(text.substr(1, end - 1)),
                             std::string(trimmed(text.substr(end + 1))));
    return true;
  }

  // Once for each value: what follows the parentheses, with the variables set.
  void repeat(std::string_view text, const Place& place, int expansions) {
    const std::size_t open = text.find('(');
    const std::size_t close = text.find(')');
    const std::string_view kind = text.substr(0, open);
    if (close != std::string_view::npos) {
      const std::vector<std::string> arguments =
          split_arguments(substitute(text.substr(open + 1, close - open - 1), place));
      const std::string_view rest = trimmed(text.substr(close + 1));
      if (kind == "~LST" ? list(arguments, rest, place, expansions)
                         : sequence(arguments, kind == "~SEQx", rest, {place, expansions})) {
        return;
      }
    }
    note(place, std::string(kind), std::string(text.substr(0, 80)),
         kind == "~LST" ? "write ~LST(NAME, VALUE, VALUE); the line is left out"
                        : "write ~SEQ(NAME, FIRST, LAST); the line is left out");
  }

  bool list(const std::vector<std::string>& arguments, std::string_view rest, const Place& place,
            int expansions) {
    const std::vector<std::string> names = members(arguments.front());
    if (arguments.size() < 2) return false;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      if (members(arguments[i]).size() != names.size()) return false;
    }
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      const std::vector<std::string> values = members(arguments[i]);
      for (std::size_t k = 0; k < names.size(); ++k) macros_.insert_or_assign(names[k], values[k]);
      line(rest, place, expansions);
    }
    for (const std::string& name : names) macros_.erase(name);
    return true;
  }

  struct Where {
    const Place& place;
    int expansions;
  };
  bool sequence(const std::vector<std::string>& arguments, bool hexadecimal, std::string_view rest,
                const Where& where) {
    std::vector<long> numbers;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      const auto number = integer(arguments[i]);
      if (!number) return false;
      numbers.push_back(*number);
    }
    if (numbers.empty() || numbers.size() > 3) return false;
    const long last = numbers.back();
    const long first = numbers.size() > 1 ? numbers.front() : last < 0 ? -1 : 1;
    const long step = numbers.size() == 3 ? numbers[1] : last < first ? -1 : 1;
    if (step == 0) return false;
    for (long i = first; step > 0 ? i <= last : i >= last; i += step) {
      if (too_many_ || work_ >= kMaxWork) break;
      macros_.insert_or_assign(arguments.front(),
                               hexadecimal ? fmt::format("{:x}", i) : std::to_string(i));
      line(rest, where.place, where.expansions);
    }
    macros_.erase(arguments.front());
    return true;
  }

  // "$NAME" before white space or the end, and "${NAME}". What a value has in turn is replaced
  // when its lines are read.
  std::string substitute(std::string_view text, const Place& place) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      const bool braces = text.substr(i).starts_with("${");
      const std::size_t begin = i + (braces ? 2 : 1);
      const std::size_t end = text[i] == '$' ? name_end(text, begin) : begin;
      const std::size_t close = braces ? std::min(text.find('}', end), text.size()) : end;
      const bool is_whole =
          braces ? close < text.size() : end == text.size() || is_space(text[end]);
      if (text[i] != '$' || end == begin || !is_whole) {
        out += text[i++];
        continue;
      }
      const std::optional<std::string> value =
          value_of(text.substr(begin, end - begin), text.substr(end, close - end), place);
      const std::size_t after = close + (braces ? 1 : 0);
      out += value ? *value : text.substr(i, after - i);
      i = after;
      if (out.size() > kMaxLineBytes) break;
    }
    return out;
  }

  std::optional<std::string> value_of(std::string_view name, std::string_view arguments,
                                      const Place& place) {
    if (name == "_HASH") return "#";
    if (name == "_BANG") return "!";
    if (name == "_INSTANCE" && !id_.empty()) return std::string(id_);
    if (name == "_PWD") {
      const std::string folder = folder_of(file_->path);
      return folder.size() > 1 ? folder.substr(0, folder.size() - 1) : folder.empty() ? "." : "/";
    }
    if (name == "_INSTANCE" || name == "_RANDOM") {
      note(place, fmt::format("${{{}}}", name),
           name == "_RANDOM" ? "another number at each start" : "the host's name",
           "not known to an import: write the value");
      return std::nullopt;
    }
    const auto macro = macros_.find(name);
    if (macro == macros_.end() || !arguments.empty()) return std::nullopt;
    return macro->second;
  }

  const Options& options_;
  std::string_view id_;
  Lines& result_;
  Macros macros_;
  const File* file_ = nullptr;
  int depth_ = 0;
  int files_ = 0;
  std::size_t work_ = 0;
  std::size_t made_ = 0;  // lines that macros and sequences made
  bool too_many_ = false;
};

}  // namespace

Lines read_lines(const File& file, const Options& options, std::string_view id) {
  Lines result;
  Reader(options, id, result).read(file, 0);
  return result;
}

}  // namespace lb::importer::keepalived
