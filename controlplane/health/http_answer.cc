#include "controlplane/health/http_answer.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace lb::health {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";
constexpr std::string_view kNameChars =
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// Section 4. The reason phrase may have any bytes.
const RE2 kStatusLine(R"(HTTP/1\.\d +([1-9]\d\d)(?: .*)?)", RE2::Latin1);
const RE2 kStrictStatusLine(R"(HTTP/1\.\d ([1-9]\d\d) .*)", RE2::Latin1);

bool is_interim(unsigned status) {
  return status < 200 && status != 101;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

bool equals_lower(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
  });
}

// What follows the number; nullopt: there is none, or it is too large.
std::optional<std::string_view> take_number(std::string_view text, int base, std::uint64_t& out) {
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, out, base);
  if (error != std::errc()) return std::nullopt;
  return text.substr(static_cast<std::size_t>(end - text.data()));
}

}  // namespace

HttpAnswer::State HttpAnswer::add(std::string_view bytes, std::string& body) {
  while (!bytes.empty() && !ended()) {
    const bool content = next_ == Next::kBytes || next_ == Next::kCounted;
    bytes.remove_prefix(content ? add_content(bytes, body) : add_to_line(bytes));
  }
  return state_;
}

std::size_t HttpAnswer::add_content(std::string_view bytes, std::string& body) {
  if (next_ == Next::kCounted) {
    bytes = bytes.substr(0, left_);
    left_ -= bytes.size();
    if (left_ == 0 && chunked_) next_ = Next::kChunkEnd;
    if (left_ == 0 && !chunked_) state_ = State::kWhole;
  }
  body += bytes;
  return bytes.size();
}

std::size_t HttpAnswer::add_to_line(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  const std::size_t count = std::min(end, bytes.size() - 1) + 1;
  line_ += bytes.substr(0, count);
  overhead_ += count;
  const std::string_view begin = std::string_view(line_).substr(0, kVersion.size());
  if (next_ == Next::kStatus && !kVersion.starts_with(begin) && begin != "\n" &&
      !begin.starts_with('\r')) {
    state_ = State::kInvalid;  // another protocol may never send a line end
  } else if (state_ == State::kHeader && overhead_ > kMaxHttpHeaderBytes) {
    state_ = State::kTooLong;
  } else if (end != std::string_view::npos) {
    const std::string line = std::exchange(line_, {});
    if (!on_line(line)) state_ = State::kInvalid;
  }
  return count;
}

bool HttpAnswer::on_line(std::string_view line) {
  line.remove_suffix(1);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  } else if (strict_) {
    return false;
  }
  switch (next_) {
    case Next::kStatus:
      return on_status(line);
    case Next::kFields:
      return line.empty() ? on_header_end() : on_field(line);
    case Next::kChunkSize:
      return on_chunk_size(line);
    case Next::kChunkEnd:
      next_ = Next::kChunkSize;
      return line.empty();
    default:  // a trailer
      if (line.empty()) state_ = State::kWhole;
      return true;
  }
}

bool HttpAnswer::on_status(std::string_view line) {
  if (line.empty() && !strict_) return true;  // as section 2.2 advises servers
  next_ = Next::kFields;
  return RE2::FullMatch(line, strict_ ? kStrictStatusLine : kStatusLine, &status_);
}

bool HttpAnswer::on_field(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t')) return true;  // folded, section 5.2
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = trimmed(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (name.empty()) return false;
  if (strict_ && line.substr(0, colon).find_first_not_of(kNameChars) != std::string_view::npos) {
    return false;
  }
  if (equals_lower(name, "content-length")) return on_length(value);
  if (equals_lower(name, "transfer-encoding")) {
    coded_ = true;
    chunked_ = equals_lower(trimmed(value.substr(value.rfind(',') + 1)), "chunked");
  }
  return true;
}

// RFC 9110, section 8.6: proxies join the fields of a doubled one to a list.
bool HttpAnswer::on_length(std::string_view value) {
  for (;;) {
    const std::size_t comma = value.find(',');
    std::uint64_t length = 0;
    if (take_number(trimmed(value.substr(0, comma)), 10, length) != "") return false;
    if (std::exchange(length_, length).value_or(length) != length) return false;
    if (comma == std::string_view::npos) return true;
    if (strict_) return false;
    value.remove_prefix(comma + 1);
  }
}

// Section 6.3.
bool HttpAnswer::on_header_end() {
  if (is_interim(status_)) {
    next_ = Next::kStatus;
    coded_ = chunked_ = false;
    length_.reset();
    return true;
  }
  const bool counted = length_ && !coded_;
  const bool without_body = to_head_ || status_ < 200 || status_ == 204 || status_ == 304;
  state_ = without_body || (counted && *length_ == 0) ? State::kWhole : State::kBody;
  next_ = chunked_ ? Next::kChunkSize : counted ? Next::kCounted : Next::kBytes;
  left_ = length_.value_or(0);
  return true;
}

bool HttpAnswer::on_chunk_size(std::string_view line) {
  const auto rest = take_number(line, 16, left_);
  if (!rest) return false;
  next_ = left_ == 0 ? Next::kTrailer : Next::kCounted;
  const std::string_view extension = trimmed(*rest);
  return extension.empty() || extension.starts_with(';');
}

}  // namespace lb::health
