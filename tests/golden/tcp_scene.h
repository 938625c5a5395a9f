// One TCP connection through a director, segment by segment, with the numbers of its two ends.
#pragma once

#include <algorithm>
#include <string>

#include "tests/golden/scene.h"

namespace lb::golden {

inline constexpr std::uint32_t kClientIsn = 1'000'000'000;
inline constexpr std::uint32_t kServerIsn = 3'000'000'000;
// Out of any window, and less than half of all.
inline constexpr std::uint32_t kFar = (1U << 30) + 12'345;
inline constexpr std::uint32_t kNear = 1U << 20;  // within the window
inline constexpr std::uint16_t kTcpPort = 40'000;
// What was under way at a reset has arrived; before the client is asked.
inline constexpr std::uint32_t kUnderWayMs = 1'000;

struct Segment {
  std::uint8_t flags = 0;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::size_t size = 0;  // of the payload
  Bytes options = {};
};

inline bool goes_to(const Output& out, const test::Mac& mac) {
  return out.verdict == Verdict::kForward && std::equal(mac.begin(), mac.end(), out.frame.begin());
}

class TcpScene : public Scene {
 public:
  explicit TcpScene(Mode mode, const WorldOptions& options = {})
      : Scene(mode, kProtoTcp, options), nat_(mode == Mode::kNat) {}

  // The next number of each end; behind its FIN if it has sent one.
  std::uint32_t c = kClientIsn;
  std::uint32_t s = kServerIsn;
  // The same before the FIN.
  std::uint32_t c_data() const { return c - (client_closed_ ? 1 : 0); }
  std::uint32_t s_data() const { return s - (server_closed_ ? 1 : 0); }

  // ---- segments as they are
  Output client(const Segment& segment) {
    return send(kWan, test::tcp_frame(from_router(), client_to_vip(), tcp(segment, true)));
  }
  // Of the server that has the connection.
  Output server(const Segment& segment) { return server_at(row().server, segment); }
  Output server_at(Be32 address, const Segment& segment) {
    return send(kLan, test::tcp_frame({.dst = kLanMac, .src = kServer1Mac},
                                      {.src = address, .dst = kClient}, tcp(segment, false)));
  }

  // ---- segments in order; the server's are not seen in DR mode
  void syn() {
    client({.flags = test::kSyn, .seq = kClientIsn});
    c = kClientIsn + 1;
  }
  void syn_ack() {
    s = kServerIsn + 1;
    if (nat_) server({.flags = test::kSyn | test::kAck, .seq = kServerIsn, .ack = c});
  }
  void establish() {
    syn();
    syn_ack();
    client({.flags = test::kAck, .seq = c, .ack = s});
    client_data(1'000);
    server_data(500);
  }
  void client_data(std::size_t size) {
    client({.flags = test::kAck, .seq = c, .ack = s, .size = size});
    c += static_cast<std::uint32_t>(size);
  }
  void server_data(std::size_t size) {
    if (nat_) server({.flags = test::kAck, .seq = s, .ack = c, .size = size});
    s += static_cast<std::uint32_t>(size);
  }
  // With or without an acknowledgement of the other side's FIN.
  void client_fin(bool acks = true) {
    client({.flags = test::kFin | test::kAck, .seq = c, .ack = acks ? s : s_data()});
    ++c;
    client_closed_ = true;
  }
  void server_fin(bool acks = true) {
    if (nat_) {
      server({.flags = test::kFin | test::kAck, .seq = s, .ack = acks ? c : c_data()});
    }
    ++s;
    server_closed_ = true;
  }
  void client_ack() { client({.flags = test::kAck, .seq = c, .ack = s}); }
  void server_ack() { server({.flags = test::kAck, .seq = s, .ack = c}); }
  void client_reset() { client({.flags = test::kRst, .seq = c}); }
  void server_reset() { server({.flags = test::kRst | test::kAck, .seq = s, .ack = c}); }

  // ---- what the director knows
  struct Row {
    ConnState state = ConnState::kNone;  // there is no connection
    Be32 server;
    std::uint32_t last_seen = 0;
  };
  Row row() const {
    for (std::uint32_t i = 0; i < table().records(); ++i) {
      ConnTable::Copy conn;
      if (table().read(i, conn) && conn.tuple[0].sport.host() == kTcpPort) {
        return {conn.state, conn.tuple[1].src, conn.last_seen};
      }
    }
    return {};
  }
  std::string state() const { return std::string(to_string(row().state)); }

 private:
  static test::Tcp tcp(const Segment& segment, bool from_client) {
    return {.sport = from_client ? kTcpPort : std::uint16_t{80},
            .dport = from_client ? std::uint16_t{80} : kTcpPort,
            .seq = segment.seq,
            .ack = segment.ack,
            .flags = segment.flags,
            .options = segment.options,
            .payload = test::pattern(segment.size)};
  }

  const bool nat_;
  bool client_closed_ = false;
  bool server_closed_ = false;
};

}  // namespace lb::golden
