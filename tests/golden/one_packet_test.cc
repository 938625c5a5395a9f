// one_packet: every datagram is sent on its own, and no connection is made.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::pattern;

constexpr std::uint16_t kDnsServerPort = 5300;  // NAT

// 192.0.2.10:53, round robin over two servers. "here" is an own address of the director.
class Alone : public Scene {
 public:
  explicit Alone(Mode mode, const WorldOptions& options = {}) : Scene(mode, kProtoUdp, options) {
    spec.services[0].addresses = {test::single("192.0.2.10:53")};
    spec.services[0].one_packet = true;
    for (unsigned i = 0; i < 2; ++i) {
      rs(i).address.port = mode == Mode::kNat ? kDnsServerPort : std::uint16_t{53};
    }
    spec.own_addresses = {Ipv4Address{test::ip("10.0.0.2")}, Ipv4Address{test::ip("192.0.2.2")}};
    apply();
  }
  std::uint64_t sum(Counter<std::uint64_t> RealServerCounters::*which) const {
    return rs_counter(rs_slot("10.0.0.11:" + port()), which) +
           rs_counter(rs_slot("10.0.0.12:" + port()), which);
  }

 private:
  std::string port() const { return std::to_string(spec.services[0].real_servers[0].address.port); }
};

Bytes question(std::uint16_t sport = 40'000, std::size_t size = 30, Be32 client = kClient) {
  return test::udp_frame(from_router(), {.src = client, .dst = kVip, .ttl = 60},
                         {.sport = sport, .dport = 53, .payload = pattern(size)});
}

Bytes answer(Be32 server, std::uint16_t dport = 40'000, std::size_t size = 30,
             Be32 client = kClient) {
  return test::udp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = server, .dst = client},
                         {.sport = kDnsServerPort, .dport = dport, .payload = pattern(size)});
}

Bytes answer_to_client(std::uint16_t dport = 40'000, std::size_t size = 30) {
  return test::udp_frame({.dst = kRouterMac, .src = kWanMac},
                         {.src = kVip, .dst = kClient, .ttl = 63},
                         {.sport = 53, .dport = dport, .payload = pattern(size)});
}

TEST(OnePacket, InDrModeEveryDatagramIsScheduledAnew) {
  Alone world(Mode::kDr);
  for (unsigned i = 0; i < 6; ++i) {
    const Output out = world.send(kWan, question());
    ASSERT_EQ(out.verdict, Verdict::kForward);
    EXPECT_EQ(out.egress, kLan);
    EXPECT_EQ(
        out.frame,
        test::udp_frame({.dst = i % 2 == 0 ? kServer1Mac : kServer2Mac, .src = kLanMac},
                        client_to_vip(), {.sport = 40'000, .dport = 53, .payload = pattern(30)}));
  }
  EXPECT_EQ(world.connections(), 0U);
  EXPECT_EQ(world.counter(&WorkerCounters::conns_created), 0U);
  EXPECT_EQ(world.rs_counter(world.rs_slot("10.0.0.11:53"), &RealServerCounters::packets_in), 3U);
  EXPECT_EQ(world.sum(&RealServerCounters::connections), 6U);
  EXPECT_EQ(world.sum(&RealServerCounters::bytes_in), 6U * (20 + 8 + 30));
  EXPECT_EQ(world.active(0) + world.inactive(0), 0);
}

TEST(OnePacket, InNatModeAnswersComeFromTheVip) {
  Alone world(Mode::kNat);
  for (unsigned i = 0; i < 4; ++i) {
    const Be32 server = i % 2 == 0 ? kServer1 : kServer2;
    const Output out = world.send(kWan, question());
    ASSERT_EQ(out.verdict, Verdict::kForward);
    EXPECT_EQ(out.frame,
              test::udp_frame({.dst = i % 2 == 0 ? kServer1Mac : kServer2Mac, .src = kLanMac},
                              {.src = kClient, .dst = server, .ttl = 59},
                              {.sport = 40'000, .dport = kDnsServerPort, .payload = pattern(30)}));
    const Output back = world.send(kLan, answer(server, 40'000, 400));
    ASSERT_EQ(back.verdict, Verdict::kForward);
    EXPECT_EQ(back.egress, kWan);
    EXPECT_EQ(back.frame, answer_to_client(40'000, 400));
  }
  EXPECT_EQ(world.connections(), 0U);
  EXPECT_EQ(world.sum(&RealServerCounters::connections), 4U);
  EXPECT_EQ(world.sum(&RealServerCounters::packets_in), 4U);
  EXPECT_EQ(world.sum(&RealServerCounters::packets_out), 4U);
  EXPECT_EQ(world.sum(&RealServerCounters::bytes_out), 4U * (20 + 8 + 400));
  EXPECT_EQ(world.counter(&WorkerCounters::dropped), 0U);
}

TEST(OnePacket, SeveralAnswersToOneQuestionOnAnotherWorker) {
  Alone world(Mode::kNat, {.workers = 2});
  world.send(kWan, question(), 0);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(world.send(kLan, answer(kServer1), 1).frame, answer_to_client());
  }
}

TEST(OnePacket, AServerWithoutAPortAnswersFromTheServices) {
  Alone world(Mode::kNat);
  world.rs(0).address.port = world.rs(1).address.port = 0;
  world.apply();
  world.send(kWan, question());
  const Output out = world.send(
      kLan, test::udp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = kServer1, .dst = kClient},
                            {.sport = 53, .dport = 40'000, .payload = pattern(30)}));
  EXPECT_EQ(out.frame, answer_to_client());
}

TEST(OnePacket, LeavesPacketsThatAreNoReplyToTheKernel) {
  Alone world(Mode::kNat);
  EXPECT_EQ(world.send(kLan, answer(kServer1)).verdict, Verdict::kPunt) << "nobody asked";
  world.send(kWan, question());
  const auto punted = [&](const Bytes& frame) {
    const Output out = world.send(kLan, frame);
    return out.verdict == Verdict::kPunt && out.frame == frame;
  };
  EXPECT_TRUE(punted(test::udp_frame({.dst = kLanMac, .src = kServer1Mac},
                                     {.src = kServer1, .dst = kClient},
                                     {.sport = 5301, .dport = 40'000, .payload = pattern(30)})))
      << "another port";
  EXPECT_TRUE(punted(test::tcp_frame({.dst = kLanMac, .src = kServer1Mac},
                                     {.src = kServer1, .dst = kClient},
                                     {.sport = kDnsServerPort, .dport = 40'000})))
      << "TCP";
  EXPECT_TRUE(punted(answer(test::ip("10.0.0.13")))) << "another host";
}

// Health checks ask from there, and no client may divert their answers by sending from that
// address.
TEST(OnePacket, AnswersToTheDirectorAreTheKernels) {
  Alone world(Mode::kNat);
  const Be32 own = test::ip("10.0.0.2");
  EXPECT_EQ(world.send(kWan, question(40'000, 30, own)).verdict, Verdict::kForward);
  EXPECT_EQ(world.send(kLan, answer(kServer1, 40'000, 30, own)).verdict, Verdict::kPunt);
}

TEST(OnePacket, ServersThatAreDownGetNothingAtOnce) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    Alone world(mode);
    world.send(kWan, question());
    world.rs(1).up = false;
    world.apply();
    for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(world.send(kWan, question()).frame[5], 1U);
    world.rs(0).up = false;
    world.apply();
    const Output out = world.send(kWan, question());
    EXPECT_EQ(out.verdict, Verdict::kAnswer) << "port unreachable";
    EXPECT_EQ(world.dropped(DropReason::no_real_server), 1U);
    world.rs(0).up = true;
    world.rs(0).next_hop.reset();
    world.apply();
    EXPECT_EQ(world.send(kWan, question()).reason, DropReason::next_hop_unresolved);
  }
}

TEST(OnePacket, LimitsCountDatagrams) {
  Alone world(Mode::kDr);
  world.spec.services[0].limits = {.new_per_second = 10, .burst = test::ticks(5)};
  world.apply();
  unsigned taken = 0;
  for (unsigned i = 0; i < 20; ++i) {
    taken += world.send(kWan, question()).verdict == Verdict::kForward ? 1U : 0U;
  }
  EXPECT_EQ(taken, 5U);
  EXPECT_EQ(world.dropped(DropReason::service_rate_limited), 15U);
}

// All fragments of a datagram go to one server, in any order.
TEST(OnePacket, FragmentsFollowTheFirst) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    Alone world(mode);
    for (unsigned i = 0; i < 2; ++i) {
      test::Ipv4 ip = client_to_vip();
      ip.id = static_cast<std::uint16_t>(i);
      test::Udp udp{.sport = 40'000, .dport = 53, .payload = pattern(4000)};
      const std::vector<Bytes> in = test::fragments(test::udp_frame(from_router(), ip, udp), 1500);
      std::vector<Bytes> out;
      EXPECT_EQ(world.send(kWan, in[2]).verdict, Verdict::kHeld);
      out.push_back(world.send(kWan, in[0]).frame);
      for (const Output& released : world.released()) out.push_back(released.frame);
      out.push_back(world.send(kWan, in[1]).frame);
      if (mode == Mode::kNat) {
        ip.dst = i == 0 ? kServer1 : kServer2;
        --ip.ttl;
        udp.dport = kDnsServerPort;
      }
      const test::Ethernet eth{.dst = i == 0 ? kServer1Mac : kServer2Mac, .src = kLanMac};
      EXPECT_EQ(test::reassemble(out), test::udp_frame(eth, ip, udp));
    }
    EXPECT_EQ(world.connections(), 0U);
    EXPECT_EQ(world.sum(&RealServerCounters::connections), 2U) << "datagrams, not fragments";
    EXPECT_EQ(world.sum(&RealServerCounters::packets_in), 6U);
  }
}

TEST(OnePacket, FragmentsOfAnAnswer) {
  Alone world(Mode::kNat);
  world.send(kWan, question());
  std::vector<Bytes> out;
  for (const Bytes& f : test::fragments(answer(kServer1, 40'000, 4000), 1500)) {
    const Output o = world.send(kLan, f);
    ASSERT_EQ(o.verdict, Verdict::kForward);
    EXPECT_EQ(o.egress, kWan);
    out.push_back(o.frame);
  }
  EXPECT_EQ(test::reassemble(out), answer_to_client(40'000, 4000));
}

TEST(OnePacket, FragmentsEndWithTheService) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    Alone world(mode);
    const std::vector<Bytes> in = test::fragments(question(40'000, 4000), 1500);
    world.send(kWan, in[0]);
    world.spec.services[0].one_packet = false;
    world.apply();
    EXPECT_EQ(world.send(kWan, in[1]).reason, DropReason::fragment_timeout);
  }
}

TEST(OnePacket, IcmpErrorsOfAServerReachTheClient) {
  Alone world(Mode::kNat);
  world.send(kWan, question());
  const auto quote = [](Be32 dst, std::uint16_t dport) {
    return test::udp_packet({.src = kClient, .dst = dst, .ttl = 59},
                            {.sport = 40'000, .dport = dport, .payload = pattern(30)});
  };
  const Output out = world.send(
      kLan,
      test::icmp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = kServer1, .dst = kClient},
                       {.type = 3, .code = 3, .payload = quote(kServer1, kDnsServerPort)}));
  ASSERT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(test::verify(out.frame), "");
  EXPECT_EQ(out.frame, test::icmp_frame({.dst = kRouterMac, .src = kWanMac},
                                        {.src = kVip, .dst = kClient, .ttl = 63},
                                        {.type = 3, .code = 3, .payload = quote(kVip, 53)}));
}

// A connection that was there before the service lost its connections goes on; the peer is told of
// nothing else.
TEST(OnePacket, ConnectionsThatAreThereGoOn) {
  Alone world(Mode::kNat, {.peer = true});
  world.spec.services[0].one_packet = false;
  world.apply();
  world.send(kWan, question(1));
  world.spec.services[0].one_packet = true;
  world.apply();
  world.join();
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(world.send(kWan, question(1)).frame[5], 1U) << "the server that it has";
    EXPECT_EQ(world.send(kLan, answer(kServer1, 1)).frame, answer_to_client(1));
    world.send(kWan, question(2));
  }
  EXPECT_EQ(world.connections(), 1U);
  unsigned told = 0;
  for (const SyncEntry& entry : world.exported()) {
    if (entry.kind != SyncKind::kConn) continue;
    EXPECT_EQ(entry.tuple.sport.host(), 1U) << "nothing else";
    ++told;
  }
  EXPECT_GE(told, 1U) << "by the walk, and as it was confirmed";
}

}  // namespace
}  // namespace lb::golden
