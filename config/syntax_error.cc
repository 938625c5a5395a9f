#include "config/syntax_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "config/toml_guard.h"
#include "config/toml_value.h"

namespace lb::config {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
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

bool looks_like_number(std::string_view word) {
  if (!word.empty() && (word[0] == '-' || word[0] == '+')) word.remove_prefix(1);
  return !word.empty() && word.find_first_not_of("0123456789_") == std::string_view::npos;
}

std::string explain_value(std::string_view word) {
  if (word.empty()) return "no value here; write one";
  if (word == "True" || word == "False" || word == "TRUE" || word == "FALSE") {
    return fmt::format("{} must be lower case", word);
  }
  if (looks_like_number(word)) {
    return fmt::format("{} is not a number; write digits without leading zeros, as 1000 or 1_000",
                       word);
  }
  return fmt::format("strings need quotes: \"{}\"", word);
}

// Whether `text` is what may follow a backslash.
bool is_escape(std::string_view text) {
  if (text.front() == 'u' || text.front() == 'U') {
    const std::string_view digits = text.substr(1, text.front() == 'u' ? 4 : 8);
    std::uint32_t code = 0;
    const auto read = std::from_chars(digits.begin(), digits.end(), code, 16);
    return read.ec == std::errc{} && read.ptr == digits.end() && code < 0x110000 &&
           (code < 0xd800 || code > 0xdfff);
  }
  // A backslash at the end of a line continues a string of several lines.
  if (trim(text.substr(0, text.find('\n'))).empty()) return true;
  return std::string_view("btnfr\"\\").find(text.front()) != std::string_view::npos;
}

class Explainer {
 public:
  Explainer(const Source& source, const Stopped& stopped)
      : source_(source),
        text_(source.text()),
        why_(stopped.why),
        open_(stopped.open),
        at_secret_(stopped.at_secret),
        number_(source.locate(stopped.at).line),
        line_(source.line(number_)),
        line_start_(source.line_offset(number_)),
        at_(stopped.at) {}

  Mistake explain() const {
    if (open_.empty()) {
      if (trim(line_).starts_with('[')) return header();
      if (why_ == Stop::kKey || why_ == Stop::kEquals) return mistake(at_, explain_key());
      return value();
    }
    const auto before = std::lower_bound(open_.begin(), open_.end(), line_start_);
    if (before != open_.begin() && begins_anew()) return not_closed(*std::prev(before));
    return in_brackets();
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
    const std::string_view body = trim(line_.substr(0, line_.find('#')));
    // What is behind a header may be a secret.
    const std::size_t end = body.find_first_not_of(']', body.find(']'));
    const bool is_more = end != std::string_view::npos;
    const std::string_view shown = trim(body.substr(0, std::min(end, body.find('='))));
    return mistake(
        line_start_ + line_.find('['),
        fmt::format(
            "{}{} is not a table header; write [name], or [[name]] where there may be several",
            shown, is_more ? " with more on its line" : ""));
  }

  Mistake in_brackets() const {
    const std::size_t bracket = open_.back();
    const std::string_view left = trim(text_.substr(at_, text_.find('\n', at_) - at_));
    const bool line_ends = left.empty() || left.starts_with('#');
    if (why_ == Stop::kEnd || (text_[bracket] == '{' && line_ends)) return not_closed(bracket);
    if (why_ == Stop::kSeparator) {
      return mistake(at_, "a comma or the closing bracket is missing here");
    }
    if (why_ == Stop::kComma) return mistake(at_, "a comma too many; remove it");
    if (why_ == Stop::kKey) {
      return mistake(at_, "a key is missing here; write { key = \"value\" }");
    }
    if (why_ == Stop::kEquals) {
      return mistake(at_, "a \"=\" is missing here; write { key = \"value\" }");
    }
    return value();
  }

  std::string explain_key() const {
    const std::size_t equals = line_.find('=');
    const std::string_view key = trim(line_.substr(0, equals));
    if (equals == std::string_view::npos) {
      return fmt::format("no \"=\" in {}; write KEY = VALUE, or # before a comment",
                         at_secret_ ? key.substr(0, key.find_first_of(" \t:")) : key);
    }
    if (key.empty()) return "no key before \"=\"; write KEY = VALUE";
    return fmt::format("{} is not a valid key; keys are made of letters, digits, \"_\" and \"-\"",
                       key);
  }

  Mistake value() const {
    const std::string_view left = trim(line_.substr(0, at_ - line_start_));
    const std::string_view rest = value_text(text_.substr(at_));
    if (left.ends_with('=') && rest.empty()) {
      return mistake(at_, "no value after \"=\"; write one");
    }
    if (why_ == Stop::kEscape) {
      return mistake(wrong_escape(),
                     "a text with an unknown escape; write a backslash as \\\\, or use single "
                     "quotes: '...'");
    }
    if (at_secret_) {
      return mistake(at_, why_ == Stop::kTrailing
                              ? "unexpected text after the value; write one KEY = VALUE per line"
                              : "strings need quotes: \"...\"");
    }
    if (why_ == Stop::kRange) {
      return mistake(at_, fmt::format("{} is out of range; write less", rest));
    }
    if (why_ == Stop::kTrailing) {
      return mistake(at_,
                     fmt::format("unexpected {} after the value; write one KEY = VALUE per line",
                                 trim(text_.substr(at_, text_.find_first_of("#\n", at_) - at_))));
    }
    return mistake(at_, explain_value(rest));
  }

  // Where the first character is that must not follow a backslash.
  std::size_t wrong_escape() const {
    const std::string_view text = text_.substr(at_, quoted_length(text_.substr(at_)));
    std::size_t slash = text.find('\\');
    while (slash < text.size() && is_escape(text.substr(slash + 1))) {
      slash = text.find('\\', slash + 2);
    }
    return slash < text.size() ? at_ + slash + 1 : at_;
  }

  const Source& source_;
  std::string_view text_;
  Stop why_;
  std::span<const std::size_t> open_;
  bool at_secret_;
  std::uint32_t number_;
  std::string_view line_;
  std::size_t line_start_;
  std::size_t at_;
};

}  // namespace

bool is_bare_key_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

Mistake explain_syntax_error(const Source& source, const Stopped& stopped) {
  return Explainer(source, stopped).explain();
}

std::string explain_conflict(std::string_view written, std::uint32_t line, bool is_again) {
  if (is_again) {
    return fmt::format("duplicate \"{}\", first on line {}; keep one", trim(written), line);
  }
  return fmt::format(
      "this does not go together with line {}; a name is either one [table] or several [[tables]], "
      "and one that has a value on its own line is neither",
      line);
}

}  // namespace lb::config
