// For targets whose input is a series of messages, each behind its length in two bytes.
#pragma once

#include <string_view>

#include "dataplane/api/frame.h"
#include "tests/fuzz/input.h"

namespace lb::fuzz {

// False: nothing is left, or the next bytes are no such message.
template <typename Message>
bool next_message(Input& input, Message& message) {
  if (input.text().empty()) return false;
  const std::size_t length = input.word();
  const std::string_view bytes = input.text().substr(0, length);
  input.skip(length);
  return api::from_bytes(bytes, message);
}

}  // namespace lb::fuzz
