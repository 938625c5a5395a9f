// SipHash-2-4, a keyed hash that nobody can predict without the key (J.-P. Aumasson and D. J. Bernstein,
// "SipHash: a fast short-input PRF", 2012). Inline, of words that are at hand: a SYN cookie costs three
// of them, and OpenSSL's EVP_MAC alone takes several times as long to set up. The reference vectors
// are in siphash_test.cc.
#pragma once

#include <bit>
#include <cstdint>

namespace lb {

struct SipKey {
  std::uint64_t word[2] = {};

  bool operator==(const SipKey&) const = default;
};

class SipHash {
 public:
  explicit SipHash(const SipKey& key)
      : v0_(key.word[0] ^ 0x736f6d6570736575),
        v1_(key.word[1] ^ 0x646f72616e646f6d),
        v2_(key.word[0] ^ 0x6c7967656e657261),
        v3_(key.word[1] ^ 0x7465646279746573) {}

  // Eight bytes of the message, the first one in the low byte.
  void absorb(std::uint64_t word) {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
  }
  // The last bytes of the message, 7 at most; `bytes` is the length of the whole.
  std::uint64_t finish(std::uint64_t last, std::uint64_t bytes) {
    absorb(last | bytes << 56);
    v2_ ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

}  // namespace lb
