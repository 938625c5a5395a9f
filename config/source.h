#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "config/model.h"

namespace lb::config {

// Whether it is a byte of a UTF-8 character after its first.
bool is_continuation(char c);

// Text with its lines, to turn byte offsets into places. Refers to `text`.
class Source {
 public:
  explicit Source(std::string_view text);
  Location locate(std::size_t offset) const;
  std::string_view text() const { return text_; }
  // Without its line feed; `number` counts from 1.
  std::string_view line(std::uint32_t number) const;
  std::size_t line_offset(std::uint32_t number) const;
  std::uint32_t lines() const { return static_cast<std::uint32_t>(starts_.size()); }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

}  // namespace lb::config
