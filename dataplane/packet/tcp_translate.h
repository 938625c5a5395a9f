// Translation of TCP segments between a client that was promised numbers by the director and a real
// server that has numbers of its own (RFC 9293 3.4, RFC 7323, RFC 2018). In place, all checksums
// corrected (RFC 1624).
//
// The client's sequence numbers and timestamp values are the same on both sides: the director opens the
// connection to the server with them.
#pragma once

#include <cstdint>

#include "dataplane/packet/packet.h"
#include "dataplane/packet/rewrite.h"

namespace lb {

// How windows and SACK blocks of a connection are translated.
struct TcpTranslationForm {
  std::uint8_t server_scale = 0;    // shift of the windows that the server sends
  std::uint8_t promised_scale = 0;  // shift that the client applies to them
  std::uint8_t client_scale = 0;    // shift that the client applies and the server does not know of
  bool strip_sack = false;          // the server has no SACK

  // In one word of 16 bits, for records and for the HA peer.
  constexpr std::uint16_t word() const {
    return static_cast<std::uint16_t>(server_scale | promised_scale << 4 | client_scale << 8 |
                                      (strip_sack ? 1 << 12 : 0));
  }
  static constexpr TcpTranslationForm of_word(std::uint16_t word) {
    return {.server_scale = static_cast<std::uint8_t>(word & 15),
            .promised_scale = static_cast<std::uint8_t>(word >> 4 & 15),
            .client_scale = static_cast<std::uint8_t>(word >> 8 & 15),
            .strip_sack = (word >> 12 & 1) != 0};
  }
  bool operator==(const TcpTranslationForm&) const = default;
};

struct TcpTranslation {
  std::uint32_t seq = 0;  // what the server's sequence numbers are below the client's view of them
  std::uint32_t timestamp = 0;  // likewise, of its timestamps
  TcpTranslationForm form;

  bool operator==(const TcpTranslation&) const = default;
};

// A window field of the server's (not of a SYN-ACK, which `server_scale` does not apply to) as the client
// is to read it: rounded down, so that the client never sends more than the server allowed.
constexpr std::uint16_t window_for_client(std::uint16_t window, TcpTranslationForm form) {
  const std::uint64_t scaled = (std::uint64_t{window} << form.server_scale) >> form.promised_scale;
  return static_cast<std::uint16_t>(scaled < 0xffff ? scaled : 0xffff);
}
constexpr std::uint16_t window_for_server(std::uint16_t window, TcpTranslationForm form) {
  const std::uint64_t expanded = std::uint64_t{window} << form.client_scale;
  return static_cast<std::uint16_t>(expanded < 0xffff ? expanded : 0xffff);
}

// Of a TCP packet with an L4 header; of a first fragment, too.
void translate_to_client(Packet& packet, const TcpTranslation& translation);
void translate_to_server(Packet& packet, const TcpTranslation& translation);

// The sequence number in an ICMP error's quote of a segment to the client becomes the server's, which
// ignores errors about numbers that it has not sent (RFC 5927 4.1). Before rewrite_icmp_error(), which
// takes the checksum of the error anew.
void translate_quote_to_server(Packet& packet, const IcmpQuote& quote,
                               const TcpTranslation& translation);

}  // namespace lb
