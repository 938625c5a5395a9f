#include "config/source.h"

#include <algorithm>

namespace lb::config {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

Source::Source(std::string_view text) : text_(text), starts_{0} {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

Location Source::locate(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const auto line = static_cast<std::size_t>(after - starts_.begin());
  const std::string_view before = text_.substr(starts_[line - 1], offset - starts_[line - 1]);
  const auto characters = before.size() - static_cast<std::size_t>(std::count_if(
                                              before.begin(), before.end(), is_continuation));
  return Location{static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(characters + 1)};
}

std::string_view Source::line(std::uint32_t number) const {
  const std::size_t start = line_offset(number);
  return text_.substr(start, text_.find('\n', start) - start);
}

std::size_t Source::line_offset(std::uint32_t number) const {
  return starts_.at(number - 1);
}

}  // namespace lb::config
