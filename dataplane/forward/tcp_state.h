// TCP states as a director sees them (RFC 9293 3.3.2, the server's side of it), as a table.
//
// NAT mode sees both directions. DR mode sees the client's half only: a bare ACK is taken for the
// end of the handshake, and the client's FIN for the end of the connection, because the server's
// segments never come by.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/conn/record.h"
#include "dataplane/packet/wire.h"

namespace lb {

enum class TcpEvent : std::uint8_t { kSyn, kSynAck, kAck, kFin, kRst, kCount };
enum class TcpView : std::uint8_t { kFromClient, kFromServer, kFromClientOnly, kCount };

// The segment that opens a connection.
constexpr bool is_opening(std::uint8_t flags) {
  return (flags & (wire::kSyn | wire::kAck | wire::kRst | wire::kFin)) == wire::kSyn;
}

constexpr TcpEvent tcp_event(std::uint8_t flags) {
  if (flags & wire::kRst) return TcpEvent::kRst;
  if (flags & wire::kSyn) return flags & wire::kAck ? TcpEvent::kSynAck : TcpEvent::kSyn;
  if (flags & wire::kFin) return TcpEvent::kFin;
  return TcpEvent::kAck;
}

namespace tcp_table {
inline constexpr auto SS = ConnState::kSynSent;
inline constexpr auto SR = ConnState::kSynReceived;
inline constexpr auto ES = ConnState::kEstablished;
inline constexpr auto FW = ConnState::kFinWait;
inline constexpr auto CW = ConnState::kCloseWait;
inline constexpr auto LA = ConnState::kLastAck;
inline constexpr auto TW = ConnState::kTimeWait;
inline constexpr auto CL = ConnState::kClosed;

using Row = std::array<ConnState, 8>;  // by state, kSynSent first
using Events = std::array<Row, static_cast<std::size_t>(TcpEvent::kCount)>;

// clang-format off
inline constexpr std::array<Events, static_cast<std::size_t>(TcpView::kCount)> kNext = {{
    // From the client. A SYN on a closing connection is a new one and never gets here (see Pipeline).
    //           SS  SR  ES  FW  CW  LA  TW  CL
    {{/* SYN  */ {SS, SR, ES, FW, CW, LA, TW, CL},
      /* S+A  */ {SS, SR, ES, FW, CW, LA, TW, CL},
      // Only the server's SYN+ACK makes an ACK count: a blind client cannot leave the half-open states.
      /* ACK  */ {SS, ES, ES, FW, CW, CL, TW, CL},
      /* FIN  */ {SS, CW, CW, TW, CW, LA, TW, CL},
      /* RST  */ {CL, CL, CL, CL, CL, CL, CL, CL}}},
    // From the real server.
    //           SS  SR  ES  FW  CW  LA  TW  CL
    {{/* SYN  */ {SS, SR, ES, FW, CW, LA, TW, CL},
      /* S+A  */ {SR, SR, ES, FW, CW, LA, TW, CL},
      /* ACK  */ {SS, SR, ES, FW, CW, LA, TW, CL},
      /* FIN  */ {SS, FW, FW, FW, LA, LA, TW, CL},
      /* RST  */ {CL, CL, CL, CL, CL, CL, CL, CL}}},
    // From the client, the server's half unseen.
    //           SS  SR  ES  FW  CW  LA  TW  CL
    {{/* SYN  */ {SS, SR, ES, FW, CW, LA, TW, CL},
      /* S+A  */ {SS, SR, ES, FW, CW, LA, TW, CL},
      /* ACK  */ {ES, ES, ES, FW, CW, LA, TW, CL},
      /* FIN  */ {FW, FW, FW, FW, CW, LA, TW, CL},
      /* RST  */ {CL, CL, CL, CL, CL, CL, CL, CL}}},
}};
// clang-format on
}  // namespace tcp_table

// The state after a segment; `state` is one of the TCP states.
constexpr ConnState tcp_next(TcpView view, TcpEvent event, ConnState state) {
  return tcp_table::kNext[static_cast<std::size_t>(view)][static_cast<std::size_t>(
      event)][static_cast<std::size_t>(state) - static_cast<std::size_t>(ConnState::kSynSent)];
}

// A SYN from the client in such a state opens a new connection on the same ports: the old one is
// over.
constexpr bool is_reusable(ConnState s) {
  return s == ConnState::kFinWait || s == ConnState::kCloseWait || s == ConnState::kLastAck ||
         s == ConnState::kTimeWait || s == ConnState::kClosed;
}

}  // namespace lb
