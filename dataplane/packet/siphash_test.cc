#include "dataplane/packet/siphash.h"

#include <gtest/gtest.h>

#include <vector>

namespace lb {
namespace {

std::uint64_t siphash(const SipKey& key, const std::vector<std::uint8_t>& message) {
  SipHash hash(key);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < message.size(); ++i) {
    word |= std::uint64_t{message[i]} << i % 8 * 8;
    if (i % 8 != 7) continue;
    hash.absorb(word);
    word = 0;
  }
  return hash.finish(word, message.size());
}

// Of the reference implementation (vectors.h, vectors_sip64): key 00 to 0f, messages of the bytes 00, 01,
// 02 ... The one of 15 bytes is in appendix A of the paper, too.
TEST(SipHash, HasTheVectorsOfTheReference) {
  constexpr std::uint64_t kVectors[] = {
      0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
      0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
      0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
      0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
  };
  const SipKey key{{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
  std::vector<std::uint8_t> message;
  for (const std::uint64_t vector : kVectors) {
    EXPECT_EQ(siphash(key, message), vector) << message.size();
    message.push_back(static_cast<std::uint8_t>(message.size()));
  }
}

}  // namespace
}  // namespace lb
