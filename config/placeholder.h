// A value that an import could not know and that somebody has to fill in. Reading a file refuses it.
#pragma once

#include <string>
#include <string_view>

namespace lb::config {

inline constexpr std::string_view kFillIn = "FILL IN: ";

// `what`: "the PCI address of eth0 (lspci)".
inline std::string placeholder(std::string_view what) {
  return std::string(kFillIn) + std::string(what);
}
inline bool is_placeholder(std::string_view text) {
  return text.starts_with("FILL IN");
}
inline constexpr std::string_view kStillToBeFilledIn = " is still to be filled in";
inline std::string fill_in_message(std::string_view key, std::string_view text) {
  const bool says_what = text.starts_with(kFillIn) && text.size() > kFillIn.size();
  return std::string(key) + std::string(kStillToBeFilledIn) +
         (says_what ? ": " + std::string(text.substr(kFillIn.size())) : "");
}

}  // namespace lb::config
