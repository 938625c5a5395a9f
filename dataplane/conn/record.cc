#include "dataplane/conn/record.h"

#include <array>

namespace lb {

std::string_view to_string(ConnState state) {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(ConnState::kCount)>
      kNames = {"NONE",       "SYN_SENT",       "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
                "CLOSE_WAIT", "CLOSING",        "LAST_ACK",  "TIME_WAIT",   "CLOSED",
                "UDP",        "UDP_UNANSWERED", "HANDSHAKE", "DEAD"};
  const auto i = static_cast<std::size_t>(state);
  return i < kNames.size() ? kNames[i] : "?";
}

}  // namespace lb
