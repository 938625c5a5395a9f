#include "dataplane/packet/tcp_translate.h"

#include <bit>

#include "dataplane/packet/checksum.h"
#include "dataplane/packet/tcp_options.h"
#include "dataplane/packet/wire.h"

namespace lb {

namespace {

// Changes of a header, and the sum of their differences. Options may begin at odd offsets, where a
// field's bytes have each other's places in the checksum's words (RFC 1071 2 (B)).
class HeaderEdit {
 public:
  explicit HeaderEdit(std::uint8_t* header) : header_(header) {}

  void put(std::uint8_t* at, std::uint16_t raw) {
    std::uint32_t& sum = (at - header_) % 2 == 0 ? even_ : odd_;
    sum += static_cast<std::uint16_t>(~wire::load<std::uint16_t>(at)) + std::uint32_t{raw};
    wire::store(at, raw);
  }
  void put(std::uint8_t* at, Be32 value) {
    put(at, static_cast<std::uint16_t>(value.raw));
    put(at + 2, static_cast<std::uint16_t>(value.raw >> 16));
  }
  void add(std::uint8_t* at, std::uint32_t difference) {
    put(at, Be32::from_host(wire::load<Be32>(at).host() + difference));
  }
  // What is to be added to a checksum, as update_checksum() takes it.
  std::uint32_t difference() const {
    return std::uint32_t{fold32(even_)} + std::rotl(fold32(odd_), 8);
  }

 private:
  std::uint8_t* header_;
  std::uint32_t even_ = 0;  // at most some 40 words
  std::uint32_t odd_ = 0;
};

void correct(std::uint8_t* checksum, const HeaderEdit& edit) {
  wire::store(checksum, update_checksum(wire::load<std::uint16_t>(checksum), edit.difference()));
}

// Without the option, and the others where they were. Two bytes at a time; the length of a SACK option
// is even.
void strip(HeaderEdit& edit, std::uint8_t* option, unsigned length) {
  constexpr std::uint16_t kTwoNops = tcp_option::kNop << 8 | tcp_option::kNop;
  for (unsigned i = 0; i < length; i += 2) edit.put(option + i, kTwoNops);
}

bool is_sack(unsigned kind, unsigned length) {
  return kind == tcp_option::kSack && length % 8 == tcp_option::kSackEdges;
}

}  // namespace

void translate_to_client(Packet& packet, const TcpTranslation& translation) {
  std::uint8_t* const tcp = packet.data + packet.l4;
  HeaderEdit edit(tcp);
  edit.add(tcp + wire::kTcpSequence, translation.seq);
  // The window of a SYN-ACK is not scaled (RFC 7323 2.2).
  if ((packet.tcp_flags & wire::kSyn) == 0) {
    const std::uint16_t window = wire::load<Be16>(tcp + wire::kTcpWindow).host();
    edit.put(tcp + wire::kTcpWindow,
             Be16::from_host(window_for_client(window, translation.form)).raw);
  }
  for_each_tcp_option(packet, [&](std::uint8_t* option, unsigned kind, unsigned length) {
    if (kind != tcp_option::kTimestamps || length != tcp_option::kTimestampsBytes) return;
    edit.add(option + tcp_option::kTimestampValue, translation.timestamp);
  });
  correct(tcp + wire::kTcpChecksum, edit);
}

void translate_to_server(Packet& packet, const TcpTranslation& translation) {
  std::uint8_t* const tcp = packet.data + packet.l4;
  HeaderEdit edit(tcp);
  // What a segment without ACK has in these fields means nothing, and its window is not scaled.
  if ((packet.tcp_flags & wire::kAck) == 0) return;
  edit.add(tcp + wire::kTcpAcknowledgment, 0 - translation.seq);
  if ((packet.tcp_flags & wire::kSyn) == 0) {
    const std::uint16_t window = wire::load<Be16>(tcp + wire::kTcpWindow).host();
    edit.put(tcp + wire::kTcpWindow,
             Be16::from_host(window_for_server(window, translation.form)).raw);
  }
  for_each_tcp_option(packet, [&](std::uint8_t* option, unsigned kind, unsigned length) {
    if (kind == tcp_option::kTimestamps && length == tcp_option::kTimestampsBytes) {
      edit.add(option + tcp_option::kTimestampEcho, 0 - translation.timestamp);
    } else if (is_sack(kind, length) && translation.form.strip_sack) {
      strip(edit, option, length);
    } else if (is_sack(kind, length)) {
      for (unsigned edge = tcp_option::kSackEdges; edge < length; edge += 4) {
        edit.add(option + edge, 0 - translation.seq);
      }
    }
  });
  correct(tcp + wire::kTcpChecksum, edit);
}

void translate_quote_to_server(Packet& packet, const IcmpQuote& quote,
                               const TcpTranslation& translation) {
  std::uint8_t* const tcp = packet.data + quote.inner_l4;
  HeaderEdit edit(tcp);
  edit.add(tcp + wire::kTcpSequence, 0 - translation.seq);
  const unsigned end = packet.l3 + unsigned{packet.ip_len};
  if (quote.inner_l4 + wire::kTcpChecksum + 2 <= end) correct(tcp + wire::kTcpChecksum, edit);
}

}  // namespace lb
