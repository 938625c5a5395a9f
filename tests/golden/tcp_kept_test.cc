// TCP connections that are kept at a server that is down or drains, and clients that begin anew.
#include <gtest/gtest.h>

#include "tests/golden/tcp_scene.h"

namespace lb::golden {
namespace {

using test::kSyn;

TEST(TcpKept, AClientThatBeginsAnewIsNotKeptAtADeadServer) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    for (void (*lead)(TcpScene&) :
         {+[](TcpScene&) {}, +[](TcpScene& t) { t.client_fin(); },
          +[](TcpScene& t) { t.server_fin(); }, +[](TcpScene& t) { t.client_reset(); }}) {
      TcpScene t(mode);
      t.spec.services[0].on_server_down = OnServerDown::kKeep;
      t.establish();
      lead(t);
      t.rs(0).up = false;
      t.apply();
      const Segment syn{.flags = kSyn, .seq = t.c + kFar};
      EXPECT_TRUE(goes_to(t.client(syn), kServer1Mac)) << "something was heard of it just now";
      t.advance(3'000);
      EXPECT_TRUE(goes_to(t.client(syn), kServer2Mac));
      EXPECT_EQ(t.state(), "SYN_SENT");
    }
  }
}

TEST(TcpKept, ADrainedServerKeepsItsConnections) {
  TcpScene t(Mode::kNat);
  t.spec.timeouts = ConnTimeouts();
  t.establish();
  t.rs(0).up = false;
  t.rs(0).keep_connections = true;
  t.apply();
  t.advance(10'000);
  EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = t.c + kFar}), kServer1Mac));
  EXPECT_EQ(t.state(), "ESTABLISHED");
}

TEST(TcpKept, AHalfOpenOneIsNotKeptAtADeadServer) {
  TcpScene t(Mode::kNat);
  t.spec.services[0].on_server_down = OnServerDown::kKeep;
  t.syn();
  t.rs(0).up = false;
  t.apply();
  EXPECT_TRUE(goes_to(t.client({.flags = kSyn, .seq = kClientIsn}), kServer2Mac));
}

TEST(TcpKept, ASynDoesNotProlongWhatItDoesNotOpen) {
  for (const Mode mode : {Mode::kNat, Mode::kDr}) {
    TcpScene t(mode);
    t.spec.timeouts.tcp_established = test::ticks(100);
    t.apply();
    t.establish();
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(t.state(), "ESTABLISHED");
      t.client({.flags = kSyn, .seq = kClientIsn + kFar});
      t.advance(1'000);
    }
    EXPECT_EQ(t.connections(), 0U);
  }
}

}  // namespace
}  // namespace lb::golden
