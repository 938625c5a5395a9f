// SYN cookies: initial sequence numbers that prove that a client received them, and hold what its SYN
// offered (RFC 4987 3.6). Nothing is kept for a SYN that is answered with one.
//
//   bits 31-9   authentication code: SipHash-2-4 of addresses, ports, the client's sequence number and
//               the nine bits below
//   bit  8      which of the two secrets was used
//   bit  7      SACK permitted
//   bits 6-3    window scale; 15: none
//   bits 2-0    MSS, by a table: the greatest entry that is not above the client's
//
// The lower nine bits are masked with the upper ones, so that the number looks random as a whole.
//
// 23 bits of code: one guess in 8.4 million hits. A segment is up to four guesses: it is tried with the
// director's and with the HA peer's secret, each for two numbers of the client. An attacker gains one
// connection in the name of an address whose packets he does not see: what a SYN without cookies gives
// him, at a cost of millions. A code holds for one client and sequence number, and as long as its secret
// (service/syn_secrets.h), so that guesses cannot be collected. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/packet/flow.h"
#include "dataplane/packet/siphash.h"

namespace lb {

inline constexpr std::uint8_t kNoWindowScale = 15;
inline constexpr std::uint8_t kMostWindowScale = 14;  // RFC 7323 2.3

// Ethernet with and without PPPoE, tunnels and VPNs, jumbo frames; 536 is that of a SYN without the
// option (RFC 9293 3.7.1).
inline constexpr std::array<std::uint16_t, 8> kCookieMss = {216,   536,   1'220, 1'360,
                                                            1'400, 1'440, 1'460, 8'960};

// What a SYN offers, as far as a cookie holds it.
struct SynOffer {
  std::uint16_t mss = 536;
  std::uint8_t window_scale = kNoWindowScale;
  bool sack = false;

  bool operator==(const SynOffer&) const = default;
};

// The connection that a cookie is for.
struct SynCookieOf {
  FlowTuple from_client;
  std::uint32_t client_isn = 0;
};

namespace syn_cookie {

inline constexpr unsigned kOfferBits = 9;
inline constexpr std::uint32_t kOfferMask = (1U << kOfferBits) - 1;

constexpr std::uint32_t mss_index(std::uint16_t mss) {
  std::uint32_t index = 0;
  while (index + 1 < kCookieMss.size() && kCookieMss[index + 1] <= mss) ++index;
  return index;
}

inline std::uint32_t with_code(const SipKey& key, const SynCookieOf& of, std::uint32_t offer) {
  const FlowTuple& tuple = of.from_client;
  SipHash hash(key);
  hash.absorb(tuple.src.raw | std::uint64_t{tuple.dst.raw} << 32);
  hash.absorb(tuple.sport.raw | std::uint64_t{tuple.dport.raw} << 16 |
              std::uint64_t{of.client_isn} << 32);
  const auto code = static_cast<std::uint32_t>(hash.finish(offer, 18)) & ~kOfferMask;
  return code | ((offer ^ code >> (32 - kOfferBits)) & kOfferMask);
}

// The nine bits of any number, whether it is a cookie or not.
constexpr std::uint32_t offer_bits(std::uint32_t cookie) {
  return (cookie ^ cookie >> (32 - kOfferBits)) & kOfferMask;
}

}  // namespace syn_cookie

// `secret` is the key's number, 0 or 1.
inline std::uint32_t make_syn_cookie(const SipKey& key, unsigned secret, const SynCookieOf& of,
                                     const SynOffer& offer) {
  const std::uint32_t bits = secret << 8 | (offer.sack ? 1U << 7 : 0) |
                             std::uint32_t{offer.window_scale} << 3 |
                             syn_cookie::mss_index(offer.mss);
  return syn_cookie::with_code(key, of, bits);
}

// Number of the secret that the cookie was made with, if it is one.
constexpr unsigned secret_of_syn_cookie(std::uint32_t cookie) {
  return syn_cookie::offer_bits(cookie) >> 8;
}

// What the client offered; nullopt: not made with this key for this connection.
inline std::optional<SynOffer> read_syn_cookie(const SipKey& key, std::uint32_t cookie,
                                               const SynCookieOf& of) {
  const std::uint32_t bits = syn_cookie::offer_bits(cookie);
  if (syn_cookie::with_code(key, of, bits) != cookie) return std::nullopt;
  return SynOffer{.mss = kCookieMss[bits & 7],
                  .window_scale = static_cast<std::uint8_t>(bits >> 3 & 15),
                  .sack = (bits & 1U << 7) != 0};
}

}  // namespace lb
