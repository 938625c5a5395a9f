// Any bytes as a frame: parsing reads nothing out of bounds and contradicts nothing that it says,
// and whatever is then made of a packet with right checksums has right checksums.
//
// Input: flags, headroom, 12 bytes of addresses and ports to rewrite to, the frame.
#include "dataplane/packet/own_segment.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/packet/tcp_options.h"
#include "dataplane/packet/tcp_translate.h"
#include "dataplane/packet/testing/builder.h"
#include "tests/fuzz/input.h"

namespace lb {
namespace {

using fuzz::Input;
using test::Bytes;
using test::PacketBuffer;

constexpr std::uint8_t kFlagCsumKnownGood = 0x01;
constexpr std::uint8_t kFlagFixIpChecksum = 0x02;
constexpr std::uint8_t kFlagTagged = 0x04;
constexpr std::uint8_t kFlagFixL4Checksum = 0x08;

struct Choices {
  std::uint8_t flags = 0;
  std::uint8_t headroom = 0;
  FlowTuple to;
};

// Lets the fuzzer past the first check without having to guess a checksum.
void fix_ip_checksum(Bytes& frame) {
  const std::size_t l3 = frame.size() > 13 && frame[12] == 0x81 ? 18 : 14;
  if (frame.size() < l3 + 20) return;
  const std::size_t header_bytes = (frame[l3] & 15u) * 4u;
  if (header_bytes < 20 || frame.size() < l3 + header_bytes) return;
  wire::store(frame.data() + l3 + wire::kIpChecksum, std::uint16_t{0});
  const std::uint16_t checksum = checksum_of(sum_bytes(frame.data() + l3, header_bytes));
  wire::store(frame.data() + l3 + wire::kIpChecksum, checksum);
}

// Likewise past the second one.
void fix_l4_checksum(Bytes& frame) {
  PacketBuffer buffer(frame);
  const Packet& packet = buffer.packet;
  parse(buffer.packet);
  if (packet.kind != PacketKind::kData && packet.kind != PacketKind::kTcpControl) return;
  const bool is_tcp = packet.proto == kProtoTcp;
  std::uint8_t* l4 = frame.data() + packet.l4;
  const auto l4_bytes = is_tcp ? static_cast<std::uint16_t>(packet.l3 + packet.ip_len - packet.l4)
                               : wire::load<Be16>(l4 + wire::kUdpLength).host();
  std::uint8_t* field = l4 + (is_tcp ? wire::kTcpChecksum : wire::kUdpChecksum);
  wire::store(field, std::uint16_t{0});
  const std::uint64_t sum = sum_bytes(
      l4, l4_bytes, sum_pseudo_header(packet.tuple.src, packet.tuple.dst, packet.proto, l4_bytes));
  wire::store(field, is_tcp ? checksum_of(sum) : udp_checksum_of(sum));
}

void check_parsed(const Packet& packet) {
  LB_FUZZ_CHECK((packet.kind == PacketKind::kBad) == (packet.reason != DropReason::none));
  if (packet.kind == PacketKind::kBad || packet.l3 == 0) return;
  const unsigned end = packet.l3 + unsigned{packet.ip_len};
  LB_FUZZ_CHECK(packet.l3 == 14 || packet.l3 == 18);
  LB_FUZZ_CHECK(packet.l4 >= packet.l3 + 20 && packet.l4 <= end && end <= packet.len);
  const bool is_flow = packet.kind == PacketKind::kData || packet.kind == PacketKind::kTcpControl ||
                       packet.kind == PacketKind::kFragment;
  if (!is_flow) return;
  LB_FUZZ_CHECK(packet.proto == kProtoTcp || packet.proto == kProtoUdp);
  if (has_l4(packet)) LB_FUZZ_CHECK(packet.l4 + (packet.proto == kProtoTcp ? 20u : 8u) <= end);
}

bool is_same_packet(const Packet& a, const Packet& b) {
  return a.kind == b.kind && a.tuple == b.tuple && a.ip_len == b.ip_len && a.l3 == b.l3 &&
         a.l4 == b.l4 && a.proto == b.proto && a.tcp_flags == b.tcp_flags && a.vlan == b.vlan;
}

void nat_there_and_back(const Bytes& frame, const Choices& choices) {
  PacketBuffer buffer(frame, choices.headroom);
  Packet& packet = buffer.packet;
  parse(packet);
  const FlowTuple from = packet.tuple;
  const Deltas delta = deltas(from, choices.to);
  rewrite_nat(packet, choices.to, delta, has_l4(packet));
  LB_FUZZ_CHECK(test::verify(buffer.frame()).empty());
  rewrite_nat(packet, from, delta.reversed(), has_l4(packet));
  LB_FUZZ_CHECK(test::verify(buffer.frame()).empty());
  const Packet before = packet;
  parse(packet);
  LB_FUZZ_CHECK(is_same_packet(before, packet));
}

void send_on(const Bytes& frame, const Choices& choices) {
  PacketBuffer buffer(frame, static_cast<std::uint16_t>(choices.headroom + 4));
  Packet& packet = buffer.packet;
  parse(packet);
  const std::uint16_t vlan = (choices.flags & kFlagTagged) != 0 ? 5 : 0;
  set_client_hop(packet, ClientHop::make(test::kMacA.data(), vlan, 1), test::kMacB.data());
  LB_FUZZ_CHECK(buffer.in_bounds());
  const Packet before = packet;
  parse(packet);
  LB_FUZZ_CHECK(packet.kind == before.kind && packet.vlan == vlan && packet.l4 == before.l4);
}

// `make` turns a packet into an answer; what it leaves is whole and says of itself what parsing
// finds. Without an answer nothing has changed.
template <typename Make>
void answer(const Bytes& frame, const Choices& choices, Make&& make) {
  PacketBuffer buffer(frame, choices.headroom);
  Packet& packet = buffer.packet;
  packet.csum_known_good = (choices.flags & kFlagCsumKnownGood) != 0;
  parse(packet);
  const bool was_clean = test::verify(frame).empty();
  const bool made = make(packet);
  LB_FUZZ_CHECK(buffer.in_bounds());
  if (!made) {
    LB_FUZZ_CHECK(buffer.frame() == frame);
    return;
  }
  const std::string wrong = test::verify(buffer.frame());
  LB_FUZZ_CHECK(wrong.empty() || (!was_clean && wrong.starts_with("quoted")));
  const Packet before = packet;
  packet.csum_known_good = false;
  parse(packet);
  LB_FUZZ_CHECK(is_same_packet(before, packet));
}

// By the SYN proxy, to the other end and back.
void translate(const Bytes& frame, const Choices& choices) {
  const TcpTranslation there{choices.to.src.raw, choices.to.dst.raw,
                             TcpTranslationForm::of_word(choices.to.sport.raw)};
  for (const auto translate_one : {translate_to_client, translate_to_server}) {
    PacketBuffer buffer(frame, choices.headroom);
    Packet& packet = buffer.packet;
    parse(packet);
    translate_one(packet, there);
    LB_FUZZ_CHECK(test::verify(buffer.frame()).empty());
    const Packet before = packet;
    parse(packet);
    LB_FUZZ_CHECK(is_same_packet(before, packet));
  }
}

// A SYN as the proxy answers it.
bool make_syn_answer(Packet& packet, const Choices& choices) {
  if (packet.kind != PacketKind::kTcpControl) return false;
  const TcpOffer offer = tcp_offer(packet);
  OwnSegment answer{.seq = choices.to.src.raw, .flags = wire::kSyn | wire::kAck};
  answer.offer = offer.syn;
  answer.timestamps = offer.timestamps;
  answer.timestamp_echo = offer.timestamp_value;
  return make_segment(packet, packet.tuple.reversed(), answer);
}

void run(Input input) {
  Choices choices;
  choices.flags = input.byte();
  choices.headroom = input.byte();
  // Routable, since parsing again has to find the same kind.
  const auto address = [&] { return Be32::from_host(0xc000'0000 | (input.dword() & 0x0fff'ffff)); };
  choices.to.src = address();
  choices.to.dst = address();
  choices.to.sport = Be16::from_host(input.word());
  choices.to.dport = Be16::from_host(input.word());
  const auto rest = input.rest(2048);
  Bytes frame(rest.begin(), rest.end());
  if ((choices.flags & kFlagFixIpChecksum) != 0) fix_ip_checksum(frame);
  if ((choices.flags & kFlagFixL4Checksum) != 0) fix_l4_checksum(frame);

  PacketBuffer buffer(frame, choices.headroom);
  Packet& packet = buffer.packet;
  packet.csum_known_good = (choices.flags & kFlagCsumKnownGood) != 0;
  parse(packet);
  LB_FUZZ_CHECK(buffer.frame() == frame);
  check_parsed(packet);
  PacketBuffer common(frame, choices.headroom);
  common.packet.csum_known_good = packet.csum_known_good;
  if (parse_common(common.packet)) LB_FUZZ_CHECK(is_same_packet(common.packet, packet));

  answer(frame, choices, [](Packet& p) { return make_reset(p); });
  answer(frame, choices, [&](Packet& p) {
    return make_icmp_error(p, wire::kUnreachable, 4, 1400, choices.to.src);
  });
  answer(frame, choices, [&](Packet& p) { return make_syn_answer(p, choices); });
  const bool is_flow = packet.kind == PacketKind::kData || packet.kind == PacketKind::kTcpControl ||
                       packet.kind == PacketKind::kFragment;
  if (!is_flow || !test::verify(frame).empty()) return;
  if (packet.proto == kProtoTcp && has_l4(packet)) translate(frame, choices);
  if (ttl(packet) > 2) nat_there_and_back(frame, choices);
  send_on(frame, choices);
}

}  // namespace
}  // namespace lb

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::run({data, size});
  return 0;
}
