#include "controlplane/cli/safe_output.h"

#include <algorithm>
#include <string_view>

#include "config/base/printable.h"

namespace lb::cli {
namespace {

constexpr std::string_view kKept = "\n\t";
constexpr std::size_t kLongestCharacter = 4;

// Bytes at the end of `text` that may be the beginning of a character.
std::size_t cut_off(std::string_view text) {
  for (std::size_t bytes = 1; bytes < std::min(text.size() + 1, kLongestCharacter); ++bytes) {
    const auto byte = static_cast<unsigned char>(text[text.size() - bytes]);
    if (byte < 0x80) return 0;
    if (byte >= 0xc0)
      return lb::first_character(text.substr(text.size() - bytes)).is_valid ? 0 : bytes;
  }
  return 0;
}

}  // namespace

SafeBuffer::int_type SafeBuffer::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char character = traits_type::to_char_type(c);
  return xsputn(&character, 1) == 1 ? c : traits_type::eof();
}

std::streamsize SafeBuffer::xsputn(const char* text, std::streamsize bytes) {
  std::string whole = std::move(cut_);
  whole.append(text, static_cast<std::size_t>(bytes));
  const std::size_t cut = cut_off(whole);
  cut_ = whole.substr(whole.size() - cut);
  whole.resize(whole.size() - cut);
  to_ << printable(whole, kKept);
  return to_ ? bytes : 0;
}

int SafeBuffer::sync() {
  to_ << printable(cut_, kKept) << std::flush;
  cut_.clear();
  return to_ ? 0 : -1;
}

}  // namespace lb::cli
