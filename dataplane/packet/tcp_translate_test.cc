#include "dataplane/packet/tcp_translate.h"

#include <gtest/gtest.h>

#include "dataplane/packet/parse.h"
#include "dataplane/packet/testing/builder.h"

namespace lb {
namespace {

using test::Bytes;
using test::kAck;
using test::kRst;
using test::kSyn;
using test::PacketBuffer;
using test::Tcp;

constexpr std::uint32_t kSeq = 0xfedcba98;
constexpr std::uint32_t kStamp = 0x89abcdef;

Bytes be32(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
          static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}
Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
Bytes stamps(std::uint32_t value, std::uint32_t echo) {
  return joined({{8, 10}, be32(value), be32(echo)});
}
Bytes sack(std::initializer_list<std::uint32_t> edges) {
  Bytes option{5, static_cast<std::uint8_t>(2 + 4 * edges.size())};
  for (const std::uint32_t edge : edges) option = joined({option, be32(edge)});
  return option;
}

using Translate = void (*)(Packet&, const TcpTranslation&);
// Behind so many NOPs, so that options begin at even and at odd offsets.
void expect_translated(Translate translate, const TcpTranslation& by, Tcp from, Tcp to) {
  for (std::size_t nops = 0; nops < 4; ++nops) {
    Tcp before = from, after = to;
    before.options = joined({Bytes(nops, 1), from.options});
    after.options = joined({Bytes(nops, 1), to.options});
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100}}) {
      before.payload = after.payload = test::pattern(size);
      PacketBuffer buffer(test::tcp_frame({}, {}, before), 0);
      parse(buffer.packet);
      translate(buffer.packet, by);
      EXPECT_EQ(buffer.frame(), test::tcp_frame({}, {}, after)) << nops;
      EXPECT_EQ(test::verify(buffer.frame()), "");
    }
  }
}

TEST(TcpTranslate, ServersNumbersAreTheClientsView) {
  expect_translated(translate_to_client, {kSeq, kStamp, {}},
                    {.seq = 5, .ack = 9, .options = stamps(7, 8)},
                    {.seq = 5 + kSeq, .ack = 9, .options = stamps(7 + kStamp, 8)});
}

// Its blocks are of the client's numbers.
TEST(TcpTranslate, ServersSackBlocksStay) {
  expect_translated(translate_to_client, {kSeq, 0, {}}, {.seq = 5, .options = sack({1, 2, 3, 4})},
                    {.seq = 5 + kSeq, .options = sack({1, 2, 3, 4})});
}

TEST(TcpTranslate, ClientsAcknowledgementsAreTheServersNumbers) {
  expect_translated(translate_to_server, {kSeq, kStamp, {}},
                    {.seq = 5, .ack = 9, .options = joined({stamps(7, 8), sack({10, 20, 30, 40})})},
                    {.seq = 5,
                     .ack = 9 - kSeq,
                     .options = joined({stamps(7, 8 - kStamp),
                                        sack({10 - kSeq, 20 - kSeq, 30 - kSeq, 40 - kSeq})})});
}

TEST(TcpTranslate, SegmentsWithoutAckStayForTheServer) {
  const Tcp reset{.seq = 5, .ack = 0, .flags = kRst};
  expect_translated(translate_to_server, {kSeq, kStamp, {}}, reset, reset);
}

TEST(TcpTranslate, WindowsAreRescaled) {
  const auto to_client = [](std::uint16_t window, std::uint8_t server, std::uint8_t promised) {
    return window_for_client(window, {.server_scale = server, .promised_scale = promised});
  };
  EXPECT_EQ(to_client(1'000, 7, 7), 1'000);
  EXPECT_EQ(to_client(1'001, 7, 8), 500);
  EXPECT_EQ(to_client(1'000, 9, 8), 2'000);
  EXPECT_EQ(to_client(65'535, 14, 8), 65'535);
  EXPECT_EQ(to_client(255, 0, 8), 0) << "never more than the server allows";
  EXPECT_EQ(window_for_server(10, {.client_scale = 7}), 1'280);
  EXPECT_EQ(window_for_server(65'535, {.client_scale = 14}), 65'535);

  const TcpTranslationForm form{.server_scale = 7, .promised_scale = 8, .client_scale = 2};
  expect_translated(translate_to_client, {0, 0, form}, {.window = 1'000}, {.window = 500});
  expect_translated(translate_to_server, {0, 0, form}, {.window = 1'000}, {.window = 4'000});
  // RFC 7323 2.2: of a SYN, unscaled.
  const Tcp syn_ack{.flags = kSyn | kAck, .window = 1'000};
  expect_translated(translate_to_client, {0, 0, form}, syn_ack, syn_ack);
}

TEST(TcpTranslate, StripsSackBlocksForAServerThatHasNone) {
  expect_translated(translate_to_server, {kSeq, 0, {.strip_sack = true}},
                    {.ack = 9, .options = sack({10, 20})},
                    {.ack = 9 - kSeq, .options = Bytes(10, 1)});
}

TEST(TcpTranslate, LeavesMalformedOptionsAlone) {
  for (const Bytes& options : {Bytes{8, 1, 2, 3}, Bytes{5, 0, 1, 1}, Bytes{8, 40, 1, 2},
                               Bytes{0, 8, 10, 1}, Bytes{1, 1, 1, 8}, Bytes{5, 3, 1, 1}}) {
    expect_translated(translate_to_server, {kSeq, kStamp, {}}, {.ack = 9, .options = options},
                      {.ack = 9 - kSeq, .options = options});
  }
}

TEST(TcpTranslate, FormFitsInAWord) {
  const TcpTranslationForm form{14, 8, 9, true};
  EXPECT_EQ(TcpTranslationForm::of_word(form.word()), form);
  EXPECT_EQ(TcpTranslationForm::of_word(0), TcpTranslationForm{});
}

}  // namespace
}  // namespace lb
