// Two directors that synchronize their connections: whose state wins.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kSyn;

class SyncDirector : public Scene {
 public:
  explicit SyncDirector(bool master) : Scene(Mode::kNat, kProtoTcp, {.peer = true}) {
    set_master(master);
  }
  void set_master(bool master) {
    spec.services[0].standby = !master;
    apply();
  }
  void establish(std::uint16_t port) {
    send(kWan, client_tcp(kSyn, {}, port));
    send(kLan, server_tcp(kSyn | kAck, {}, port, port % 2 == 0 ? kServer1 : kServer2));
    send(kWan, client_tcp(kAck, {}, port));
  }
};

// A master with so many connections, and a standby that knows them.
struct SyncPair {
  explicit SyncPair(unsigned connections) {
    first.join();
    for (unsigned i = 0; i < connections; ++i) {
      first.establish(static_cast<std::uint16_t>(40'000 + i));
    }
    second.receive(first.exported());
  }
  SyncDirector first{true};
  SyncDirector second{false};
};

TEST(Sync, StandbyHasTheConnections) {
  SyncPair pair(3);
  EXPECT_EQ(pair.second.connections(), 3u);
}

TEST(Sync, SweepsConnectionsThatTheMasterHasNoMore) {
  SyncPair pair(3);
  SyncDirector anew(true);  // it was started again, and is master
  anew.join();
  anew.establish(50'000);
  pair.second.receive(anew.exported());
  EXPECT_EQ(pair.second.connections(), 1u);
}

// The old master has lost its table, the new one is not master yet.
TEST(Sync, StandbysWalkCausesNoSweep) {
  SyncPair pair(3);
  SyncDirector anew(false);
  anew.join();
  pair.second.receive(anew.exported());
  EXPECT_EQ(pair.second.connections(), 3u);
}

TEST(Sync, NewMasterExportsWhatItImported) {
  SyncPair pair(3);
  SyncDirector anew(false);
  pair.second.join();
  anew.receive(pair.second.exported());
  EXPECT_EQ(anew.connections(), 0u) << "the standby leaves it to the master to send them";
  pair.second.set_master(true);
  anew.receive(pair.second.exported());
  EXPECT_EQ(anew.connections(), 3u);
}

// Heard while it was master itself, which knows better; then the other one is.
TEST(Sync, DoesNotSweepAfterMasterBecameStandby) {
  SyncPair pair(3);
  pair.second.set_master(true);
  pair.first.join();
  const auto entries = pair.first.exported();
  ASSERT_EQ(entries.back().kind, SyncKind::kWalkEnd);
  pair.second.receive(std::span(entries).first(entries.size() - 1));
  pair.second.set_master(false);
  pair.second.receive(std::span(entries).last(1));
  EXPECT_EQ(pair.second.connections(), 3u);
}

}  // namespace
}  // namespace lb::golden
