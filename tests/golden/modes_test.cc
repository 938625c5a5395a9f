// The matrix of the packet path: every mode, protocol and kind of flow, in both directions. One row
// in row_of() per mode. However a flow came to be, its packets go the same way, byte for byte.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kSyn;
using test::pattern;

constexpr std::uint16_t kClientPort = 40'000;
constexpr std::uint16_t kVipPort = 80;
constexpr std::uint16_t kServerPort = 8'080;

// A packet's addresses at one place of its path.
struct Leg {
  test::Ethernet ethernet;
  test::Ipv4 ip;
  std::uint16_t sport = 0;
  std::uint16_t dport = 0;
};

struct ModeRow {
  std::uint16_t server_port = 0;
  Leg to_server;
  // A packet of the server's that comes to the director, and as it goes to the client. None: the
  // server answers past the director; what comes here nevertheless is the kernel's.
  Leg from_server;
  std::optional<Leg> to_client;
};

ModeRow row_of(Mode mode) {
  const test::Ethernet lan{.dst = kServer1Mac, .src = kLanMac};
  const test::Ethernet from_lan{.dst = kLanMac, .src = kServer1Mac};
  const test::Ethernet wan{.dst = kRouterMac, .src = kWanMac};
  switch (mode) {
    case Mode::kNat:
      return {kServerPort,
              {lan, {.src = kClient, .dst = kServer1, .ttl = 59}, kClientPort, kServerPort},
              {from_lan, {.src = kServer1, .dst = kClient, .ttl = 64}, kServerPort, kClientPort},
              Leg{wan, {.src = kVip, .dst = kClient, .ttl = 63}, kVipPort, kClientPort}};
    case Mode::kDr:
      return {kVipPort,
              {lan, {.src = kClient, .dst = kVip, .ttl = 60}, kClientPort, kVipPort},
              {from_lan, {.src = kVip, .dst = kClient, .ttl = 64}, kVipPort, kClientPort},
              std::nullopt};
  }
  return {};
}

// How the director came to know the flow.
enum class Kind : std::uint8_t { kOpened, kImported, kStateless };

struct Flow {
  Mode mode;
  std::uint8_t proto;
  Kind kind;
};

// 192.0.2.10:80 with one server, in the middle of a flow.
class InMode : public testing::TestWithParam<Flow> {
 protected:
  InMode() : row(row_of(GetParam().mode)), world(GetParam().mode, GetParam().proto) {
    ServiceSpec& service = world.spec.services[0];
    service.real_servers.resize(1);
    service.real_servers[0].address.port = row.server_port;
    service.one_packet = GetParam().kind == Kind::kStateless;
    service.standby = GetParam().kind == Kind::kImported;
    world.apply();
    GetParam().kind == Kind::kImported ? import() : open();
    slot = world.rs_slot("10.0.0.11:" + std::to_string(row.server_port));
    packets_in = world.rs_counter(slot, &RealServerCounters::packets_in);
    packets_out = world.rs_counter(slot, &RealServerCounters::packets_out);
  }
  void TearDown() override {
    EXPECT_EQ(world.connections(), GetParam().kind == Kind::kStateless ? 0U : 1U);
    EXPECT_EQ(world.counter(&WorkerCounters::dropped), 0U);
  }

  Bytes packet(const Leg& leg, const Bytes& payload, std::uint8_t flags = kAck) const {
    return GetParam().proto == kProtoTcp
               ? test::tcp_packet(leg.ip, {.sport = leg.sport,
                                           .dport = leg.dport,
                                           .seq = 100,
                                           .ack = 200,
                                           .flags = flags,
                                           .payload = payload})
               : test::udp_packet(leg.ip,
                                  {.sport = leg.sport, .dport = leg.dport, .payload = payload});
  }
  Bytes frame(const Leg& leg, const Bytes& payload, std::uint8_t flags = kAck) const {
    return test::frame(leg.ethernet, packet(leg, payload, flags));
  }
  // An ICMP error from the router at 10.9.9.9, about the packet that went on `quoted`.
  Bytes error(const Leg& leg, const Leg& quoted) const {
    return test::icmp_frame(leg.ethernet, leg.ip,
                            {.type = 3, .code = 1, .payload = packet(quoted, pattern(20))});
  }
  // Sends the frame in fragments and puts together what comes out; empty: not all was forwarded.
  Bytes through(unsigned side, const Bytes& whole) {
    std::vector<Bytes> out;
    for (const Bytes& fragment : test::fragments(whole, 1500)) {
      const Output sent = world.send(side, fragment);
      if (sent.verdict != Verdict::kForward) return {};
      out.push_back(sent.frame);
    }
    return test::reassemble(out);
  }
  void expect_counted(unsigned in, unsigned out) const {
    EXPECT_EQ(world.rs_counter(slot, &RealServerCounters::packets_in), packets_in + in);
    EXPECT_EQ(world.rs_counter(slot, &RealServerCounters::packets_out), packets_out + out);
  }

  const ModeRow row;
  const Leg from_client{from_router(), client_to_vip(), kClientPort, kVipPort};
  Scene world;
  std::uint32_t slot = 0;

 private:
  void open() {
    world.send(kWan, frame(from_client, {}, kSyn));
    if (GetParam().proto == kProtoUdp) return;
    if (row.to_client) world.send(kLan, frame(row.from_server, {}, kSyn | kAck));
    world.send(kWan, frame(from_client, {}, kAck));
  }
  void import() {
    SyncEntry entry;
    entry.proto = GetParam().proto;
    entry.tuple = {kClient, kVip, Be16::from_host(kClientPort), Be16::from_host(kVipPort)};
    entry.mode = static_cast<std::uint8_t>(GetParam().mode);
    entry.state = entry.proto == kProtoTcp ? ConnState::kEstablished : ConnState::kUdp;
    entry.rs_address = kServer1;
    entry.rs_port = Be16::from_host(row.server_port);
    entry.client_hop = ClientHop::make(kRouterMac.data(), 0, kWan);
    world.receive(std::span(&entry, 1));
    world.spec.services[0].standby = false;
    world.apply();
  }

  std::uint64_t packets_in = 0;
  std::uint64_t packets_out = 0;
};

TEST_P(InMode, FromClientToServer) {
  const Bytes payload = pattern(321);
  const Output out = world.send(kWan, frame(from_client, payload));
  EXPECT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(out.egress, kLan);
  EXPECT_EQ(out.frame, frame(row.to_server, payload));
  expect_counted(1, 0);
}

TEST_P(InMode, FromServerToClient) {
  const Bytes payload = pattern(321);
  const Bytes in = frame(row.from_server, payload);
  const Output out = world.send(kLan, in);
  if (!row.to_client) {
    EXPECT_EQ(out.verdict, Verdict::kPunt);
    EXPECT_EQ(out.frame, in);
    expect_counted(0, 0);
    return;
  }
  EXPECT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(out.egress, kWan);
  EXPECT_EQ(out.frame, frame(*row.to_client, payload));
  expect_counted(0, 1);
}

TEST_P(InMode, FragmentsFromClientToServer) {
  const Bytes payload = pattern(4'000);
  EXPECT_EQ(through(kWan, frame(from_client, payload)), frame(row.to_server, payload));
  expect_counted(3, 0);
}

TEST_P(InMode, FragmentsFromServerToClient) {
  const Bytes payload = pattern(4'000);
  if (!row.to_client) {
    for (const Bytes& fragment : test::fragments(frame(row.from_server, payload), 1500)) {
      const Output out = world.send(kLan, fragment);
      EXPECT_EQ(out.verdict, Verdict::kPunt);
      EXPECT_EQ(out.frame, fragment);
    }
    return;
  }
  EXPECT_EQ(through(kLan, frame(row.from_server, payload)), frame(*row.to_client, payload));
  expect_counted(0, 3);
}

// About a packet of the server's, as the client got it.
TEST_P(InMode, IcmpErrorsFromTheClientsSide) {
  const Leg quoted = row.to_client.value_or(row.from_server);
  const Be32 router = test::ip("203.0.113.1");
  const Leg in{from_client.ethernet, {.src = router, .dst = kVip, .ttl = 60}};
  const Bytes sent = error(in, quoted);
  const Output out = world.send(kWan, sent);
  if (GetParam().kind == Kind::kStateless) {
    EXPECT_EQ(out.verdict, Verdict::kPunt) << "any server may have sent it";
    EXPECT_EQ(out.frame, sent);
    return;
  }
  Leg expected{row.to_server.ethernet, row.to_server.ip};
  expected.ip.src = router;
  Leg as_sent = row.from_server;
  as_sent.ip.ttl = quoted.ip.ttl;
  EXPECT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(test::verify(out.frame), "");
  EXPECT_EQ(out.frame, error(expected, as_sent));
  expect_counted(1, 0);
}

// About a packet of the client's, as the director sent it on.
TEST_P(InMode, IcmpErrorsFromTheServersSide) {
  const Be32 router = test::ip("10.9.9.9");
  const Leg in{row.from_server.ethernet, {.src = router, .dst = kClient, .ttl = 64}};
  const Bytes sent = error(in, row.to_server);
  const Output out = world.send(kLan, sent);
  if (!row.to_client) {
    EXPECT_EQ(out.verdict, Verdict::kPunt);
    EXPECT_EQ(out.frame, sent);
    return;
  }
  Leg expected{row.to_client->ethernet, row.to_client->ip};
  expected.ip.src = router;
  Leg as_sent = from_client;
  as_sent.ip.ttl = row.to_server.ip.ttl;
  EXPECT_EQ(out.verdict, Verdict::kForward);
  EXPECT_EQ(test::verify(out.frame), "");
  EXPECT_EQ(out.frame, error(expected, as_sent));
  expect_counted(0, 1);
}

// Of a flow that is there already, too.
TEST_P(InMode, TheTosOfTheServiceIsSetTowardsTheServerAlone) {
  constexpr std::uint8_t kTos = 184;
  constexpr std::uint8_t kEcn = 1;
  world.spec.services[0].tos = kTos;
  world.apply();
  Leg in = from_client;
  in.ip.tos = 40 | kEcn;
  Leg out = row.to_server;
  out.ip.tos = kTos | kEcn;
  EXPECT_EQ(world.send(kWan, frame(in, pattern(321))).frame, frame(out, pattern(321)));
  EXPECT_EQ(through(kWan, frame(in, pattern(4'000))), frame(out, pattern(4'000)));
  if (GetParam().kind != Kind::kStateless) {
    Leg router = in;
    router.ip.src = test::ip("203.0.113.1");
    const Output sent = world.send(kWan, error(router, row.to_client.value_or(row.from_server)));
    EXPECT_EQ(test::verify(sent.frame), "");
    EXPECT_EQ(sent.frame[wire::kEthBytes + wire::kIpTos], kTos | kEcn);
  }
  if (row.to_client) {
    EXPECT_EQ(world.send(kLan, frame(row.from_server, {})).frame, frame(*row.to_client, {}));
  }

  world.spec.services[0].tos.reset();
  world.apply();
  out.ip.tos = in.ip.tos;
  EXPECT_EQ(world.send(kWan, frame(in, {})).frame, frame(out, {}));
}

std::vector<Flow> all_flows() {
  std::vector<Flow> flows;
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    for (const std::uint8_t proto : {kProtoTcp, kProtoUdp}) {
      for (const Kind kind : {Kind::kOpened, Kind::kImported, Kind::kStateless}) {
        if (kind != Kind::kStateless || proto == kProtoUdp) flows.push_back({mode, proto, kind});
      }
    }
  }
  return flows;
}

INSTANTIATE_TEST_SUITE_P(Matrix, InMode, testing::ValuesIn(all_flows()), [](const auto& test) {
  const Flow& flow = test.param;
  std::string name = flow.mode == Mode::kNat ? "Nat" : "Dr";
  name += flow.proto == kProtoTcp ? "Tcp" : "Udp";
  if (flow.kind == Kind::kOpened) return name + "Opened";
  return name + (flow.kind == Kind::kImported ? "Imported" : "Stateless");
});

}  // namespace
}  // namespace lb::golden
