// The words of a line: section 2.2 (quoting) and 2.3 (environment variables) of HAProxy's manual.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/import/haproxy_file.h"

namespace lb::importer::haproxy {
namespace {

// Longer lines are cut: variables may have any length and stand in every line.
constexpr std::size_t kMostBytes = 8192;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

class LineReader {
 public:
  LineReader(Context& context, const Place& place, const Environment& environment)
      : context_(context), place_(place), environment_(environment) {}

  std::vector<std::string> read(std::string_view line) {
    line_ = line;
    while (at_ < line_.size() && step()) {
    }
    if (quote_ != 0) error(std::string(1, quote_), "a quote that does not end");
    if (in_word_) words_.push_back(std::move(word_));
    return std::move(words_);
  }

 private:
  void error(std::string keyword, std::string there) {
    context_.note(Severity::kError, place_, std::move(keyword), std::move(there),
                  "read as it stands there");
  }

  void add(char c) {
    in_word_ = true;
    if (bytes_ == kMostBytes) {
      context_.note(Severity::kError, place_, "line", "more than 8192 bytes", "cut there");
      ++bytes_;
    }
    if (bytes_ > kMostBytes) return;
    ++bytes_;
    word_ += c;
  }

  void end_word() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  // False: the rest is a comment.
  bool step() {
    const char c = line_[at_++];
    if (quote_ == '\'') {
      if (c == '\'') {
        quote_ = 0;
      } else {
        add(c);
      }
    } else if (c == '\\') {
      escape();
    } else if (c == '"' || (c == '\'' && quote_ == 0)) {
      quote_ = quote_ == 0 ? c : '\0';
      in_word_ = true;
    } else if (quote_ == '"' && c == '$') {
      variable();
    } else if (quote_ == 0 && c == '#') {
      return false;
    } else if (quote_ == 0 && (c == ' ' || c == '\t' || c == '\r')) {
      end_word();
    } else {
      add(c);
    }
    return true;
  }

  void escape() {
    if (at_ >= line_.size()) {
      error("\\", "a backslash at the end of the line");
      return;
    }
    const char c = line_[at_++];
    switch (c) {
      case 'n':
        return add('\n');
      case 'r':
        return add('\r');
      case 't':
        return add('\t');
      case ' ':
      case '#':
      case '\\':
      case '"':
      case '\'':
        return add(c);
      case '$':
        return add(c);
      case 'x': {
        unsigned value = 0;
        const char* const begin = line_.data() + at_;
        const std::size_t room = std::min<std::size_t>(2, line_.size() - at_);
        const auto [end, failed] = std::from_chars(begin, begin + room, value, 16);
        if (failed != std::errc() || end != begin + 2) {
          error("\\x", "two hexadecimal digits follow");
          return;
        }
        at_ += 2;
        return add(static_cast<char>(value));
      }
      default:
        add('\\');
        add(c);
    }
  }

  // Behind a "$" between double quotes: NAME, {NAME}, {NAME-OTHERWISE}, {NAME[*]}.
  void variable() {
    const std::size_t begin = at_;
    const bool braces = at_ < line_.size() && line_[at_] == '{';
    if (braces) ++at_;
    const std::size_t name_begin = at_;
    while (at_ < line_.size() && is_name_character(line_[at_])) ++at_;
    const std::string_view name = line_.substr(name_begin, at_ - name_begin);
    std::string_view otherwise;
    bool has_otherwise = false;
    bool is_list = false;
    if (braces) {
      const std::size_t end = line_.find('}', at_);
      if (end == std::string_view::npos || name.empty()) {
        error("$", "no name of a variable");
        return;
      }
      std::string_view rest = line_.substr(at_, end - at_);
      if (rest.starts_with("[*]")) {
        is_list = true;
        rest.remove_prefix(3);
      }
      if (rest.starts_with('-')) {
        has_otherwise = true;
        otherwise = rest.substr(1);
      }
      at_ = end + 1;
    }
    insert(name, line_.substr(begin, at_ - begin), has_otherwise, otherwise, is_list);
  }

  void insert(std::string_view name, std::string_view written, bool has_otherwise,
              std::string_view otherwise, bool is_list) {
    std::string value;
    const auto known = environment_.find(name);
    if (known != environment_.end()) {
      value = known->second;
    } else if (name == ".LINE") {
      value = std::to_string(place_.line);
    } else if (name == ".FILE") {
      value = place_.file;
    } else if (has_otherwise) {
      value = otherwise;
    } else {
      context_.note(Severity::kError, place_, std::string(written),
                    "a variable of the environment that the files do not set",
                    "it stays as it is written; import a file before them with `global` and "
                    "`setenv NAME VALUE`");
      value = '$' + std::string(written);
    }
    for (const char c : value) {
      if (is_list && c == ' ') {
        end_word();
      } else {
        add(c);
      }
    }
  }

  Context& context_;
  const Place& place_;
  const Environment& environment_;
  std::string_view line_;
  std::size_t at_ = 0;
  std::size_t bytes_ = 0;
  char quote_ = 0;
  bool in_word_ = false;
  std::string word_;
  std::vector<std::string> words_;
};

}  // namespace

std::vector<std::string> split_line(Context& context, std::string_view line, const Place& place,
                                    const Environment& environment) {
  return LineReader(context, place, environment).read(line);
}

}  // namespace lb::importer::haproxy
