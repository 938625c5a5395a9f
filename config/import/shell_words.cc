#include "config/import/shell_words.h"

#include <fmt/format.h>

#include <unordered_map>

namespace lb::importer {
namespace {

// Of a line, at each of its commands: there may be many.
constexpr std::size_t kMostOfLine = 4096;

constexpr std::size_t kMaxShellWord = 4096;

bool is_variable_name(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!first && c >= '0' && c <= '9');
}

class ShellReader {
 public:
  ShellReader(const File& file, Context& context) : file_(file), context_(context) {}

  std::vector<Command> read() {
    for (std::size_t begin = 0; begin < file_.text.size();) {
      const std::size_t end = std::min(file_.text.find('\n', begin), file_.text.size());
      std::string_view line(file_.text.data() + begin, end - begin);
      ++line_;
      begin = end + 1;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (joined_.empty()) place_ = {file_.path, line_};
      const bool goes_on = line.ends_with('\\');
      if (goes_on) line.remove_suffix(1);
      joined_ += line;
      if (goes_on) continue;
      split(joined_);
      joined_.clear();
    }
    if (!joined_.empty()) split(joined_);
    mark_stopping(commands_);
    return std::move(commands_);
  }

 private:
  void split(std::string_view line) {
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (quote != 0 && c == quote) {
        quote = 0;
      } else if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
        in_word_ = true;
        quoted_ = true;
      } else if (c == '$' && quote != '\'') {
        i = variable(line, i);
      } else if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
        put(line[++i]);
      } else if (quote != 0) {
        put(c);
      } else if (c == ' ' || c == '\t') {
        end_word();
      } else if (c == '#' && !in_word_) {
        break;
      } else if (c == '&' && word_.ends_with('>')) {
        put(c);
      } else if (c == ';' || c == '&' || c == '|') {
        end_command(line);
      } else {
        put(c);
      }
    }
    end_command(line);
  }

  void put(char c) {
    in_word_ = true;
    if (word_.size() < kMaxShellWord) word_ += c;
  }

  // From the '$' at `at`; the last character of the name.
  std::size_t variable(std::string_view line, std::size_t at) {
    const bool braces = at + 1 < line.size() && line[at + 1] == '{';
    const std::size_t begin = at + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < line.size() && is_variable_name(line[end], end == begin)) ++end;
    if (end == begin || (braces && (end == line.size() || line[end] != '}'))) {
      put('$');
      return at;
    }
    const std::string name(line.substr(begin, end - begin));
    const auto known = variables_.find(name);
    if (known == variables_.end()) {
      context_.note(Severity::kError, place_, '$' + name, "the file does not set it",
                    "write its value into the file and import it again");
      for (const char c : '$' + name) put(c);
    } else {
      for (const char c : known->second) put(c);
    }
    return braces ? end : end - 1;
  }

  void end_word() {
    if (in_word_ && !is_redirection()) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
    quoted_ = false;
  }

  // ">file", "2>&1", and ">" with the file after it: where output goes is not part of a command.
  bool is_redirection() {
    if (target_follows_) {
      target_follows_ = false;
      return true;
    }
    if (quoted_) return false;
    const std::size_t sign = word_.find_first_not_of("0123456789");
    if (sign == std::string::npos || (word_[sign] != '>' && word_[sign] != '<')) return false;
    target_follows_ = word_.find_first_not_of("<>", sign) == std::string::npos;
    return true;
  }

  void end_command(std::string_view line) {
    end_word();
    target_follows_ = false;
    if (!words_.empty() && words_.front() == "export") words_.erase(words_.begin());
    while (!words_.empty() && assign(words_.front())) words_.erase(words_.begin());
    if (!words_.empty())
      commands_.push_back({std::move(words_), std::string(line.substr(0, kMostOfLine)), place_});
    words_.clear();
  }

  bool assign(const std::string& word) {
    std::size_t end = 0;
    while (end < word.size() && is_variable_name(word[end], end == 0)) ++end;
    if (end == 0 || end == word.size() || word[end] != '=') return false;
    variables_[word.substr(0, end)] = word.substr(end + 1);
    return true;
  }

  const File& file_;
  Context& context_;
  std::vector<Command> commands_;
  std::unordered_map<std::string, std::string> variables_;
  std::vector<std::string> words_;
  std::string word_;
  std::string joined_;
  Place place_;
  std::uint32_t line_ = 0;
  bool in_word_ = false;
  bool quoted_ = false;          // a part of the word
  bool target_follows_ = false;  // the next word belongs to ">"
};

}  // namespace

std::vector<Command> read_commands(const File& file, Context& context) {
  return ShellReader(file, context).read();
}

}  // namespace lb::importer
