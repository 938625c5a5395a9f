#include "config/toml_guard.h"

#include <fmt/format.h>

#include "config/base/printable.h"

namespace lb::config {
namespace {

bool is_typographic_quote(std::string_view character) {
  return character == "\u201c" || character == "\u201d" || character == "\u201e" ||
         character == "\u2018" || character == "\u2019" || character == "\u00ab" ||
         character == "\u00bb";
}

// Three quotes open a string of several lines.
bool is_multi_line(std::string_view text) {
  return text.starts_with(std::string(3, text.front()));
}

class Guard {
 public:
  explicit Guard(const Source& source) : source_(source), text_(source.text()) {}

  std::optional<Mistake> run() {
    check_bytes();
    while (!mistake_ && at_ < text_.size()) step();
    return mistake_;
  }

 private:
  void fail_at(std::size_t offset, std::string message) {
    if (!mistake_) mistake_ = Mistake{source_.locate(offset), std::move(message)};
  }

  void check_bytes() {
    for (std::size_t i = 0; i < text_.size() && !mistake_;) {
      const Character character = first_character(text_.substr(i));
      const auto byte = static_cast<unsigned char>(text_[i]);
      if (!character.is_valid) {
        fail_at(i,
                fmt::format("the byte 0x{:02x} is not UTF-8 text; save the file as UTF-8", byte));
      } else if ((byte < 0x20 && text_[i] != '\t' && text_[i] != '\n' && !is_line_end(i)) ||
                 byte == 0x7f) {
        fail_at(i, fmt::format("a control character (0x{:02x}); remove it", byte));
      }
      i += character.bytes;
    }
  }

  bool is_line_end(std::size_t i) const {
    return text_[i] == '\r' && i + 1 < text_.size() && text_[i + 1] == '\n';
  }

  void step() {
    const char c = text_[at_];
    if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == '"' || c == '\'') {
      skip_string(c);
    } else {
      count(c);
      if (static_cast<unsigned char>(c) >= 0x80) {
        refuse_outside_of_text();
      } else {
        ++at_;
      }
    }
  }

  // TOML has such characters in texts and comments alone.
  void refuse_outside_of_text() {
    const std::string_view character = text_.substr(at_, first_character(text_.substr(at_)).bytes);
    fail_at(at_, is_typographic_quote(character)
                     ? "a typographic quote; write a straight one: \""
                     : fmt::format("{} outside of quotes; strings need quotes, and keys are made "
                                   "of letters, digits, \"_\" and \"-\"",
                                   character));
  }

  void count(char c) {
    if (c == '[' || c == '{') {
      ++depth_;
      dots_ = 0;
    } else if (c == ']' || c == '}') {
      if (depth_ > 0) --depth_;
    } else if (c == '.') {
      ++dots_;
    } else if (c == '\n' || c == ',' || c == '=') {
      dots_ = 0;
    }
    if (depth_ + dots_ > kMaxNesting) {
      fail_at(at_, "nested too deeply; no key needs so many levels");
    }
  }

  void skip_string(char quote) {
    const std::string_view rest = text_.substr(at_);
    const std::size_t length = quoted_length(rest);
    if (length == 0) {
      fail_at(at_, fmt::format("the text that begins here is not closed; end it with {}",
                               std::string(is_multi_line(rest) ? 3 : 1, quote)));
    }
    at_ += length;
  }

  const Source& source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t dots_ = 0;
  std::optional<Mistake> mistake_;
};

}  // namespace

std::optional<Mistake> guard_toml(const Source& source) {
  return Guard(source).run();
}

std::size_t quoted_length(std::string_view text) {
  const char quote = text.front();
  const bool multi_line = is_multi_line(text);
  const std::string closing(multi_line ? 3 : 1, quote);
  std::size_t at = closing.size();
  while (at < text.size()) {
    if (quote == '"' && text[at] == '\\') {
      at += 2;
    } else if (text.substr(at).starts_with(closing)) {
      at += closing.size();
      // Up to two quotes before the closing ones belong to the string.
      for (int more = 0; multi_line && more < 2 && text.substr(at).starts_with(quote); ++more) ++at;
      return at;
    } else if (!multi_line && text[at] == '\n') {
      return 0;
    } else {
      ++at;
    }
  }
  return 0;
}

}  // namespace lb::config
