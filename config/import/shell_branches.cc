// Which commands of a script are in a branch of a `case`, or in a function, that stops what the others
// start.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "config/import/shell_words.h"

namespace lb::importer {
namespace {

constexpr auto kStops =
    std::to_array<std::string_view>({"stop", "halt", "down", "shutdown", "off", "clear", "flush",
                                     "remove", "delete", "del", "kill", "teardown", "unload"});

// "stop", "stop_lvs", "lvs-stop".
bool stops(std::string_view name) {
  while (!name.empty()) {
    const std::size_t end = std::min(name.find_first_of("-_"), name.size());
    std::string word(name.substr(0, end));
    std::transform(word.begin(), word.end(), word.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (std::find(kStops.begin(), kStops.end(), word) != kStops.end()) return true;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return false;
}

// The label of "stop|halt) ..." ("stop|halt"); empty: the line has none.
std::string_view label_of(std::string_view line) {
  const std::size_t end = line.find(')');
  if (end == std::string_view::npos) return {};
  std::string_view label = line.substr(0, end);
  label.remove_prefix(std::min(label.find_first_not_of(" \t("), label.size()));
  return label.find_first_of("($`;&") == std::string_view::npos ? label : std::string_view{};
}

// Every name of the label stops.
bool label_stops(std::string_view label) {
  while (!label.empty()) {
    const std::size_t end = std::min(label.find('|'), label.size());
    std::string_view name = label.substr(0, end);
    const auto is_around = [](char c) { return c == ' ' || c == '\t' || c == '"' || c == '\''; };
    while (!name.empty() && is_around(name.front())) name.remove_prefix(1);
    while (!name.empty() && is_around(name.back())) name.remove_suffix(1);
    if (!stops(name)) return false;
    label.remove_prefix(std::min(end + 1, label.size()));
  }
  return true;
}

class BranchReader {
 public:
  explicit BranchReader(std::vector<Command>& commands) : commands_(commands) {}

  void read() {
    for (std::size_t i = 0; i < commands_.size(); ++i) {
      Command& command = commands_[i];
      const bool begins_line = i == 0 || command.place != commands_[i - 1].place;
      if (begins_line && !open_.empty() && open_.back().kind == Kind::kCase) label(command.line);
      strip(command.words);
      command.stops = !open_.empty() && open_.back().stops;
    }
  }

 private:
  enum class Kind : std::uint8_t { kCase, kFunction, kGroup };
  struct Block {
    Kind kind;
    bool stops;   // in it, or around it
    bool around;  // what is around it stops
    bool has_brace = false;
  };

  void open(Kind kind, bool stops) {
    const bool around = !open_.empty() && open_.back().stops;
    open_.push_back({kind, stops || around, around});
  }

  void label(const std::string& line) {
    const std::string_view label = label_of(line);
    if (label.empty()) return;
    open_.back().stops = open_.back().around || label_stops(label);
    in_label_ = true;
  }

  // Takes the words of the shell off a command; one that has no others keeps them.
  void strip(std::vector<std::string>& words) {
    std::size_t at = 0;
    while (at < words.size() && is_of_shell(words, at)) {
    }
    if (at < words.size()) words.erase(words.begin(), words.begin() + static_cast<long>(at));
  }

  // Whether words of the shell are at `at`, which is behind them then.
  bool is_of_shell(const std::vector<std::string>& words, std::size_t& at) {
    const std::string& word = words[at];
    if (in_label_) {
      in_label_ = !word.ends_with(')');
      ++at;
    } else if (word == "case") {
      open(Kind::kCase, false);
      at = words.size();
    } else if (word == "esac") {
      while (!open_.empty() && open_.back().kind != Kind::kCase) open_.pop_back();
      if (!open_.empty()) open_.pop_back();
      at = words.size();
    } else if (word == "function" && at + 1 < words.size()) {
      open(Kind::kFunction, stops(words[at + 1].substr(0, words[at + 1].find('('))));
      at += 2;
    } else if (word.size() > 2 && word.ends_with("()")) {
      open(Kind::kFunction, stops(word.substr(0, word.size() - 2)));
      ++at;
    } else if (at + 1 < words.size() && words[at + 1] == "()") {
      open(Kind::kFunction, stops(word));
      at += 2;
    } else if (word == "{") {
      const bool of_function = !open_.empty() && open_.back().kind == Kind::kFunction &&
                               !std::exchange(open_.back().has_brace, true);
      if (!of_function) open(Kind::kGroup, false);
      ++at;
    } else if (word == "}") {
      if (!open_.empty() && open_.back().kind != Kind::kCase) open_.pop_back();
      at = words.size();
    } else {
      return false;
    }
    return true;
  }

  std::vector<Command>& commands_;
  std::vector<Block> open_;
  bool in_label_ = false;  // up to the word that ends with ')'
};

}  // namespace

void mark_stopping(std::vector<Command>& commands) {
  BranchReader(commands).read();
}

}  // namespace lb::importer
