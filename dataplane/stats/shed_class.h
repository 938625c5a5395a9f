// Which connections end first to make room in a full table. One table: the names are what `lbcli
// show table` prints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lb {

// In the order in which they go.
#define LB_SHED_CLASSES(X)                                                               \
  X(half_open, "TCP handshakes that are not complete")                                   \
  X(udp_unanswered, "UDP that no server has answered; in DR mode, one packet alone")     \
  X(handshake, "TCP of which the client's handshake alone came: DR mode, SYN proxy")     \
  X(closed, "TCP that is closed or was refused; in DR mode, that the client has closed") \
  X(idle, "without a packet for 30 seconds or more, the longest first")

enum class ShedClass : std::uint8_t {
#define X(name, text) name,
  LB_SHED_CLASSES(X)
#undef X
      kCount
};

inline constexpr std::size_t kShedClasses = static_cast<std::size_t>(ShedClass::kCount);

struct ShedClassText {
  std::string_view name;
  std::string_view description;
};

inline constexpr std::array<ShedClassText, kShedClasses> kShedClassTexts = {{
#define X(name, text) {#name, text},
    LB_SHED_CLASSES(X)
#undef X
}};

}  // namespace lb
