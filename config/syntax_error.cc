#include "config/syntax_error.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <vector>

namespace lb::config {
namespace {

struct Spot {
  std::uint32_t line = 0;
  std::size_t column = 0;  // bytes from the start of the line
  std::string_view comment;
};

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// The library shows each place as two lines: " 12 | key = value" and "    |       ^--- comment".
// Places whose text is not that line of the file (it shows parts of lines as "line 1") are left
// out.
std::vector<Spot> find_spots(const Source& source, std::string_view report) {
  constexpr std::string_view kBar = " | ";
  std::vector<Spot> spots;
  while (!report.empty()) {
    const std::string_view shown = take_line(report);
    const std::size_t bar = shown.find(kBar);
    const std::size_t digits = shown.find_first_not_of(' ');
    if (bar == std::string_view::npos || digits >= bar) continue;
    Spot spot;
    const auto [stop, error] =
        std::from_chars(shown.data() + digits, shown.data() + bar, spot.line);
    if (error != std::errc{} || stop != shown.data() + bar) continue;
    if (spot.line == 0 || spot.line > source.lines()) continue;
    if (source.line(spot.line) != shown.substr(bar + kBar.size())) continue;
    const std::string_view marks = take_line(report);
    const std::size_t mark = marks.find_first_of("^~", bar + kBar.size());
    if (mark == std::string_view::npos) continue;
    spot.column = mark - bar - kBar.size();
    const std::size_t comment = marks.find(' ', mark);
    if (comment != std::string_view::npos) spot.comment = trim(marks.substr(comment));
    spots.push_back(spot);
  }
  return spots;
}

bool is_bare_key_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

// The name between the report's first quotes: ("a.b") -> a.b
std::string_view reported_name(std::string_view report) {
  const std::size_t open = report.find("(\"");
  const std::size_t close = report.find("\")");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  return report.substr(open + 2, close - open - 2);
}

std::string explain_conflict(std::string_view report, const Spot& first, std::string_view line) {
  const std::string_view name = reported_name(report);
  const std::string_view header = trim(line);
  if (report.find("already exists.") != std::string_view::npos && !header.starts_with("[[")) {
    return fmt::format("\"{}\" stands here for the second time, the first was on line {}; keep one",
                       name, first.line);
  }
  return fmt::format(
      "this does not go together with line {}; a name is either one [table] or several [[tables]], "
      "and one that has a value on its own line is neither",
      first.line);
}

// The value behind `=`, up to a comma, a closing bracket, a comment or the end of the line.
std::string_view bare_word(std::string_view value) {
  return trim(value.substr(0, value.find_first_of(",]}#")));
}

bool looks_like_number(std::string_view word) {
  if (!word.empty() && (word[0] == '-' || word[0] == '+')) word.remove_prefix(1);
  return !word.empty() && word.find_first_not_of("0123456789_") == std::string_view::npos;
}

// Moves `column` from the middle of a word to its beginning, `start`, when the whole word is at
// fault.
std::string explain_value(std::string_view value, std::size_t start, const Spot& spot,
                          std::size_t& column) {
  if (value.empty() || value[0] == '#') return "no value after \"=\"; write one";
  if (value[0] == '"' && spot.comment == "here") {
    return "a text with an unknown escape; write a backslash as \\\\, or use single quotes: '...'";
  }
  if (value[0] == '[' || value[0] == '{') {
    if (spot.comment.find(',') != std::string_view::npos) {
      return "a comma or the closing bracket is missing here";
    }
    return "this list or inline table is not closed, or one of its values is wrong; "
           "write [\"a\", \"b\"] or { key = \"value\" }";
  }
  if (value[0] == '"' || value[0] == '\'') {
    return fmt::format(
        "unexpected {} after the value; write one KEY = VALUE per line",
        bare_word(value.substr(std::min(std::max(column, start) - start, value.size()))));
  }
  const std::string_view word = bare_word(value);
  column = start;
  if (word == "True" || word == "False" || word == "TRUE" || word == "FALSE") {
    return fmt::format("{} must be written in small letters", word);
  }
  if (looks_like_number(word)) {
    return fmt::format("{} is not a number; write digits without leading zeros, as 1000 or 1_000",
                       word);
  }
  return fmt::format("{} is not a value; put text between quotes: \"{}\"", word, word);
}

std::string explain_line(std::string_view line, const Spot& spot, std::size_t& column) {
  const std::string_view body = trim(line);
  if (body.starts_with('[')) {
    return fmt::format(
        "{} is no table header; write [name], or [[name]] where there may be several",
        trim(body.substr(0, body.find('#'))));
  }
  const std::size_t equals = line.find('=');
  const std::string_view key = trim(line.substr(0, equals));
  if (equals == std::string_view::npos) {
    return fmt::format("{} is no setting; write KEY = VALUE, or # before a comment", body);
  }
  if (key.empty()) return "no key before \"=\"; write KEY = VALUE";
  for (const char c : key) {
    if (!is_bare_key_char(c) && c != '.' && c != '"' && c != '\'') {
      return fmt::format("{} is no key; keys are made of letters, digits, \"_\" and \"-\"", key);
    }
  }
  const std::string_view value = trim(line.substr(equals + 1));
  const auto start = static_cast<std::size_t>(value.data() - line.data());
  return explain_value(value, start, spot, column);
}

}  // namespace

Mistake explain_syntax_error(const Source& source, std::string_view report, Location fallback) {
  const std::vector<Spot> spots = find_spots(source, report);
  const std::uint32_t nearby = std::min(std::max(fallback.line, 1u), source.lines());
  const Spot spot = spots.empty() ? Spot{nearby, 0, {}} : spots.back();
  std::size_t column = spot.column;
  std::string message;
  const auto at = [&source](std::uint32_t line, std::size_t bytes) {
    return source.locate(source.line_offset(line) + bytes);
  };
  if (spots.size() > 1 && spots.front().comment == "array starts here" &&
      spots.front().line != spot.line) {
    return Mistake{at(spots.front().line, spots.front().column),
                   "the list that begins here is not closed; end it with ]"};
  }
  if (spots.size() > 1 && report.find("insert_value") != std::string_view::npos) {
    message = explain_conflict(report, spots.front(), source.line(spot.line));
  } else {
    message = explain_line(source.line(spot.line), spot, column);
  }
  return Mistake{at(spot.line, column), std::move(message)};
}

}  // namespace lb::config
