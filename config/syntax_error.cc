#include "config/syntax_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "config/toml_guard.h"

namespace lb::config {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

bool is_bare_key_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What a header or a setting names: a.b in "[a.b]", "[[a.b]]" and "a.b = 1".
struct Named {
  std::string_view name;
  bool is_header = false;
};

std::optional<Named> named_by(std::string_view line) {
  line = trim(line);
  if (line.starts_with('[')) {
    const std::size_t start = line.find_first_not_of("[ \t");
    if (start == std::string_view::npos) return std::nullopt;
    return Named{trim(line.substr(start, line.find(']', start) - start)), true};
  }
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos || line.starts_with('#')) return std::nullopt;
  return Named{trim(line.substr(0, equals)), false};
}

std::string joined(std::string_view table, std::string_view key) {
  return table.empty() ? std::string(key) : fmt::format("{}.{}", table, key);
}

bool is_inside(std::string_view name, std::string_view table) {
  return name.size() > table.size() && name.starts_with(table) && name[table.size()] == '.';
}

// A name that stands a second time, or in two meanings. Where the other one is has to be looked for
// in the text: the library does not tell.
std::string explain_conflict(const Source& source, std::uint32_t number, std::string_view report) {
  const Named here = named_by(source.line(number)).value_or(Named{});
  const auto lines_above = [&](auto take) {
    std::string table;
    for (std::uint32_t each = 1; each < number; ++each) {
      const auto there = named_by(source.line(each));
      if (!there) continue;
      const std::string name = joined(there->is_header ? "" : table, there->name);
      if (there->is_header) table = name;
      take(each, *there, name);
    }
    return table;
  };
  const std::string table = lines_above([](auto&&...) {});
  const std::string sought = joined(here.is_header ? "" : table, here.name);
  std::uint32_t other = 0;
  bool exact = false;
  bool same_form = false;
  lines_above([&](std::uint32_t each, const Named& there, const std::string& name) {
    const bool holds = !there.is_header && is_inside(sought, name);
    if (name != sought && (exact || !(holds || is_inside(name, sought)))) return;
    other = each;
    exact = name == sought;
    same_form = there.is_header == here.is_header;
  });
  if (other == 0) return "this name stands here for the second time; keep one of the two";
  const bool is_list = contains(report, "existing array") || contains(report, "array-of-tables");
  if (exact && same_form && !(here.is_header && is_list)) {
    return fmt::format("\"{}\" stands here for the second time, the first was on line {}; keep one",
                       here.name, other);
  }
  return fmt::format(
      "this does not go together with line {}; a name is either one [table] or several [[tables]], "
      "and one that has a value on its own line is neither",
      other);
}

bool looks_like_number(std::string_view word) {
  if (!word.empty() && (word[0] == '-' || word[0] == '+')) word.remove_prefix(1);
  return !word.empty() && word.find_first_not_of("0123456789_") == std::string_view::npos;
}

std::string explain_word(std::string_view word, std::string_view report) {
  if (word == "True" || word == "False" || word == "TRUE" || word == "FALSE") {
    return fmt::format("{} must be written in small letters", word);
  }
  if (contains(report, "64 bits")) return fmt::format("{} is out of range; write less", word);
  if (looks_like_number(word)) {
    return fmt::format("{} is not a number; write digits without leading zeros, as 1000 or 1_000",
                       word);
  }
  return fmt::format("{} is not a value; put text between quotes: \"{}\"", word, word);
}

// A value, or a part of one, up to a comma, a closing bracket, a comment or the end of the line.
std::string_view bare_word(std::string_view text) {
  return trim(text.substr(0, text.find_first_of(",]}#\n")));
}

class Explainer {
 public:
  Explainer(const Source& source, std::string_view report, Location where)
      : source_(source),
        text_(source.text()),
        report_(report),
        number_(std::clamp(where.line, 1u, source.lines())),
        line_(source.line(number_)),
        line_start_(source.line_offset(number_)),
        at_(source.offset_of(Location{number_, where.column})) {}

  Mistake explain() const {
    if (contains(report_, "cannot redefine") || contains(report_, "cannot insert")) {
      return mistake(at_, explain_conflict(source_, number_, report_));
    }
    const auto around = open_bracket(source_, line_start_);
    if (around && begins_anew()) return not_closed(*around);
    if (!around && trim(line_).starts_with('[')) return header();
    if (const auto inside = open_bracket(source_, at_)) {
      if (auto wrong = in_brackets(*inside)) return *wrong;
    } else if (!around && is_key()) {
      return mistake(at_, explain_key());
    }
    return value();
  }

 private:
  Mistake mistake(std::size_t offset, std::string message) const {
    return Mistake{source_.locate(offset), std::move(message)};
  }

  // A line that cannot be meant for the list that is still open above it.
  bool begins_anew() const {
    const auto named = named_by(line_);
    return named && (named->is_header ||
                     std::all_of(named->name.begin(), named->name.end(), is_bare_key_char));
  }

  Mistake not_closed(std::size_t bracket) const {
    return text_[bracket] == '['
               ? mistake(bracket, "the list that begins here is not closed; end it with ]")
               : mistake(bracket,
                         "the inline table that begins here is not closed on its line; end it "
                         "with }");
  }

  Mistake header() const {
    const std::string_view body = trim(line_);
    return mistake(
        line_start_ + line_.find('['),
        fmt::format("{} is no table header; write [name], or [[name]] where there may be several",
                    trim(body.substr(0, body.find('#')))));
  }

  std::optional<Mistake> in_brackets(std::size_t bracket) const {
    const bool line_ends = trim(text_.substr(at_, text_.find('\n', at_) - at_)).empty();
    if (contains(report_, "end-of-file") || (text_[bracket] == '{' && line_ends)) {
      return not_closed(bracket);
    }
    if (contains(report_, "expected comma")) {
      return mistake(at_, "a comma or the closing bracket is missing here");
    }
    if (contains(report_, "comma")) return mistake(at_, "a comma too many; remove it");
    if (contains(report_, "expected '='")) {
      return mistake(at_, "a \"=\" is missing here; write { key = \"value\" }");
    }
    return std::nullopt;
  }

  // The library stopped before the "=" of a setting.
  bool is_key() const {
    const std::size_t equals = line_.find('=');
    return equals == std::string_view::npos || at_ - line_start_ <= equals;
  }

  std::string explain_key() const {
    const std::size_t equals = line_.find('=');
    const std::string_view key = trim(line_.substr(0, equals));
    if (equals == std::string_view::npos) {
      return fmt::format("{} is no setting; write KEY = VALUE, or # before a comment", key);
    }
    if (key.empty()) return "no key before \"=\"; write KEY = VALUE";
    return fmt::format("{} is no key; keys are made of letters, digits, \"_\" and \"-\"", key);
  }

  Mistake value() const {
    const std::string_view left = trim(line_.substr(0, at_ - line_start_));
    const std::string_view rest = bare_word(text_.substr(at_));
    if (left.ends_with('=') && rest.empty()) {
      return mistake(at_, "no value after \"=\"; write one");
    }
    if (contains(report_, "parsing string")) {
      return mistake(at_,
                     "a text with an unknown escape; write a backslash as \\\\, or use single "
                     "quotes: '...'");
    }
    // The whole word is at fault, not the character of it that the library did not expect.
    std::size_t start = at_;
    while (start > line_start_ && !contains(" \t,[{=]}\"'", text_.substr(start - 1, 1))) --start;
    if (contains(report_, "expected a comment") && start == at_) {
      return mistake(
          at_, fmt::format("unexpected {} after the value; write one KEY = VALUE per line", rest));
    }
    return mistake(start, explain_word(bare_word(text_.substr(start)), report_));
  }

  const Source& source_;
  std::string_view text_;
  std::string_view report_;
  std::uint32_t number_;
  std::string_view line_;
  std::size_t line_start_;
  std::size_t at_;  // where the library stopped
};

}  // namespace

Mistake explain_syntax_error(const Source& source, std::string_view report, Location where) {
  return Explainer(source, report, where).explain();
}

}  // namespace lb::config
