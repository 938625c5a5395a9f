#include "controlplane/servers/flood_poller.h"

#include <gtest/gtest.h>

#include "controlplane/alert/alerts.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/link/dataplane_client.h"
#include "controlplane/link/fake_dataplane.h"
#include "controlplane/os/test_namespace.h"

namespace lb::controlplane {
namespace {

std::uint64_t events_of(Alerts& alerts) {
  api::control::AlertStatus status;
  EXPECT_TRUE(alerts.answer({}, status));
  return status.events();
}

TEST(FloodPollerTest, AlertsWhenItBegins) {
  boost::asio::io_context io;
  TestFolder folder;
  FakeDataplane dataplane(io, folder.path + "/dataplane.sock");
  ASSERT_EQ(dataplane.failure, "");
  DataplaneClient client(io, folder.path + "/dataplane.sock",
                         {.connected = {}, .disconnected = {}, .applied = {}, .refused = {}});
  Alerts alerts(io, config::Config{});
  FloodPoller poller(io, client, alerts);
  client.start();
  poller.start();
  api::PuntStats& punt = *dataplane.stats.add_punts();
  punt.set_port("wan");
  punt.set_kind("other");
  punt.set_dropped(10);  // who knows when
  api::AdaptiveSynProxy& proxy = *dataplane.stats.add_adaptive_syn_proxies();
  proxy.set_service("web");
  int polls = 0;
  dataplane.before_stats = [&] {
    ++polls;
    if (polls > 1) punt.set_dropped(punt.dropped() + 5);
  };
  ASSERT_TRUE(test::run_until(io, [&] { return events_of(alerts) > 0 || polls > 3; }));
  EXPECT_EQ(polls, 2);
  ASSERT_TRUE(test::run_until(io, [&] { return polls > 3; }));
  EXPECT_EQ(events_of(alerts), 1u) << "the drops go on";
  dataplane.stats.set_connections_shed(7);
  ASSERT_TRUE(test::run_until(io, [&] { return events_of(alerts) > 1; }));
  dataplane.stats.set_table_full(3);
  ASSERT_TRUE(test::run_until(io, [&] { return events_of(alerts) > 2; }));
  proxy.set_cookies(1);
  ASSERT_TRUE(test::run_until(io, [&] { return events_of(alerts) > 3; }));
  client.stop();
}

}  // namespace
}  // namespace lb::controlplane
