// make_path() in every mode, for every protocol, in both directions: one row of kModes per mode.
#include "dataplane/forward/path.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "dataplane/packet/parse.h"
#include "dataplane/packet/testing/builder.h"

namespace lb {
namespace {

using test::Bytes;
using test::PacketBuffer;

struct ModeRow {
  Mode mode;
  const char* name;
  std::uint8_t keys;
  bool rewrites;  // addresses and ports, in both directions
};
constexpr ModeRow kModes[] = {
    {Mode::kNat, "Nat", 2, true},
    {Mode::kDr, "Dr", 1, false},
};

constexpr std::uint16_t kClientPort = 40'000;
constexpr std::uint16_t kVipPort = 80;
constexpr std::uint16_t kServerPort = 8'080;

// Who sends to whom.
struct Ends {
  Be32 src;
  Be32 dst;
  std::uint16_t sport;
  std::uint16_t dport;

  FlowTuple tuple() const { return {src, dst, Be16::from_host(sport), Be16::from_host(dport)}; }
};

class PathInMode : public testing::TestWithParam<std::tuple<ModeRow, std::uint8_t>> {
 protected:
  PathInMode() {
    server.address = server_address;
    server.port = Be16::from_host(kServerPort);
  }
  const ModeRow& row() const { return std::get<0>(GetParam()); }
  Path path() const { return make_path(from_client.tuple(), server, row().mode); }
  Bytes frame(const Ends& ends, std::uint8_t ttl) const {
    const test::Ipv4 ip{.src = ends.src, .dst = ends.dst, .ttl = ttl};
    const Bytes payload = test::pattern(33);
    if (std::get<1>(GetParam()) == kProtoTcp) {
      return test::tcp_frame({}, ip,
                             {.sport = ends.sport, .dport = ends.dport, .payload = payload});
    }
    return test::udp_frame({}, ip, {.sport = ends.sport, .dport = ends.dport, .payload = payload});
  }
  static Bytes rewritten(const Bytes& frame, const FlowTuple& to, Deltas deltas) {
    PacketBuffer buffer(frame);
    parse(buffer.packet);
    rewrite_nat(buffer.packet, to, deltas, true);
    return buffer.frame();
  }

  const Be32 client = test::ip("198.51.100.7");
  const Be32 vip = test::ip("192.0.2.10");
  const Be32 server_address = test::ip("10.0.0.11");
  const Ends from_client{client, vip, kClientPort, kVipPort};
  const Ends to_server{client, server_address, kClientPort, kServerPort};
  const Ends from_server{server_address, client, kServerPort, kClientPort};
  const Ends to_client{vip, client, kVipPort, kClientPort};
  RealServerEntry server;
};

TEST_P(PathInMode, KeysAreTheTuplesOfBothDirections) {
  const Path path = this->path();
  EXPECT_EQ(path.tuple[0], from_client.tuple());
  EXPECT_EQ(path.tuple[1], from_server.tuple());
  EXPECT_EQ(path.keys, row().keys);
  EXPECT_EQ(has_reverse_key(row().mode), row().keys == 2);
}

TEST_P(PathInMode, LeadsToTheServer) {
  const Path path = this->path();
  EXPECT_EQ(path.mode, row().mode);
  EXPECT_EQ(path.next_hop, &server.next_hop);
}

TEST_P(PathInMode, RewritesFromClientToServer) {
  const Path path = this->path();
  EXPECT_EQ(path.deltas != Deltas{}, row().rewrites);
  if (!row().rewrites) return;
  const Bytes out = rewritten(frame(from_client, 64), path.tuple[1].reversed(), path.deltas);
  EXPECT_EQ(test::verify(out), "");
  EXPECT_EQ(out, frame(to_server, 63));
}

TEST_P(PathInMode, RewritesFromServerToClient) {
  const Path path = this->path();
  if (!row().rewrites) {
    EXPECT_EQ(path.deltas, Deltas{});
    return;
  }
  const Bytes out =
      rewritten(frame(from_server, 64), path.tuple[0].reversed(), path.deltas.reversed());
  EXPECT_EQ(test::verify(out), "");
  EXPECT_EQ(out, frame(to_client, 63));
}

TEST_P(PathInMode, AServerWithoutAPortGetsTheClientsPort) {
  server.port = {};
  EXPECT_EQ(path().tuple[1].sport.host(), kVipPort);
}

TEST_P(PathInMode, AGivenServerPortCounts) {
  const Path path = make_path(from_client.tuple(), server, Be16::from_host(9'000), row().mode);
  EXPECT_EQ(path.tuple[1].sport.host(), 9'000);
  server.port = Be16::from_host(9'000);
  EXPECT_EQ(path.deltas, this->path().deltas);
}

// A later fragment's tuple has no ports, and its IPv4 header is all that is rewritten.
TEST_P(PathInMode, OfALaterFragmentCorrectsTheHeaderLikeTheFirst) {
  const Path later = make_path({client, vip, {}, {}}, server, row().mode);
  EXPECT_EQ(later.deltas.ip, path().deltas.ip);
  EXPECT_EQ(later.tuple[1].src, server_address);
  EXPECT_EQ(later.tuple[1].dst, client);
}

TEST_P(PathInMode, AConnectionOnItHasItsKeysAndDeltas) {
  const Path path = this->path();
  const NewConn conn = connection_on(path);
  EXPECT_EQ(conn.tuple[0], path.tuple[0]);
  EXPECT_EQ(conn.tuple[1], path.tuple[1]);
  EXPECT_EQ(conn.deltas, path.deltas);
  EXPECT_EQ(conn.mode, static_cast<std::uint8_t>(row().mode));
  EXPECT_EQ(conn.keys, row().keys);
}

INSTANTIATE_TEST_SUITE_P(Modes, PathInMode,
                         testing::Combine(testing::ValuesIn(kModes),
                                          testing::Values(kProtoTcp, kProtoUdp)),
                         [](const auto& test) {
                           const bool tcp = std::get<1>(test.param) == kProtoTcp;
                           return std::string(std::get<0>(test.param).name) + (tcp ? "Tcp" : "Udp");
                         });

}  // namespace
}  // namespace lb
