// Packets for the kernel by class: each has limits and counters of its own, so that none waits
// behind another's flood. One table: the names are what `lbcli show punt` prints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lb {

// What a flood from outside may not delay comes first; "other" is the last.
#define LB_PUNT_CLASSES(X)                                                             \
  X(vrrp, "VRRP adverts")                                                              \
  X(neighbours, "ARP and IPv6 neighbour discovery")                                    \
  X(routing, "BGP and BFD of neighbours that the director sends to")                   \
  X(replies, "replies to what the director sent: health checks, sync link, DNS, ping") \
  X(sessions, "established connections to the director, such as ssh")                  \
  X(local, "new connections to sorry servers on the director")                         \
  X(other, "everything else: new connections, ping, closed ports, what the kernel routes")

enum class PuntClass : std::uint8_t {
#define X(name, text) name,
  LB_PUNT_CLASSES(X)
#undef X
      kCount
};

inline constexpr std::size_t kPuntClasses = static_cast<std::size_t>(PuntClass::kCount);

struct PuntClassText {
  std::string_view name;
  std::string_view description;
};

inline constexpr std::array<PuntClassText, kPuntClasses> kPuntClassTexts = {{
#define X(name, text) {#name, text},
    LB_PUNT_CLASSES(X)
#undef X
}};

}  // namespace lb
