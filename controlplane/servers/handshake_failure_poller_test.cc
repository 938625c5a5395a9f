#include "controlplane/servers/handshake_failure_poller.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controlplane/link/dataplane_client.h"
#include "controlplane/link/fake_dataplane.h"
#include "controlplane/os/test_namespace.h"
#include "controlplane/service/inventory_fixture.h"

namespace lb::controlplane {
namespace {

TEST(HandshakeFailurePollerTest, PollsBetweenSnapshots) {
  boost::asio::io_context io;
  TestFolder folder;
  FakeDataplane dataplane(io, folder.path + "/dataplane.sock");
  ASSERT_EQ(dataplane.failure, "");
  int applied = 0;
  DataplaneClient client(io, folder.path + "/dataplane.sock",
                         {.connected = {},
                          .disconnected = {},
                          .applied = [&](std::uint64_t) { ++applied; },
                          .refused = {}});
  std::vector<std::string> suspects;
  // The data plane knows it by an earlier name, and another service has that now.
  const Inventory inventory(
      test::config_of({test::service("shop", {"192.0.2.10:80"}, {"10.0.0.11:8080"}),
                       test::service("web", {"192.0.2.10:81"}, {"10.0.0.11:8080"})}));
  HandshakeFailurePoller poller(io, client, inventory, [&](RealServerId id) {
    const RealServer& server = *inventory.find(id);
    suspects.push_back(server.service->config->name + ' ' +
                       server.service->config->primary_endpoint().to_string() + ' ' +
                       server.config->address.to_string());
    SnapshotSpec snapshot;
    snapshot.services.emplace_back().name = server.service->config->name;
    client.push(std::move(snapshot));
  });
  poller.start();  // there is no connection yet
  client.start();
  api::HandshakeFailureEntry& entry = *dataplane.handshake_failures.add_entries();
  entry.set_service("web");
  entry.set_vip(std::string("\xc0\x00\x02\x0a", 4));
  entry.set_vip_port(80);
  entry.set_address(std::string("\x0a\x00\x00\x0b", 4));
  entry.set_port(8080);
  api::HandshakeFailureEntry& unknown = *dataplane.handshake_failures.add_entries();
  unknown = entry;
  unknown.set_vip_port(82);
  ASSERT_TRUE(test::run_until(io, [&] { return applied == 1; }));
  EXPECT_EQ(suspects, std::vector<std::string>{"shop 192.0.2.10:80 10.0.0.11:8080"});
  poller.stop();
  client.stop();
}

}  // namespace
}  // namespace lb::controlplane
