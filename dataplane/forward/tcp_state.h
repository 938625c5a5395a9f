// TCP connections as a director sees them (RFC 9293 3.3.2, the server's side of it): what a segment
// proves, and the state that follows, as a table. docs/tcp-states.md shows and explains it.
//
// NAT mode sees both directions. DR mode sees the client's half only: a bare ACK is taken for the
// end of the handshake, and the client's FIN for the end of the connection, because the server's
// segments never come by.
//
// A segment that proves nothing is forwarded all the same, and changes nothing: only the two ends
// know their windows. Pure.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/conn/record.h"
#include "dataplane/forward/tcp_progress.h"
#include "dataplane/packet/tcp_segment.h"
#include "dataplane/packet/wire.h"

namespace lb {

enum class TcpEvent : std::uint8_t { kSyn, kSynAck, kAck, kFin, kRst, kCount };
enum class TcpView : std::uint8_t { kFromClient, kFromServer, kFromClientOnly, kCount };

// By the progress of both directions. What each takes depends on the event, see tcp_proof().
enum class TcpProof : std::uint8_t {
  kNone,    // out of the window, or nothing is known
  kProven,  // in the window
  kExact,   // names a number that only a segment of this connection names
};

// A connection; as the state after a segment kDead: the segment opens a new one in its place.
struct TcpConn {
  ConnState state = ConnState::kNone;
  TcpProgress progress;

  constexpr bool operator==(const TcpConn&) const = default;
};

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

// As the tables have it: they do not ask whether anything followed the handshake.
constexpr ConnState table_state(ConnState s) {
  return s == ConnState::kHandshake ? ConnState::kEstablished : s;
}

// One side has closed, or the connection is over.
constexpr bool may_be_over(ConnState s) {
  return s >= ConnState::kFinWait && s <= ConnState::kClosed;
}

namespace tcp_table {
inline constexpr auto SS = ConnState::kSynSent;
inline constexpr auto SR = ConnState::kSynReceived;
inline constexpr auto ES = ConnState::kEstablished;
inline constexpr auto FW = ConnState::kFinWait;
inline constexpr auto CW = ConnState::kCloseWait;
inline constexpr auto CG = ConnState::kClosing;
inline constexpr auto LA = ConnState::kLastAck;
inline constexpr auto TW = ConnState::kTimeWait;
inline constexpr auto CL = ConnState::kClosed;
inline constexpr auto NC = ConnState::kDead;  // a new connection

using Row = std::array<ConnState, 9>;  // by state, kSynSent first
struct Rows {
  Row proven;
  Row exact;
};
using Events = std::array<Rows, static_cast<std::size_t>(TcpEvent::kCount)>;

// clang-format off
inline constexpr std::array<Events, static_cast<std::size_t>(TcpView::kCount)> kNext = {{
  // From the client.     SS  SR  ES  FW  CW  CG  LA  TW  CL
  {{/* SYN  proven */ {{{SS, SR, ES, FW, CW, CG, LA, NC, NC}},
    /*      exact  */  {{SS, SR, ES, FW, CW, CG, LA, TW, CL}}},
    /* S+A  proven */ {{{SS, SR, ES, FW, CW, CG, LA, TW, CL}},
    /*      exact  */  {{SS, SR, ES, FW, CW, CG, LA, TW, CL}}},
    // Only the server's SYN+ACK makes an ACK count: a blind client cannot leave the half-open states.
    /* ACK  proven */ {{{SS, ES, ES, FW, CW, CG, LA, TW, CL}},
    /*      exact  */  {{SS, ES, ES, FW, CW, TW, CL, TW, CL}}},
    /* FIN  proven */ {{{SS, CW, CW, CG, CW, CG, LA, TW, CL}},
    /*      exact  */  {{SS, CW, CW, TW, CW, TW, CL, TW, CL}}},
    // Not in TIME_WAIT: RFC 1337.
    /* RST  proven */ {{{CL, CL, CL, CL, CL, CL, CL, TW, CL}},
    /*      exact  */  {{CL, CL, CL, CL, CL, CL, CL, TW, CL}}}}},
  // From the real server.
  //                      SS  SR  ES  FW  CW  CG  LA  TW  CL
  {{/* SYN  proven */ {{{SS, SR, ES, FW, CW, CG, LA, TW, CL}},
    /*      exact  */  {{SS, SR, ES, FW, CW, CG, LA, TW, CL}}},
    /* S+A  proven */ {{{SR, SR, ES, FW, CW, CG, LA, TW, CL}},
    // What the peer has is never led back to a half-open state.
    /*      exact  */  {{SR, SR, ES, ES, ES, SR, SR, SR, SR}}},
    /* ACK  proven */ {{{SS, SR, ES, FW, CW, CG, LA, TW, CL}},
    /*      exact  */  {{SS, SR, ES, FW, CW, LA, LA, TW, CL}}},
    /* FIN  proven */ {{{SS, FW, FW, FW, CG, CG, LA, TW, CL}},
    /*      exact  */  {{SS, FW, FW, FW, LA, LA, LA, TW, CL}}},
    /* RST  proven */ {{{CL, CL, CL, CL, CL, CL, CL, TW, CL}},
    /*      exact  */  {{CL, CL, CL, CL, CL, CL, CL, TW, CL}}}}},
  // From the client, the server's half unseen.
  //                      SS  SR  ES  FW  CW  CG  LA  TW  CL
  {{/* SYN  proven */ {{{SS, SR, ES, FW, CW, CG, LA, TW, CL}},
    /*      exact  */  {{SS, SR, ES, FW, CW, CG, LA, TW, CL}}},
    /* S+A  proven */ {{{SS, SR, ES, FW, CW, CG, LA, TW, CL}},
    /*      exact  */  {{SS, SR, ES, FW, CW, CG, LA, TW, CL}}},
    /* ACK  proven */ {{{ES, ES, ES, FW, CW, CG, LA, TW, CL}},
    /*      exact  */  {{ES, ES, ES, ES, ES, ES, ES, ES, ES}}},
    /* FIN  proven */ {{{FW, FW, FW, FW, CW, CG, LA, TW, CL}},
    /*      exact  */  {{FW, FW, FW, FW, FW, FW, FW, FW, FW}}},
    /* RST  proven */ {{{CL, CL, CL, CL, CL, CL, CL, TW, CL}},
    /*      exact  */  {{CL, CL, CL, CL, CL, CL, CL, TW, CL}}}}},
}};
// clang-format on
}  // namespace tcp_table

// The state after a segment; `state` is one of the TCP states.
constexpr ConnState tcp_next(TcpView view, TcpEvent event, TcpProof proof, ConnState state) {
  if (proof == TcpProof::kNone) return state;
  const tcp_table::Rows& rows =
      tcp_table::kNext[static_cast<std::size_t>(view)][static_cast<std::size_t>(event)];
  const auto i = static_cast<std::size_t>(state) - static_cast<std::size_t>(ConnState::kSynSent);
  return proof == TcpProof::kExact ? rows.exact[i] : rows.proven[i];
}

// Of the sender of a segment: index in TcpProgress.
constexpr unsigned side_of(TcpView view) {
  return view == TcpView::kFromServer ? 1 : 0;
}

// Ended by a reset, which may have been forged, or which the other side has refused (RFC 5961 3.2):
// it may go on. Not one that both sides had closed, nor one that no server has answered.
constexpr bool can_be_revived(TcpView view, const TcpConn& conn) {
  return conn.state == ConnState::kClosed &&
         (view == TcpView::kFromClientOnly || conn.progress[1].is_known());
}

// Of ACK and FIN.
constexpr TcpProof tcp_proof_of_data(TcpView view, TcpEvent event, const TcpSegment& segment,
                                     const TcpConn& conn) {
  if (!segment.has(wire::kAck)) return TcpProof::kNone;
  const auto& [client, server] = conn.progress;
  const Progress own = conn.progress[side_of(view)];
  const auto proven_if = [](bool yes) { return yes ? TcpProof::kProven : TcpProof::kNone; };
  if (view == TcpView::kFromClientOnly) {
    // The first after a SYN to the server that has the connection: it has accepted that SYN.
    if (server == Progress::opening(segment.seq)) return TcpProof::kExact;
  } else if (view == TcpView::kFromClient && conn.state == ConnState::kSynReceived) {
    // Whoever knows the server's number has its SYN+ACK; the client's may be another SYN's here.
    if (server.is_known()) return proven_if(server.is_near(segment.ack));
  } else if (conn.progress[1 - side_of(view)] == Progress::ended(segment.ack) &&
             (event == TcpEvent::kAck || own.admits(segment))) {
    return TcpProof::kExact;
  }
  // A handshake of which nothing is known, being imported, has nothing to lose.
  const bool is_new = !own.is_known() && is_half_open(conn.state) && event == TcpEvent::kAck &&
                      view != TcpView::kFromServer;
  const Progress other = conn.progress[1 - side_of(view)];
  return proven_if(is_new || (own.admits(segment) && !other.contradicts(segment.ack)));
}

// Of a server's SYN-ACK.
constexpr TcpProof tcp_proof_of_answer(const TcpSegment& segment, const TcpConn& conn) {
  const auto& [client, server] = conn.progress;
  if (server.is_opening()) return TcpProof::kExact;
  const bool acks = client.is_near(segment.ack);
  // Of the first one the client proves by its ACK that it was right; until then a SYN+ACK that
  // answers the client's SYN replaces one that does not.
  if (conn.state == ConnState::kSynSent) return TcpProof::kProven;
  if (conn.state == ConnState::kSynReceived) {
    return acks || !client.is_known() ? TcpProof::kProven : TcpProof::kNone;
  }
  // Numbers of another connection, which the server has accepted; of the same one, it is a late copy.
  const bool are_known = client.is_known() && server.is_known();
  if (!are_known || (client.is_ended() && server.is_ended())) return TcpProof::kNone;
  const bool is_of_client = acks || client == Progress::ended(segment.ack);
  const bool is_of_server = server.is_near(segment.seq);
  // After a reset no more is needed than that it is not a copy.
  const bool is_of_another = conn.state == ConnState::kClosed ? !is_of_client || !is_of_server
                                                              : !is_of_client && !is_of_server;
  // No copy is ahead of what followed it.
  const bool is_ahead =
      (acks && client.is_before(segment.ack)) || (is_of_server && server.is_before(segment.seq));
  return is_of_another || is_ahead ? TcpProof::kExact : TcpProof::kNone;
}

// What a segment proves.
constexpr TcpProof tcp_proof(TcpView view, TcpEvent event, const TcpSegment& segment,
                             const TcpConn& conn) {
  const Progress client = conn.progress[0];
  const bool from_server = view == TcpView::kFromServer;
  bool proven = false;
  switch (event) {
    case TcpEvent::kSyn:
      proven = !from_server && is_opening(segment.flags) && client.is_before(segment.seq) &&
               !can_be_revived(view, conn);
      break;
    case TcpEvent::kSynAck:
      if (from_server) return tcp_proof_of_answer(segment, conn);
      break;
    case TcpEvent::kAck:
    case TcpEvent::kFin:
      return tcp_proof_of_data(view, event, segment, conn);
    case TcpEvent::kRst:
      // RFC 9293 3.10.7.3: a closed port's reset names the SYN only.
      proven = conn.progress[side_of(view)].admits(segment) ||
               (from_server && is_half_open(conn.state) && segment.has(wire::kAck) &&
                client.is_near(segment.ack));
      break;
    case TcpEvent::kCount:
      break;
  }
  return proven ? TcpProof::kProven : TcpProof::kNone;
}

// What is kept after an ordinary segment (ACK without SYN, FIN and RST). What the other side has sent
// is known to whoever receives it; otherwise one blind segment per window could move the number
// anywhere. The server is believed: it is on the inside.
constexpr TcpProgress tcp_learned(TcpView view, const TcpSegment& segment, TcpProgress kept) {
  auto& [client, server] = kept;
  if (view == TcpView::kFromClientOnly) {
    client = client.after(segment.seq);
  } else if (view == TcpView::kFromClient) {
    const bool acks = server.is_near(segment.ack);
    if (client.is_at() && !client.is_near(segment.seq) && acks) return {};  // lost: learnt anew
    if (acks || (client.is_known() && !server.is_at())) client = client.after(segment.seq);
  } else {
    const bool is_in = server.is_near(segment.seq);
    const bool is_lost = server.is_at() && !is_in && client.is_near(segment.ack);
    server = is_lost ? Progress::at(segment.seq) : server.after(segment.seq);
    if (!client.is_known() || (is_in && client.contradicts(segment.ack))) {
      client = Progress::at(segment.ack);
    }
  }
  return kept;
}

// What is kept after a segment that led from `conn` to `next`.
constexpr TcpProgress tcp_progress(TcpView view, TcpEvent event, TcpProof proof,
                                   const TcpSegment& segment, const TcpConn& conn, ConnState next) {
  const ConnState was = conn.state;
  const unsigned side = side_of(view);
  const bool is_over = was == ConnState::kTimeWait || was == ConnState::kClosed;
  const bool both_closed = was == ConnState::kClosing || was == ConnState::kLastAck;
  TcpProgress kept = conn.progress;
  switch (event) {
    case TcpEvent::kSyn:
      if (side != 0 || !is_opening(segment.flags)) break;
      // Of two SYNs, one of which may be forged, NAT mode follows the later one, until the server's
      // answer or the client's shows which one counts. DR mode keeps both.
      if (is_half_open(was) && (view != TcpView::kFromClientOnly || !kept[0].is_known() ||
                                kept[0].is_near(segment.seq))) {
        kept[0] = Progress::at(segment.seq);
      } else if (was == ConnState::kTimeWait || !kept[1].is_known() ||
                 (both_closed && !kept[1].is_ended())) {
        kept[1] = Progress::opening(segment.end);
      }
      break;
    case TcpEvent::kSynAck:
      if (proof == TcpProof::kNone) break;
      if (proof == TcpProof::kExact || !kept[0].is_known()) kept[0] = Progress::at(segment.ack);
      kept[1] = Progress::at(segment.seq);
      break;
    case TcpEvent::kAck:
      if (view == TcpView::kFromClientOnly && proof == TcpProof::kExact) {
        kept = {Progress::at(segment.seq), Progress()};
      } else if (was == ConnState::kSynReceived && next == ConnState::kEstablished &&
                 kept[1].is_known()) {
        kept[0] = Progress::at(segment.seq);
      } else if (segment.has(wire::kAck) && (!is_over || can_be_revived(view, conn)) &&
                 (side == 0 || !is_half_open(was))) {
        // A busy one goes on while it is closed.
        const TcpProgress learned = tcp_learned(view, segment, kept);
        if (was != ConnState::kClosed || learned[1].is_known()) kept = learned;
      }
      break;
    case TcpEvent::kFin:
      // In DR mode nobody's acknowledgement of it comes by.
      if (view == TcpView::kFromClientOnly && proof == TcpProof::kExact) {
        kept = {Progress::at(segment.end), Progress()};
      } else if (proof != TcpProof::kNone && !is_over && !is_half_open(next)) {
        kept[side] = view == TcpView::kFromClientOnly ? Progress::at(segment.end)
                                                      : Progress::ended(segment.end);
      }
      break;
    case TcpEvent::kRst:
    case TcpEvent::kCount:
      break;
  }
  // A SYN in the place of one that is over is measured by the client's end, once the server has it.
  const bool has_closed = both_closed && next == ConnState::kClosed;
  if (proof != TcpProof::kNone && kept[0].is_ended()) {
    if (side == 0 && has_closed) kept[0] = Progress::at(segment.seq);
    if (side == 1 && (has_closed || next == ConnState::kTimeWait) && segment.has(wire::kAck) &&
        kept[0] == Progress::ended(segment.ack)) {
      kept[0] = Progress::at(segment.ack);
    }
  }
  // Nothing of it is to come.
  if (has_closed) kept[1] = Progress();
  return kept;
}

// What one that was ended by a reset is when one of its ends goes on with this ACK or FIN: what is kept
// says what it was before. In DR mode, where anyone can open a connection by a SYN and an ACK, any
// number will do: what is kept may have been led astray.
constexpr ConnState tcp_revived(TcpView view, TcpEvent event, const TcpSegment& segment,
                                const TcpConn& conn) {
  const auto& [client, server] = conn.progress;
  const unsigned side = side_of(view);
  const bool is_of_it =
      conn.progress[side].admits(segment) && !conn.progress[1 - side].contradicts(segment.ack);
  const bool will_do = view == TcpView::kFromClientOnly && event == TcpEvent::kAck;
  if (!can_be_revived(view, conn) || !segment.has(wire::kAck) || !(is_of_it || will_do)) {
    return conn.state;
  }
  if (client.is_ended()) return ConnState::kCloseWait;
  return server.is_ended() ? ConnState::kFinWait : ConnState::kEstablished;
}

struct TcpStep {
  TcpConn conn;  // after the segment
  TcpProof proof = TcpProof::kNone;
};

// What a segment makes of a connection. `may_revive`: what was under way at a reset has arrived.
constexpr TcpStep tcp_follow(TcpView view, const TcpSegment& segment, TcpConn conn,
                             bool may_revive) {
  TcpEvent event = tcp_event(segment.flags);
  // A repeated FIN is none, but what it acknowledges may be new.
  if (event == TcpEvent::kFin && conn.progress[side_of(view)].is_ended()) event = TcpEvent::kAck;
  if (may_revive && (event == TcpEvent::kAck || event == TcpEvent::kFin)) {
    const bool was_over = conn.state == ConnState::kClosed;
    conn.state = tcp_revived(view, event, segment, conn);
    const bool is_astray = view == TcpView::kFromClientOnly && !conn.progress[0].admits(segment);
    if (was_over && conn.state != ConnState::kClosed && is_astray) {
      conn.progress[0] = Progress::at(segment.seq);
    }
  }
  const TcpProof proof = tcp_proof(view, event, segment, conn);
  const ConnState next = tcp_next(view, event, proof, conn.state);
  return {{next, tcp_progress(view, event, proof, segment, conn, next)}, proof};
}

}  // namespace lb
