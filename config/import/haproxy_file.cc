#include "config/import/haproxy_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/haproxy.h"

namespace lb::importer::haproxy {
namespace {

constexpr std::size_t kLongestValue = 4096;

class FileReader {
 public:
  explicit FileReader(Context& context) : context_(context) {
    environment_["HAPROXY_MWORKER"] = "1";
  }

  void read(const File& file) {
    has_section_ = false;
    conditions_.clear();
    std::uint32_t line_number = 0;
    for (std::size_t begin = 0; begin < file.text.size();) {
      const std::size_t end = std::min(file.text.find('\n', begin), file.text.size());
      const std::string_view raw = std::string_view(file.text).substr(begin, end - begin);
      begin = end + 1;
      const Place place{file.path, ++line_number};
      std::vector<std::string> words;
      // Lines that do not count are not read: their variables need not exist.
      if (is_active() || is_directive(raw)) words = split_line(context_, raw, place, environment_);
      if (!words.empty()) read_line({std::move(words), place});
    }
    if (!conditions_.empty()) {
      context_.note(Severity::kError, {file.path, line_number}, ".if", "without .endif", "ended");
    }
  }

  std::vector<Section> take() { return std::move(sections_); }

 private:
  struct Block {
    bool outer;      // whether the lines around it count
    bool is_active;  // whether those of the present branch do
    bool was_true;   // whether one of the branches has been
    bool has_else = false;
  };

  static bool is_directive(std::string_view raw) {
    const std::size_t begin = raw.find_first_not_of(" \t");
    return begin != std::string_view::npos && raw[begin] == '.';
  }
  bool is_active() const { return conditions_.empty() || conditions_.back().is_active; }

  void error(const Line& line, std::string there, std::string here) {
    context_.note(Severity::kError, line.place, line.words[0], std::move(there), std::move(here));
  }

  void read_line(Line line) {
    if (line.words[0].starts_with('.')) return directive(line);
    if (!is_active()) return;
    if (find_keyword(section_keywords(), {}, line.words[0]) != nullptr) return begin_section(line);
    if (!has_section_) {
      error(line, "outside of all sections", "left out");
      return;
    }
    if (sections_.back().type == "global") environment(line);
    sections_.back().lines.push_back(std::move(line));
  }

  void begin_section(const Line& line) {
    has_section_ = true;
    Section section;
    section.type = line.words[0];
    section.place = line.place;
    std::size_t next = 1;
    const bool may_be_unnamed = section.type == "defaults" || section.type == "global";
    if (line.word(next) != "from" || !may_be_unnamed) section.name = line.word(next++);
    if (line.word(next) == "from") {
      section.from = line.word(next + 1);
      next += 2;
    }
    // The addresses of old releases: "listen NAME ADDRESS:PORT".
    if (next < line.words.size() && section.type != "global") {
      context_.note(Severity::kError, line.place, section.type,
                    fmt::format("\"{}\" behind the name", line.words[next]),
                    "left out; addresses have a bind of their own");
    }
    context_.keyword({}, section.type, line.place);
    environment_[".SECTION"] = section.name.empty() ? section.type : section.name;
    sections_.push_back(std::move(section));
  }

  void environment(const Line& line) {
    const std::string& name = line.words[0];
    if (name == "setenv" || name == "presetenv") {
      if (name == "presetenv" && environment_.contains(line.word(1))) return;
      environment_[line.word(1)] = line.word(2).substr(0, kLongestValue);
    } else if (name == "unsetenv") {
      for (std::size_t i = 1; i < line.words.size(); ++i) environment_.erase(line.words[i]);
    }
  }

  std::string condition(const Line& line) const {
    std::string text;
    for (std::size_t i = 1; i < line.words.size(); ++i) {
      text += (i > 1 ? " " : "") + line.words[i];
    }
    return text;
  }

  void directive(const Line& line) {
    const std::string& name = line.words[0];
    if (name == ".if") {
      const bool outer = is_active();
      const bool holds = outer && is_true(context_, condition(line), line.place, environment_);
      conditions_.push_back({outer, holds, holds});
      return;
    }
    if (name == ".diag" || name == ".notice" || name == ".warning" || name == ".alert") {
      if (!is_active()) return;
      context_.note(name == ".alert" ? Severity::kError : Severity::kInfo, line.place, name,
                    condition(line), "a message of the file");
      return;
    }
    if (name != ".elif" && name != ".else" && name != ".endif") {
      return error(line, "no such directive there", "left out");
    }
    if (conditions_.empty()) return error(line, "without .if", "left out");
    Block& block = conditions_.back();
    if (name == ".endif") {
      conditions_.pop_back();
      return;
    }
    if (std::exchange(block.has_else, name == ".else")) {
      return error(line, "behind .else", "left out");
    }
    block.is_active =
        block.outer && !block.was_true &&
        (name == ".else" || is_true(context_, condition(line), line.place, environment_));
    block.was_true = block.was_true || block.is_active;
  }

  Context& context_;
  Environment environment_;
  std::vector<Block> conditions_;
  bool has_section_ = false;
  std::vector<Section> sections_;
};

}  // namespace

const std::string& Line::word(std::size_t index) const {
  static const std::string kNone;
  return index < words.size() ? words[index] : kNone;
}

std::vector<Section> read_sections(Context& context, const std::vector<File>& files) {
  FileReader reader(context);
  for (const File& file : files) reader.read(file);
  return reader.take();
}

}  // namespace lb::importer::haproxy
