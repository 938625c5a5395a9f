// Takes a fuzzer's bytes apart: choices first, the rest is the packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

namespace lb::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}

  // 0 when there is nothing left.
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::uint16_t word() {
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  std::uint32_t dword() {
    const std::uint32_t high = word();
    return high << 16 | word();
  }
  void skip(std::size_t bytes) { bytes_ = bytes_.subspan(rest(bytes).size()); }
  std::span<const std::uint8_t> rest(std::size_t most) const {
    return bytes_.first(bytes_.size() < most ? bytes_.size() : most);
  }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace lb::fuzz

// Stops with the place: a finding, or a corpus file that shows one again.
#define LB_FUZZ_CHECK(condition)                                                          \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)
