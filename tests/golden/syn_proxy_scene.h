// A service with a SYN proxy, one client and one real server that the connection went to, segment by segment.
#pragma once

#include <string>

#include "dataplane/packet/parse.h"
#include "dataplane/packet/tcp_options.h"
#include "dataplane/packet/tcp_segment.h"
#include "tests/golden/scene.h"

namespace lb::golden {

inline constexpr std::uint16_t kProxiedPort = 40'000;
inline constexpr std::uint32_t kProxiedIsn = 1'000'000'000;
inline constexpr std::uint32_t kServersIsn = 3'000'000'000;
inline constexpr std::uint32_t kClientStamp = 70'000;
inline constexpr std::uint32_t kServerStamp = 900'000;
inline constexpr std::uint8_t kClientScale = 7;
inline constexpr std::uint8_t kServerScale = 9;
inline constexpr std::uint8_t kPromised = 8;

inline Bytes be32_bytes(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
          static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}
inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Bytes stamps_option(std::uint32_t value, std::uint32_t echo) {
  return Bytes{1, 1, 8, 10} + be32_bytes(value) + be32_bytes(echo);
}
inline Bytes mss_option(std::uint16_t mss) {
  return {2, 4, static_cast<std::uint8_t>(mss >> 8), static_cast<std::uint8_t>(mss)};
}
inline Bytes scale_option(std::uint8_t scale) {
  return {1, 3, 3, scale};
}
inline const Bytes kSackOption = {4, 2};

// A frame as its receiver reads it.
struct Read {
  explicit Read(const Bytes& frame) : bytes(frame) {
    packet.data = bytes.data();
    packet.len = static_cast<std::uint16_t>(bytes.size());
    parse(packet);
    segment = tcp_segment(packet);
    offer = tcp_offer(packet);
    stamps = tcp_timestamps(packet);
    window = wire::load<Be16>(packet.data + packet.l4 + wire::kTcpWindow).host();
  }
  Bytes bytes;
  Packet packet;
  TcpSegment segment;
  TcpOffer offer;
  TcpTimestamps stamps;
  std::uint16_t window = 0;
};

class ProxyScene : public Scene {
 public:
  explicit ProxyScene(SynProxyMode mode = SynProxyMode::kAlways, const WorldOptions& options = {})
      : Scene(Mode::kNat, kProtoTcp, options) {
    service().syn_proxy = mode;
    apply();
  }
  ServiceSpec& service() { return spec.services[0]; }
  SynProxyCounts counts() const { return snapshot().services[0].syn_proxy->counts(); }

  // What the client offers and how its segments look; before the SYN.
  bool timestamps = true;
  bool sack = true;
  bool window_scale = true;
  std::uint16_t mss = 1'460;
  // What the server has of it.
  bool server_timestamps = true;
  bool server_sack = true;
  bool server_window_scale = true;

  std::uint32_t cookie = 0;     // of the SYN-ACK
  std::uint32_t our_stamp = 0;  // likewise

  Output client(test::Tcp tcp) {
    tcp.sport = kProxiedPort;
    tcp.dport = 80;
    return send(kWan, test::tcp_frame(from_router(), client_to_vip(), tcp));
  }
  Output server(test::Tcp tcp, Be32 address = kServer1) {
    tcp.sport = 80;
    tcp.dport = kProxiedPort;
    return send(kLan, test::tcp_frame({.dst = kLanMac, .src = kServer1Mac},
                                      {.src = address, .dst = kClient}, tcp));
  }
  // As they are at the client and at the server, without Ethernet; for what is forwarded.
  static Bytes at_client(test::Tcp tcp) {
    tcp.sport = 80;
    tcp.dport = kProxiedPort;
    return test::tcp_frame({.dst = kRouterMac, .src = kWanMac},
                           {.src = kVip, .dst = kClient, .ttl = 63}, tcp);
  }
  static Bytes at_server(test::Tcp tcp) {
    tcp.sport = kProxiedPort;
    tcp.dport = 80;
    return test::tcp_frame({.dst = kServer1Mac, .src = kLanMac},
                           {.src = kClient, .dst = kServer1, .ttl = 59}, tcp);
  }

  Bytes client_options(std::uint32_t echo) const {
    return timestamps ? stamps_option(kClientStamp, echo) : Bytes{};
  }

  Output syn() {
    Bytes options = mss_option(mss);
    if (sack) options = options + kSackOption + (timestamps ? Bytes{} : Bytes{1, 1});
    if (timestamps) options = options + (sack ? Bytes{} : Bytes{1, 1}) + Bytes{8, 10};
    if (timestamps) options = options + be32_bytes(kClientStamp - 10) + be32_bytes(0);
    if (window_scale) options = options + scale_option(kClientScale);
    const Output out = client({.seq = kProxiedIsn, .flags = test::kSyn, .options = options});
    if (out.verdict == Verdict::kAnswer) {
      const Read answer(out.frame);
      cookie = answer.segment.seq;
      our_stamp = answer.stamps.value;
    }
    return out;
  }
  Output proof(std::size_t size = 0) {
    return client({.seq = kProxiedIsn + 1,
                   .ack = cookie + 1,
                   .flags = test::kAck,
                   .window = 500,
                   .options = client_options(our_stamp),
                   .payload = test::pattern(size)});
  }
  Output syn_ack(std::uint32_t isn = kServersIsn) {
    Bytes options = mss_option(1'400);
    if (server_sack && sack) options = options + Bytes{1, 1} + kSackOption;
    if (server_timestamps && timestamps) {
      options = options + stamps_option(kServerStamp, kClientStamp);
    }
    if (server_window_scale && window_scale) options = options + scale_option(kServerScale);
    return server({.seq = isn,
                   .ack = kProxiedIsn + 1,
                   .flags = test::kSyn | test::kAck,
                   .window = 64'000,
                   .options = options});
  }
  void establish() {
    syn();
    proof();
    syn_ack();
  }

  std::string state() const {
    for (std::uint32_t i = 0; i < table().records(); ++i) {
      ConnTable::Copy conn;
      if (table().read(i, conn)) return std::string(to_string(conn.state));
    }
    return "none";
  }
};

}  // namespace lb::golden
