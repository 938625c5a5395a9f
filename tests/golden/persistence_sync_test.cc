// Two directors that synchronize which client is bound to which real server.
#include <gtest/gtest.h>

#include "tests/golden/scene.h"

namespace lb::golden {
namespace {

using test::ip;
using test::kSyn;

constexpr std::uint32_t kBindingTicks = 100;  // 10 s

class PersistDirector : public Scene {
 public:
  explicit PersistDirector(bool master) : Scene(Mode::kNat, kProtoTcp, {.peer = true}) {
    spec.services[0].persistence = test::ticks(kBindingTicks);
    set_master(master);
  }
  void set_master(bool master) {
    for (ServiceSpec& service : spec.services) service.standby = !master;
    apply();
  }
  // A second service, of one group with the first.
  void add_tls() {
    spec.services[0].group = "shop";
    ServiceSpec tls = spec.services[0];
    tls.name = "tls";
    tls.addresses[0].first = tls.addresses[0].last = 443;
    for (RealServerSpec& rs : tls.real_servers) rs.address.port = 443;
    spec.services.push_back(tls);
    apply();
  }
  Verdict open(Be32 client, std::uint16_t port = 80) {
    return send(kWan, test::tcp_frame(from_router(), {.src = client, .dst = kVip},
                                      {.sport = ++sport_, .dport = port, .flags = kSyn}))
        .verdict;
  }
  // Where the client is bound to; 0.0.0.0: nowhere.
  Be32 bond(Be32 client) {
    PersistServer server;
    const PersistKey key{snapshot().services[0].persistence.scope, client};
    return persist().find(key, now(), server) ? server.address : Be32{};
  }
  std::uint64_t flush_all() {
    std::uint64_t count = 0;
    std::uint32_t cursor = 0;
    do {
      cursor = persist().flush(cursor, now(), count, [](const PersistRow&) { return true; });
    } while (cursor != 0);
    return count;
  }

 private:
  std::uint16_t sport_ = 1'024;
};

const Be32 kOtherClient = ip("203.0.113.9");

struct PersistPair {
  PersistPair() {
    first.join();
    first.open(kClient);
    first.open(kOtherClient);
    second.receive(first.exported());
  }
  PersistDirector first{true};
  PersistDirector second{false};
};

TEST(PersistenceSync, StandbyHasTheClients) {
  PersistPair pair;
  EXPECT_EQ(pair.second.bond(kClient), kServer1);
  EXPECT_EQ(pair.second.bond(kOtherClient), kServer2);
  EXPECT_GE(pair.second.imported(ImportOutcome::persistence), 2u) << "by the walk, and as changes";
  EXPECT_EQ(pair.second.connections(), 0u) << "the handshakes are not over";
}

TEST(PersistenceSync, ClientsStayWhenTheMasterDies) {
  PersistPair pair;
  pair.second.set_master(true);
  // Its own turn would begin with the first server.
  EXPECT_EQ(pair.second.open(kOtherClient), Verdict::kForward);
  EXPECT_EQ(pair.second.inactive(pair.second.rs_slot("10.0.0.12:80")), 1);
}

TEST(PersistenceSync, ChangesFollow) {
  PersistPair pair;
  pair.first.advance(5'000);
  pair.second.advance(5'000);
  pair.first.open(kClient);
  pair.first.rs(1).up = false;
  pair.first.apply();
  pair.first.open(kOtherClient);
  pair.second.receive(pair.first.exported());
  EXPECT_EQ(pair.second.bond(kOtherClient), kServer1) << "as the other server is down there";
  pair.second.advance(6'000);
  EXPECT_EQ(pair.second.bond(kClient), kServer1) << "the time started again";
}

TEST(PersistenceSync, FlushedClientsAreForgottenOnBoth) {
  PersistPair pair;
  EXPECT_EQ(pair.first.flush_all(), 2u);
  pair.second.receive(pair.first.exported());
  EXPECT_EQ(pair.second.persist().entries(), 0u);
  EXPECT_EQ(pair.second.imported(ImportOutcome::persistence_ended), 2u);
}

TEST(PersistenceSync, SweepsBindingsThatTheMasterHasNoMore) {
  PersistPair pair;
  PersistDirector anew(true);  // it was started again, and is master
  anew.join();
  anew.open(kOtherClient);
  pair.second.receive(anew.exported());
  EXPECT_EQ(pair.second.bond(kOtherClient), kServer1);
  EXPECT_EQ(pair.second.bond(kClient), Be32{});
}

TEST(PersistenceSync, MasterKeepsItsOwnBindings) {
  PersistPair pair;
  pair.second.set_master(true);
  pair.second.rs(0).up = false;
  pair.second.apply();
  pair.second.open(kClient);
  ASSERT_EQ(pair.second.bond(kClient), kServer2);
  pair.first.join();
  pair.second.receive(pair.first.exported());
  EXPECT_EQ(pair.second.bond(kClient), kServer2);
  EXPECT_GT(pair.second.imported(ImportOutcome::persistence_kept), 0u);
  pair.first.flush_all();
  pair.second.receive(pair.first.exported());
  EXPECT_EQ(pair.second.bond(kClient), kServer2);
}

TEST(PersistenceSync, NewMasterExportsImportedBindings) {
  PersistPair pair;
  PersistDirector anew(false);
  pair.second.join();
  anew.receive(pair.second.exported());
  EXPECT_EQ(anew.persist().entries(), 0u) << "the standby leaves that to the master";
  pair.second.set_master(true);
  anew.receive(pair.second.exported());
  EXPECT_EQ(anew.bond(kClient), kServer1);
}

TEST(PersistenceSync, NamesAGroupByAddress) {
  PersistDirector first(true);
  PersistDirector second(false);
  second.add_tls();
  second.spec.services[0].real_servers.pop_back();
  second.apply();
  first.add_tls();
  first.join();
  first.open(kClient, 443);
  first.open(kOtherClient, 443);
  second.receive(first.exported());
  EXPECT_EQ(second.bond(kClient), kServer1);
  EXPECT_EQ(second.bond(kOtherClient), kServer2) << "by the service that the client came by";
}

TEST(PersistenceSync, CountsUnknownServicesAndServers) {
  PersistDirector first(true);
  PersistDirector other(false);
  other.spec.services[0].persistence = test::ticks(0);
  other.apply();
  first.join();
  first.open(kClient);
  const auto told = first.exported();
  other.receive(told);
  EXPECT_GE(other.imported(ImportOutcome::persistence_unknown), 1u);
  PersistDirector fewer(false);
  fewer.spec.services[0].real_servers.erase(fewer.spec.services[0].real_servers.begin());
  fewer.apply();
  fewer.receive(told);
  EXPECT_GE(fewer.imported(ImportOutcome::persistence_unknown), 1u);
}

TEST(PersistenceSync, NotOfServicesWithoutSync) {
  PersistDirector first(true);
  first.spec.services[0].sync = false;
  first.apply();
  first.join();
  first.open(kClient);
  for (const SyncEntry& entry : first.exported()) EXPECT_NE(entry.kind, SyncKind::kPersist);
}

}  // namespace
}  // namespace lb::golden
