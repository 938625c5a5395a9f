// Each cell of the table of TCP states (docs/tcp-states.md): a connection is led into each state by
// real segments, one segment more is sent, and the state is compared with what is written here.
#include <gtest/gtest.h>

#include <span>
#include <string>

#include "dataplane/forward/tcp_state.h"
#include "tests/golden/tcp_scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kPsh;
using test::kRst;
using test::kSyn;

struct Start {
  const char* name;
  void (*lead)(TcpScene&);
};

constexpr Start kNatStarts[] = {
    {"SYN_SENT", [](TcpScene& t) { t.syn(); }},
    {"SYN_RECV",
     [](TcpScene& t) {
       t.syn();
       t.syn_ack();
     }},
    {"ESTABLISHED", [](TcpScene& t) { t.establish(); }},
    {"FIN_WAIT",
     [](TcpScene& t) {
       t.establish();
       t.server_fin();
     }},
    {"CLOSE_WAIT",
     [](TcpScene& t) {
       t.establish();
       t.client_fin();
     }},
    {"CLOSING",
     [](TcpScene& t) {
       t.establish();
       t.client_fin();
       t.server_fin(false);
     }},
    {"LAST_ACK",
     [](TcpScene& t) {
       t.establish();
       t.client_fin();
       t.server_fin();
     }},
    {"TIME_WAIT",
     [](TcpScene& t) {
       t.establish();
       t.server_fin();
       t.client_fin();
       t.server_ack();
     }},
    {"CLOSED",  // by the last acknowledgement
     [](TcpScene& t) {
       t.establish();
       t.client_fin();
       t.server_fin();
       t.client_ack();
     }},
    {"CLOSED",  // by a reset
     [](TcpScene& t) {
       t.establish();
       t.client_reset();
       t.advance(kUnderWayMs);
     }},
};

constexpr Start kDrStarts[] = {
    {"SYN_SENT", [](TcpScene& t) { t.syn(); }},
    {"ESTABLISHED", [](TcpScene& t) { t.establish(); }},
    {"FIN_WAIT",
     [](TcpScene& t) {
       t.establish();
       t.client_fin();
     }},
    {"CLOSED",
     [](TcpScene& t) {
       t.establish();
       t.client_reset();
       t.advance(kUnderWayMs);
     }},
};

struct Case {
  const char* name;
  Segment (*make)(const TcpScene&);
  // The state after it, by start. NC: a new connection on another server.
  const char* expected;
};

// clang-format off
constexpr Case kNatFromClient[] = {
  {"own SYN again", [](const TcpScene&) { return Segment{kSyn, kClientIsn}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"SYN beyond", [](const TcpScene&) { return Segment{kSyn, kClientIsn + kFar}; },
   "SS SR ES FW CW CG LA NC NC CL"},
  {"SYN behind", [](const TcpScene&) { return Segment{kSyn, kClientIsn - kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"SYN+FIN", [](const TcpScene&) { return Segment{kSyn | kFin, kClientIsn + kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"SYN+ACK", [](const TcpScene& t) { return Segment{kSyn | kAck, t.c, t.s}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"ACK", [](const TcpScene& t) { return Segment{kAck, t.c, t.s_data()}; },
   "SS ES ES FW CW CG LA TW CL ES"},
  {"data", [](const TcpScene& t) { return Segment{kAck | kPsh, t.c_data(), t.s_data(), 100}; },
   "SS ES ES FW CW CG LA TW CL ES"},
  {"ACK of the FIN", [](const TcpScene& t) { return Segment{kAck, t.c, t.s}; },
   "SS ES ES FW CW TW CL TW CL ES"},
  {"keep-alive", [](const TcpScene& t) { return Segment{kAck, t.c - 1, t.s}; },
   "SS ES ES FW CW TW CL TW CL ES"},
  {"no ACK", [](const TcpScene& t) { return Segment{kPsh, t.c, t.s, 100}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"ACK, seq out", [](const TcpScene& t) { return Segment{kAck, t.c + kFar, t.s_data()}; },
   "SS ES ES FW CW CG LA TW CL CL"},
  {"ACK, ack out", [](const TcpScene& t) { return Segment{kAck, t.c, t.s + kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"ACK, both out", [](const TcpScene& t) { return Segment{kAck, t.c + kFar, t.s + kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"FIN", [](const TcpScene& t) { return Segment{kFin | kAck, t.c_data(), t.s_data()}; },
   "SS CW CW CG CW CG LA TW CL CW"},
  {"FIN, acks the FIN", [](const TcpScene& t) { return Segment{kFin | kAck, t.c_data(), t.s}; },
   "SS CW CW TW CW TW CL TW CL CW"},
  {"FIN, seq out", [](const TcpScene& t) { return Segment{kFin | kAck, t.c + kFar, t.s_data()}; },
   "SS CW ES FW CW CG LA TW CL CL"},
  {"FIN, ack out", [](const TcpScene& t) { return Segment{kFin | kAck, t.c_data(), t.s + kFar}; },
   "SS SR ES CG CW CG LA TW CL CL"},
  {"FIN, both out", [](const TcpScene& t) { return Segment{kFin | kAck, t.c + kFar, t.s + kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"RST", [](const TcpScene& t) { return Segment{kRst, t.c}; },
   "CL CL CL CL CL CL CL TW CL CL"},
  {"RST, seq out", [](const TcpScene& t) { return Segment{kRst, t.c + kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"RST, not exact", [](const TcpScene& t) { return Segment{kRst, t.c - 5}; },
   "CL CL CL CL CW CG LA TW CL CL"},
};

constexpr Case kNatFromServer[] = {
  {"SYN", [](const TcpScene& t) { return Segment{kSyn, t.s + kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"SYN+ACK", [](const TcpScene&) { return Segment{kSyn | kAck, kServerIsn, kClientIsn + 1}; },
   "SR SR ES FW CW CG LA TW CL CL"},
  {"SYN+ACK, both out",
   [](const TcpScene& t) { return Segment{kSyn | kAck, t.s + kFar, t.c + kFar}; },
   "SR SR ES ES ES CG LA SR CL SR"},
  {"SYN+ACK, seq out",
   [](const TcpScene& t) { return Segment{kSyn | kAck, t.s + kFar, t.c}; },
   "SR SR ES FW CW CG LA TW CL SR"},
  {"SYN+ACK, ack out",
   [](const TcpScene& t) { return Segment{kSyn | kAck, t.s, t.c + kFar}; },
   "SR SR ES ES CW CG LA SR CL SR"},
  {"ACK", [](const TcpScene& t) { return Segment{kAck, t.s, t.c_data()}; },
   "SS SR ES FW CW CG LA TW CL ES"},
  {"data", [](const TcpScene& t) { return Segment{kAck | kPsh, t.s_data(), t.c_data(), 100}; },
   "SS SR ES FW CW CG LA TW CL ES"},
  {"ACK of the FIN", [](const TcpScene& t) { return Segment{kAck, t.s, t.c}; },
   "SS SR ES FW CW LA LA TW CL ES"},
  {"no ACK", [](const TcpScene& t) { return Segment{kPsh, t.s, t.c, 100}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"ACK, both out", [](const TcpScene& t) { return Segment{kAck, t.s + kFar, t.c + kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"FIN", [](const TcpScene& t) { return Segment{kFin | kAck, t.s_data(), t.c_data()}; },
   "SS FW FW FW CG CG LA TW CL FW"},
  {"FIN, acks the FIN", [](const TcpScene& t) { return Segment{kFin | kAck, t.s_data(), t.c}; },
   "SS FW FW FW LA LA LA TW CL FW"},
  {"FIN, seq out", [](const TcpScene& t) { return Segment{kFin | kAck, t.s + kFar, t.c_data()}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"FIN, ack out", [](const TcpScene& t) { return Segment{kFin | kAck, t.s_data(), t.c + kFar}; },
   "SS SR ES FW CG CG LA TW CL CL"},
  {"FIN, both out", [](const TcpScene& t) { return Segment{kFin | kAck, t.s + kFar, t.c + kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"RST", [](const TcpScene& t) { return Segment{kRst, t.s}; },
   "SS CL CL CL CL CL CL TW CL CL"},
  {"RST, seq out", [](const TcpScene& t) { return Segment{kRst, t.s + kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
  {"RST, not exact", [](const TcpScene& t) { return Segment{kRst, t.s - 5}; },
   "SS CL CL FW CL CG LA TW CL CL"},
  {"RST+ACK of a closed port", [](const TcpScene& t) { return Segment{kRst | kAck, 0, t.c}; },
   "CL CL ES FW CW CG LA TW CL CL"},
  {"the same, ack out", [](const TcpScene& t) { return Segment{kRst | kAck, 0, t.c + kFar}; },
   "SS SR ES FW CW CG LA TW CL CL"},
};

constexpr Case kDrFromClient[] = {
  {"own SYN again", [](const TcpScene&) { return Segment{kSyn, kClientIsn}; }, "SS ES FW CL"},
  {"SYN beyond", [](const TcpScene&) { return Segment{kSyn, kClientIsn + kFar}; }, "SS ES FW CL"},
  {"SYN behind", [](const TcpScene&) { return Segment{kSyn, kClientIsn - kFar}; }, "SS ES FW CL"},
  {"SYN+FIN", [](const TcpScene&) { return Segment{kSyn | kFin, kClientIsn + kFar}; },
   "SS ES FW CL"},
  {"SYN+ACK", [](const TcpScene& t) { return Segment{kSyn | kAck, t.c, t.s}; }, "SS ES FW CL"},
  {"ACK", [](const TcpScene& t) { return Segment{kAck, t.c, t.s}; }, "ES ES FW ES"},
  {"data", [](const TcpScene& t) { return Segment{kAck | kPsh, t.c, t.s, 100}; }, "ES ES FW ES"},
  {"keep-alive", [](const TcpScene& t) { return Segment{kAck, t.c - 1, t.s}; }, "ES ES FW ES"},
  {"no ACK", [](const TcpScene& t) { return Segment{kPsh, t.c, t.s, 100}; }, "SS ES FW CL"},
  {"ACK, seq out", [](const TcpScene& t) { return Segment{kAck, t.c + kFar, t.s}; },
   "SS ES FW ES"},
  {"FIN", [](const TcpScene& t) { return Segment{kFin | kAck, t.c_data(), t.s}; }, "FW FW FW FW"},
  {"FIN, seq out", [](const TcpScene& t) { return Segment{kFin | kAck, t.c + kFar, t.s}; },
   "SS ES FW CL"},
  {"RST", [](const TcpScene& t) { return Segment{kRst, t.c}; }, "CL CL CL CL"},
  {"RST, seq out", [](const TcpScene& t) { return Segment{kRst, t.c + kFar}; }, "SS ES FW CL"},
};
// clang-format on

std::string cell(const TcpScene::Row& before, const TcpScene::Row& after) {
  if (after.server != before.server) return after.state == ConnState::kSynSent ? "NC" : "?";
  switch (table_state(after.state)) {
    case ConnState::kSynSent:
      return "SS";
    case ConnState::kSynReceived:
      return "SR";
    case ConnState::kEstablished:
      return "ES";
    case ConnState::kFinWait:
      return "FW";
    case ConnState::kCloseWait:
      return "CW";
    case ConnState::kClosing:
      return "CG";
    case ConnState::kLastAck:
      return "LA";
    case ConnState::kTimeWait:
      return "TW";
    case ConnState::kClosed:
      return "CL";
    default:
      return "?";
  }
}

void expect_table(Mode mode, std::span<const Start> starts, std::span<const Case> cases,
                  bool from_server) {
  for (const Case& each : cases) {
    std::string states;
    for (const Start& start : starts) {
      SCOPED_TRACE(std::string(each.name) + " in " + start.name);
      TcpScene t(mode);
      start.lead(t);
      const TcpScene::Row before = t.row();
      ASSERT_EQ(to_string(before.state), start.name);
      const Segment segment = each.make(t);
      // Whatever it proves, it is forwarded, and to nobody else.
      const Output out = from_server ? t.server(segment) : t.client(segment);
      EXPECT_EQ(out.verdict, Verdict::kForward);
      EXPECT_EQ(test::verify(out.frame), "");
      const TcpScene::Row after = t.row();
      states += (states.empty() ? "" : " ") + cell(before, after);
      const std::uint32_t slot =
          t.rs_slot(after.server == kServer1 ? "10.0.0.11:80" : "10.0.0.12:80");
      const bool is_active = lb::is_active(after.state);
      EXPECT_EQ(t.active(slot), is_active ? 1 : 0);
      EXPECT_EQ(t.inactive(slot), is_active ? 0 : 1);
      EXPECT_EQ(t.connections(), 1U);
    }
    EXPECT_EQ(states, each.expected) << each.name;
  }
}

TEST(TcpStates, NatFromTheClient) {
  expect_table(Mode::kNat, kNatStarts, kNatFromClient, false);
}

TEST(TcpStates, NatFromTheServer) {
  expect_table(Mode::kNat, kNatStarts, kNatFromServer, true);
}

TEST(TcpStates, DrFromTheClient) {
  expect_table(Mode::kDr, kDrStarts, kDrFromClient, false);
}

}  // namespace
}  // namespace lb::golden
