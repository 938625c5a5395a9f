#include "dataplane/control/persistence.h"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/api/address_codec.h"
#include "dataplane/service/build.h"
#include "dataplane/service/testing/spec.h"

namespace lb {
namespace {

constexpr std::uint32_t kNow = 1'000;

Be32 ip(const char* text) {
  return Ipv4Address::parse(text)->be;
}

// Services "a" and "b" of group "shop", "c" alone with networks of 24 bits, "none" without.
class PersistenceCursorTest : public testing::Test {
 protected:
  PersistenceCursorTest() {
    table.prepare();
    SnapshotSpec spec;
    for (const char* name : {"a", "b", "c", "none"}) {
      ServiceSpec service;
      service.name = name;
      const auto port = static_cast<std::uint16_t>(80 + spec.services.size());
      service.addresses = {{*Ipv4Address::parse("192.0.2.10"), port, port}};
      service.persistence = test::ticks(name == std::string("none") ? 0 : 100);
      if (*name == 'a' || *name == 'b') service.group = "shop";
      if (*name == 'c') service.persistence_prefix = 24;
      spec.services.push_back(service);
    }
    snapshot = *build_snapshot(spec, {}, nullptr, [](std::uint32_t) { return false; });
    bind(0, "198.51.100.7", "10.0.0.11");
    bind(1, "198.51.100.8", "10.0.0.12");
    bind(2, "198.51.100.0", "10.0.0.11");
  }

  void bind(std::uint32_t slot, const char* client, const char* server) {
    const Persistence& persistence = snapshot->services[slot].persistence;
    table.claim({{persistence.scope, ip(client)}, {ip(server), Be16{}}, slot, 100}, nullptr, kNow);
  }
  std::vector<api::PersistenceEntry> rows(const api::PersistenceRequest& request) {
    auto cursor = PersistenceCursor::make(request, table, *snapshot);
    std::vector<api::PersistenceEntry> all;
    for (bool more = true; more;) {
      const api::Response part = cursor->next(*snapshot, kNow + 10);
      for (const auto& entry : part.persistence().entries()) all.push_back(entry);
      flushed += part.persistence().flushed();
      more = part.more();
    }
    return all;
  }
  std::string error(const api::PersistenceRequest& request) {
    const auto cursor = PersistenceCursor::make(request, table, *snapshot);
    return cursor ? "" : cursor.error().message;
  }

  PersistTable table{{.max_entries = 10}};
  std::unique_ptr<Snapshot> snapshot;
  std::uint64_t flushed = 0;
};

TEST_F(PersistenceCursorTest, ShowsAll) {
  EXPECT_EQ(rows({}).size(), 3u);
  api::PersistenceRequest request;
  request.set_service("c");
  const auto row = rows(request).at(0);
  EXPECT_EQ(row.client(), to_bytes({ip("198.51.100.0")}));
  EXPECT_EQ(row.client_prefix(), 24u);
  EXPECT_EQ(row.service(), "c");
  EXPECT_EQ(row.real_server(), to_bytes({ip("10.0.0.11")}));
  EXPECT_EQ(row.expires_ms(), 9'000u);
  EXPECT_FALSE(row.from_peer());
}

TEST_F(PersistenceCursorTest, FiltersByServiceGroupAndClient) {
  api::PersistenceRequest request;
  request.set_group("shop");
  EXPECT_EQ(rows(request).size(), 2u);
  request.set_service("a");
  EXPECT_EQ(rows(request).size(), 2u) << "one and the same for all of the group";
  request.set_client(to_bytes({ip("198.51.100.7")}));
  EXPECT_EQ(rows(request).size(), 1u);
  request.clear_group();
  request.clear_service();
  EXPECT_EQ(rows(request).size(), 2u) << "alone, and in its network";
  request.set_client_prefix(16);
  EXPECT_EQ(rows(request).size(), 3u);
}

TEST_F(PersistenceCursorTest, RefusesAnUnknownService) {
  api::PersistenceRequest request;
  request.set_service("nosuch");
  EXPECT_EQ(error(request), "unknown service nosuch; see lbcli show service");
  request.set_service("none");
  EXPECT_EQ(error(request), "service none has no persistence");
  request.set_service("c");
  request.set_group("shop");
  EXPECT_EQ(error(request), "service c is not of group shop");
  request.set_group("y");
  EXPECT_EQ(error(request), "unknown group y; group is a key of services with persistence");
}

TEST_F(PersistenceCursorTest, Flushes) {
  api::PersistenceRequest request;
  request.set_group("shop");
  request.set_flush(true);
  EXPECT_TRUE(rows(request).empty());
  EXPECT_EQ(flushed, 2u);
  EXPECT_EQ(rows({}).size(), 1u);
}

TEST_F(PersistenceCursorTest, NothingWithoutATable) {
  PersistTable unused({});
  auto cursor = PersistenceCursor::make({}, unused, *snapshot);
  const api::Response part = cursor->next(*snapshot, kNow);
  EXPECT_TRUE(part.has_persistence());
  EXPECT_FALSE(part.more());
}

}  // namespace
}  // namespace lb
