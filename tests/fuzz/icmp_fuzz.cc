// Any bytes as what an ICMP error quotes: reading the quote stays within the packet, and an error
// that was right is right after its translation.
//
// Input: flags, number of outer option words, 12 bytes of addresses and ports to rewrite to, the
// quote.
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"
#include "dataplane/packet/testing/builder.h"
#include "tests/fuzz/input.h"

namespace lb {
namespace {

using fuzz::Input;
using test::Bytes;
using test::PacketBuffer;

constexpr std::uint8_t kFlagTagged = 0x01;
constexpr std::uint8_t kFlagFixQuote = 0x02;
constexpr std::uint8_t kFlagBadChecksum = 0x04;
constexpr std::uint8_t kFlagPadded = 0x08;

// The quoted IPv4 header's checksum made right, so that the result can be verified.
void fix_quote(Bytes& quote) {
  if (quote.size() < 20) return;
  const std::size_t header_bytes = (quote[0] & 15u) * 4u;
  if (header_bytes < 20 || quote.size() < header_bytes) return;
  wire::store(quote.data() + wire::kIpChecksum, std::uint16_t{0});
  const std::uint16_t checksum = checksum_of(sum_bytes(quote.data(), header_bytes));
  wire::store(quote.data() + wire::kIpChecksum, checksum);
}

void check_quote(const Packet& packet, const IcmpQuote& quote) {
  const unsigned end = packet.l3 + unsigned{packet.ip_len};
  LB_FUZZ_CHECK(quote.inner_l3 == packet.l4 + 8);
  LB_FUZZ_CHECK(quote.inner_l4 >= quote.inner_l3 + 20 && quote.inner_l4 + 8u <= end);
  LB_FUZZ_CHECK(quote.proto == kProtoTcp || quote.proto == kProtoUdp);
}

void run(Input input) {
  const std::uint8_t flags = input.byte();
  const std::size_t option_words = input.byte() % 11u;
  FlowTuple to;
  to.src.raw = input.dword();
  to.dst.raw = input.dword();
  to.sport.raw = input.word();
  to.dport.raw = input.word();
  const auto rest = input.rest(1600);
  Bytes quoted(rest.begin(), rest.end());
  if ((flags & kFlagFixQuote) != 0) fix_quote(quoted);

  test::Ethernet eth;
  if ((flags & kFlagTagged) != 0) eth.vlan = 9;
  Bytes frame = test::icmp_frame(eth, {.options = Bytes(option_words * 4, 1)},
                                 {.type = 3, .code = 3, .payload = quoted});
  const std::size_t icmp = frame.size() - quoted.size() - 8;
  if ((flags & kFlagBadChecksum) != 0) frame[icmp + 2] ^= 1;
  const bool was_clean = test::verify(frame).empty();
  if ((flags & kFlagPadded) != 0) frame = test::pad(frame, frame.size() + 20);

  PacketBuffer buffer(frame, 0);
  Packet& packet = buffer.packet;
  parse(packet);
  LB_FUZZ_CHECK(packet.kind == PacketKind::kIcmpError);
  IcmpQuote quote;
  if (!parse_icmp_quote(packet, quote)) {
    LB_FUZZ_CHECK(buffer.frame() == frame);
    return;
  }
  LB_FUZZ_CHECK((flags & kFlagBadChecksum) == 0);
  check_quote(packet, quote);

  rewrite_icmp_error(packet, quote, test::ip("192.0.2.1"), test::ip("198.51.100.2"), to);
  LB_FUZZ_CHECK(buffer.in_bounds());
  const std::string wrong = test::verify(buffer.frame());
  LB_FUZZ_CHECK(wrong.empty() || (!was_clean && wrong.starts_with("quoted")));

  parse(packet);
  LB_FUZZ_CHECK(packet.kind == PacketKind::kIcmpError);
  const IcmpQuote before = quote;
  LB_FUZZ_CHECK(parse_icmp_quote(packet, quote));
  LB_FUZZ_CHECK(quote.tuple == to && quote.inner_l4 == before.inner_l4);
}

}  // namespace
}  // namespace lb

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::run({data, size});
  return 0;
}
