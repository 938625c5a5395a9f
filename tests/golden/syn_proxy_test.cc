// SYN proxy: the handshake with the client, with the server, and what follows, byte for byte.
#include <gtest/gtest.h>

#include "tests/golden/syn_proxy_scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kPsh;
using test::kRst;
using test::kSyn;

TEST(SynProxy, AnswersASynAndKeepsNothing) {
  ProxyScene world;
  const Output out = world.syn();
  EXPECT_EQ(out.verdict, Verdict::kAnswer);
  EXPECT_EQ(out.reason, DropReason::syn_proxied);
  EXPECT_EQ(out.egress, kWan);
  EXPECT_EQ(out.frame,
            test::tcp_frame({.dst = kRouterMac, .src = kWanMac},
                            {.src = kVip, .dst = kClient, .id = 0, .dont_fragment = true},
                            {.sport = 80,
                             .dport = kProxiedPort,
                             .seq = world.cookie,
                             .ack = kProxiedIsn + 1,
                             .flags = kSyn | kAck,
                             .window = 0,
                             .options = mss_option(1'460) + scale_option(kPromised) + kSackOption +
                                        Bytes{8, 10} + be32_bytes(world.our_stamp) +
                                        be32_bytes(kClientStamp - 10)}));
  EXPECT_EQ(world.connections(), 0u);
  EXPECT_EQ(world.counts().cookies, 1u);
  EXPECT_EQ(world.dropped(DropReason::syn_proxied), 1u);
}

TEST(SynProxy, PromisesOnlyWhatTheClientOffers) {
  ProxyScene world;
  world.timestamps = world.sack = world.window_scale = false;
  const Read answer(world.syn().frame);
  EXPECT_FALSE(answer.offer.timestamps);
  EXPECT_EQ(answer.offer.syn, (SynOffer{1'460, kNoWindowScale, false}));
}

// No larger than what fits on the way to the servers.
TEST(SynProxy, PromisesTheSmallestMss) {
  ProxyScene world;
  world.ports[kLan].mtu = 1'400;
  world.apply();
  EXPECT_EQ(Read(world.syn().frame).offer.syn.mss, 1'360);
}

TEST(SynProxy, OpensTheConnectionWithWhatTheClientOffered) {
  ProxyScene world;
  world.syn();
  const Output out = world.proof(100);
  EXPECT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(out.egress, kLan);
  EXPECT_EQ(
      out.frame,
      test::tcp_frame({.dst = kServer1Mac, .src = kLanMac},
                      {.src = kClient, .dst = kServer1, .ttl = 63, .id = 0, .dont_fragment = true},
                      {.sport = kProxiedPort,
                       .dport = 80,
                       .seq = kProxiedIsn,
                       .flags = kSyn,
                       .window = 500,
                       .options = mss_option(1'460) + scale_option(kClientScale) + kSackOption +
                                  Bytes{8, 10} + be32_bytes(kClientStamp) + be32_bytes(0)}));
  EXPECT_EQ(world.state(), "SYN_SENT");
  EXPECT_EQ(world.counts().proven, 1u);
}

TEST(SynProxy, AnswersBothEndsWhenTheServerHas) {
  ProxyScene world;
  world.syn();
  world.proof();
  const Output out = world.syn_ack();
  EXPECT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(out.egress, kLan);
  EXPECT_EQ(
      out.frame,
      test::tcp_frame({.dst = kServer1Mac, .src = kLanMac},
                      {.src = kClient, .dst = kServer1, .ttl = 63, .id = 0, .dont_fragment = true},
                      {.sport = kProxiedPort,
                       .dport = 80,
                       .seq = kProxiedIsn + 1,
                       .ack = kServersIsn + 1,
                       .flags = kAck,
                       .window = 500,
                       .options = stamps_option(kClientStamp, kServerStamp)}));
  const auto own = world.own_segments();
  ASSERT_EQ(own.size(), 1u);
  EXPECT_EQ(own[0].egress, kWan);
  EXPECT_EQ(own[0].frame,
            test::tcp_frame({.dst = kRouterMac, .src = kWanMac},
                            {.src = kVip, .dst = kClient, .id = 0, .dont_fragment = true},
                            {.sport = 80,
                             .dport = kProxiedPort,
                             .seq = world.cookie + 1,
                             .ack = kProxiedIsn + 1,
                             .flags = kAck,
                             .window = 64'000 >> kPromised,
                             .options = stamps_option(world.our_stamp, kClientStamp)}));
  EXPECT_EQ(world.state(), "ESTABLISHED");
}

TEST(SynProxy, TranslatesWhatFollows) {
  ProxyScene world;
  world.establish();
  const std::uint32_t delta = world.cookie - kServersIsn;
  const std::uint32_t stamp_delta = world.our_stamp - kServerStamp;
  const Bytes payload = test::pattern(300);
  EXPECT_EQ(world
                .client({.seq = kProxiedIsn + 1,
                         .ack = world.cookie + 1,
                         .flags = kAck | kPsh,
                         .window = 700,
                         .options = stamps_option(kClientStamp + 5, world.our_stamp),
                         .payload = payload})
                .frame,
            ProxyScene::at_server({.seq = kProxiedIsn + 1,
                                   .ack = kServersIsn + 1,
                                   .flags = kAck | kPsh,
                                   .window = 700,
                                   .options = stamps_option(kClientStamp + 5, kServerStamp),
                                   .payload = payload}));
  EXPECT_EQ(world
                .server({.seq = kServersIsn + 1,
                         .ack = kProxiedIsn + 301,
                         .flags = kAck,
                         .window = 400,
                         .options = stamps_option(kServerStamp + 9, kClientStamp + 5),
                         .payload = payload})
                .frame,
            ProxyScene::at_client(
                {.seq = kServersIsn + 1 + delta,
                 .ack = kProxiedIsn + 301,
                 .flags = kAck,
                 .window = 400 << kServerScale >> kPromised,
                 .options = stamps_option(kServerStamp + 9 + stamp_delta, kClientStamp + 5),
                 .payload = payload}));
}

TEST(SynProxy, TranslatesSackBlocks) {
  ProxyScene world;
  world.timestamps = false;
  world.establish();
  const std::uint32_t at = world.cookie + 1;
  const auto sack = [](std::uint32_t base) {
    return Bytes{1, 1, 5, 18} + be32_bytes(base + 100) + be32_bytes(base + 200) +
           be32_bytes(base + 300) + be32_bytes(base + 400);
  };
  EXPECT_EQ(
      world.client({.seq = kProxiedIsn + 1, .ack = at, .options = sack(at)}).frame,
      ProxyScene::at_server(
          {.seq = kProxiedIsn + 1, .ack = kServersIsn + 1, .options = sack(kServersIsn + 1)}));
}

// What the client was promised and the server does not have.
TEST(SynProxy, MakesUpForAServerWithoutSackAndWindowScale) {
  ProxyScene world;
  world.timestamps = world.server_sack = world.server_window_scale = false;
  world.syn();
  world.proof();
  EXPECT_EQ(Read(world.syn_ack().frame).window, 500 << kClientScale);
  const std::uint32_t at = world.cookie + 1;
  const Bytes sack = Bytes{1, 1, 5, 10} + be32_bytes(at + 100) + be32_bytes(at + 200);
  EXPECT_EQ(world.client({.seq = kProxiedIsn + 1, .ack = at, .window = 9, .options = sack}).frame,
            ProxyScene::at_server({.seq = kProxiedIsn + 1,
                                   .ack = kServersIsn + 1,
                                   .window = 9 << kClientScale,
                                   .options = Bytes(12, 1)}));
  EXPECT_EQ(
      Read(world.server({.seq = kServersIsn + 1, .ack = kProxiedIsn + 1, .window = 5'120}).frame)
          .window,
      5'120 >> kPromised);
}

// Nobody can add them to what the server sends.
TEST(SynProxy, EndsAConnectionWhoseServerLacksTimestampsAndPromisesNoMore) {
  ProxyScene world;
  world.rs(1).weight = 0;
  world.apply();
  world.server_timestamps = false;
  world.syn();
  world.proof();
  const Output out = world.syn_ack();
  EXPECT_EQ(out.verdict, Verdict::kAnswer);
  EXPECT_EQ(out.reason, DropReason::timestamps_missing);
  EXPECT_TRUE(Read(out.frame).segment.has(kRst));
  EXPECT_EQ(Read(out.frame).segment.seq, kProxiedIsn + 1);
  const auto own = world.own_segments();
  ASSERT_EQ(own.size(), 1u);
  EXPECT_EQ(Read(own[0].frame).segment.flags, kRst);
  EXPECT_EQ(Read(own[0].frame).segment.seq, world.cookie + 1);
  EXPECT_EQ(world.connections(), 0u);

  EXPECT_FALSE(Read(world.syn().frame).offer.timestamps);
  world.timestamps = false;
  world.proof();
  world.syn_ack();
  EXPECT_EQ(world.state(), "ESTABLISHED");
}

TEST(SynProxy, ClosesAsEveryConnection) {
  ProxyScene world;
  world.timestamps = false;
  world.establish();
  world.client({.seq = kProxiedIsn + 1, .ack = world.cookie + 1, .flags = kFin | kAck});
  EXPECT_EQ(world.state(), "CLOSE_WAIT");
  const Output out =
      world.server({.seq = kServersIsn + 1, .ack = kProxiedIsn + 2, .flags = kFin | kAck});
  EXPECT_EQ(Read(out.frame).segment.seq, world.cookie + 1);
  EXPECT_EQ(world.state(), "LAST_ACK");
  world.client({.seq = kProxiedIsn + 2, .ack = world.cookie + 2});
  EXPECT_EQ(world.state(), "CLOSED");
}

TEST(SynProxy, ResetsPassWithTheirNumbers) {
  ProxyScene world;
  world.timestamps = false;
  world.establish();
  EXPECT_EQ(world.server({.seq = kServersIsn + 1, .flags = kRst}).frame,
            ProxyScene::at_client({.seq = world.cookie + 1, .flags = kRst, .window = 65'535}));
  EXPECT_EQ(world.state(), "CLOSED");
}

// The server's SYN-ACK again: our ACK to it was lost. The client answers it, and the windows stay.
TEST(SynProxy, ARepeatedSynAckGoesToTheClient) {
  ProxyScene world;
  world.establish();
  EXPECT_EQ(Read(world.syn_ack().frame).segment.seq, world.cookie);
  EXPECT_EQ(world.state(), "ESTABLISHED");
  EXPECT_EQ(
      Read(world.server({.seq = kServersIsn + 1, .ack = kProxiedIsn + 1, .window = 100}).frame)
          .window,
      200);
}

TEST(SynProxy, PathMtuErrorsNameTheServersNumbers) {
  ProxyScene world;
  world.timestamps = false;
  world.establish();
  const Output data = world.server(
      {.seq = kServersIsn + 1, .ack = kProxiedIsn + 1, .payload = test::pattern(1'000)});
  const Bytes quoted(data.frame.begin() + wire::kEthBytes, data.frame.end());
  for (const std::size_t bytes : {std::size_t{28}, quoted.size()}) {
    const Output out = world.send(
        kWan, test::icmp_frame(
                  from_router(), {.src = test::ip("198.51.100.1"), .dst = kVip},
                  {.type = 3, .code = 4, .rest = 1'300, .payload = test::cut(quoted, bytes)}));
    EXPECT_EQ(out.verdict, Verdict::kForward);
    EXPECT_EQ(test::verify(out.frame), "");
    const std::size_t seq_at = wire::kEthBytes + 20 + 8 + 20 + wire::kTcpSequence;
    EXPECT_EQ(wire::load<Be32>(out.frame.data() + seq_at).host(), kServersIsn + 1);
  }
}

}  // namespace
}  // namespace lb::golden
