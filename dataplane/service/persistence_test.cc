// The numbers by which a service's or a group's clients are known.
#include <gtest/gtest.h>

#include "dataplane/service/build.h"
#include "dataplane/service/testing/spec.h"

namespace lb {
namespace {

ServiceSpec service(std::uint16_t port, const std::string& group = {}, std::uint32_t ticks = 100) {
  ServiceSpec spec;
  spec.name = "s" + std::to_string(port);
  spec.addresses = {{Ipv4Address::from_host(0xc000020a), port, port}};
  spec.persistence = test::ticks(ticks);
  spec.group = group;
  for (const std::uint32_t address : {3U, 1U, 2U}) {
    RealServerSpec rs;
    rs.address = {Ipv4Address::from_host(0x0a000000 + address), port};
    spec.real_servers.push_back(rs);
  }
  return spec;
}

std::unique_ptr<Snapshot> build(std::vector<ServiceSpec> services,
                                const Snapshot* previous = nullptr) {
  SnapshotSpec spec;
  spec.services = std::move(services);
  auto built = build_snapshot(spec, {}, previous, [](std::uint32_t) { return false; });
  EXPECT_TRUE(built) << built.error().message;
  return std::move(*built);
}

const Persistence& of(const Snapshot& snapshot, std::uint16_t port) {
  return snapshot
      .services[snapshot.find_service(Be32::from_host(0xc000020a), Be16::from_host(port),
                                      kProtoTcp)]
      .persistence;
}

TEST(BuildPersistence, ServicesWithoutItHaveNone) {
  const auto snapshot = build({service(80, {}, 0)});
  EXPECT_FALSE(snapshot->any_persistence);
  EXPECT_EQ(of(*snapshot, 80).scope, 0u);
  EXPECT_TRUE(of(*snapshot, 80).by_address.empty());
}

TEST(BuildPersistence, EachServiceAndEachGroupHasANumber) {
  const auto snapshot =
      build({service(80, "shop"), service(443, "shop"), service(81), service(82, "other")});
  EXPECT_TRUE(snapshot->any_persistence);
  EXPECT_EQ(of(*snapshot, 80).scope, of(*snapshot, 443).scope);
  EXPECT_NE(of(*snapshot, 80).scope, of(*snapshot, 81).scope);
  EXPECT_NE(of(*snapshot, 81).scope, of(*snapshot, 82).scope);
  EXPECT_NE(of(*snapshot, 80).scope, of(*snapshot, 82).scope);
  EXPECT_EQ(of(*snapshot, 80).group_addresses->size(), 6u);
  EXPECT_EQ(of(*snapshot, 81).group_addresses, nullptr);
}

TEST(BuildPersistence, NumbersStay) {
  const auto before = build({service(80, "shop"), service(81)});
  const auto after = build({service(443, "shop"), service(81), service(80, "shop")}, before.get());
  EXPECT_EQ(of(*after, 443).scope, of(*before, 80).scope) << "the group's";
  EXPECT_EQ(of(*after, 80).scope, of(*before, 80).scope);
  EXPECT_EQ(of(*after, 81).scope, of(*before, 81).scope);
}

TEST(BuildPersistence, NumbersAreNeverGivenOutTwice) {
  auto first = build({service(80), service(81, "shop")});
  const std::uint32_t last = first->scopes;
  auto second = build({service(80, {}, 0)}, first.get());
  auto third = build({service(80), service(81, "shop")}, second.get());
  EXPECT_GT(of(*third, 80).scope, last);
  EXPECT_GT(of(*third, 81).scope, last);
  auto fourth = build({service(80, "shop"), service(81)}, third.get());
  EXPECT_EQ(of(*fourth, 80).scope, of(*third, 81).scope) << "it joined the group";
  EXPECT_GT(of(*fourth, 81).scope, third->scopes) << "it left the group";
}

TEST(BuildPersistence, MasksClientsToTheirPrefix) {
  ServiceSpec spec = service(80);
  for (const auto& [prefix, expected] : {std::pair<std::uint8_t, std::uint32_t>{32, 0xc6336407},
                                         {24, 0xc6336400},
                                         {1, 0x80000000}}) {
    spec.persistence_prefix = prefix;
    const auto snapshot = build({spec});
    EXPECT_EQ(of(*snapshot, 80).client(Be32::from_host(0xc6336407)).host(), expected);
  }
  spec.persistence_prefix = 0;
  SnapshotSpec wrong;
  wrong.services = {spec};
  EXPECT_FALSE(check(wrong, {}));
}

TEST(BuildPersistence, RealServersByAddress) {
  const auto snapshot = build({service(80)});
  EXPECT_EQ(of(*snapshot, 80).by_address.size(), 3u);
  std::uint32_t before = 0;
  for (const std::uint32_t slot : of(*snapshot, 80).by_address) {
    EXPECT_LE(before, snapshot->real_servers[slot].address.raw);
    before = snapshot->real_servers[slot].address.raw;
  }
}

}  // namespace
}  // namespace lb
