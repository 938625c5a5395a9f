// How messages travel over the local sockets of both daemons: a 4-byte big-endian length, then that
// many bytes of one protobuf message. Templated over the message type and free of protobuf's
// headers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/base/result.h"

namespace lb::api {

// Raised when a message changes its meaning; added fields do not count.
inline constexpr std::uint32_t kProtocolVersion = 4;

inline constexpr std::size_t kFramePrefixBytes = 4;
inline constexpr std::size_t kMaxMessageBytes = std::size_t{16} << 20;

using FramePrefix = std::array<unsigned char, kFramePrefixBytes>;

constexpr FramePrefix encode_prefix(std::uint32_t message_bytes) {
  return {static_cast<unsigned char>(message_bytes >> 24),
          static_cast<unsigned char>(message_bytes >> 16),
          static_cast<unsigned char>(message_bytes >> 8),
          static_cast<unsigned char>(message_bytes)};
}

constexpr std::uint32_t decode_prefix(const FramePrefix& prefix) {
  return std::uint32_t{prefix[0]} << 24 | std::uint32_t{prefix[1]} << 16 |
         std::uint32_t{prefix[2]} << 8 | std::uint32_t{prefix[3]};
}

// The message with its length in front, ready to be written; fails when it is larger than
// kMaxMessageBytes.
template <typename Message>
Result<std::string> to_frame(const Message& message) {
  const std::size_t bytes = message.ByteSizeLong();
  if (bytes > kMaxMessageBytes) {
    return fail("a message of " + std::to_string(bytes) + " bytes is larger than the limit of " +
                std::to_string(kMaxMessageBytes));
  }
  const FramePrefix prefix = encode_prefix(static_cast<std::uint32_t>(bytes));
  std::string frame(kFramePrefixBytes + bytes, '\0');
  for (std::size_t i = 0; i < kFramePrefixBytes; ++i) frame[i] = static_cast<char>(prefix[i]);
  if (!message.SerializeToArray(frame.data() + kFramePrefixBytes, static_cast<int>(bytes))) {
    return fail("a message could not be encoded");
  }
  return frame;
}

// What stands behind the prefix. False when the bytes are not such a message.
template <typename Message>
bool from_bytes(std::string_view bytes, Message& message) {
  return bytes.size() <= kMaxMessageBytes &&
         message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace lb::api
