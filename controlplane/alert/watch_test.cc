#include "controlplane/alert/watch.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "controlplane/service/inventory_fixture.h"

namespace lb::controlplane::alert {
namespace {

config::Service web(std::initializer_list<const char*> servers) {
  return test::service("web", {"192.0.2.10:80"}, servers);
}

class WatchTest : public testing::Test {
 protected:
  RealServer& server(const char* address) {
    return *inventory.find(inventory.services().front(), test::endpoint(address));
  }
  // "server", "service up", "server service down", "".
  std::string observe_server(const char* address, bool up) {
    const Transition change = observe(server(address), up);
    std::string text = change.server ? "server" : "";
    if (change.service) text += *change.service ? " service up" : " service down";
    return text;
  }
  void adopt(const config::Service& service) {
    inventory.adopt(test::config_of({service}));
    count_reported(inventory);
  }

  Inventory inventory{test::config_of({web({"10.0.0.1:80", "10.0.0.2:80"})})};
};

TEST_F(WatchTest, TakesAServiceUpWithItsFirstServerAndDownWithItsLast) {
  EXPECT_EQ(observe_server("10.0.0.1:80", true), "server service up");
  EXPECT_EQ(observe_server("10.0.0.2:80", true), "server");
  EXPECT_EQ(observe_server("10.0.0.1:80", false), "server");
  EXPECT_EQ(observe_server("10.0.0.2:80", false), "server service down");
  EXPECT_EQ(observe_server("10.0.0.2:80", true), "server service up");
}

TEST_F(WatchTest, ReportsNoTransitionForTheSameState) {
  EXPECT_EQ(observe_server("10.0.0.1:80", false), "server");
  EXPECT_EQ(observe_server("10.0.0.1:80", false), "");
}

TEST_F(WatchTest, KeepsAServiceUpUntilAllServersAreKnownDown) {
  EXPECT_EQ(observe_server("10.0.0.1:80", false), "server");
  EXPECT_EQ(observe_server("10.0.0.2:80", false), "server service down");
}

TEST_F(WatchTest, ReportsNoTransitionForAnAdoptedState) {
  set_initial(server("10.0.0.1:80"), true);
  set_initial(server("10.0.0.2:80"), false);
  EXPECT_EQ(observe_server("10.0.0.2:80", false), "");
  EXPECT_EQ(observe_server("10.0.0.1:80", false), "server service down");
}

TEST_F(WatchTest, KeepsStatesOverANewConfiguration) {
  observe_server("10.0.0.1:80", true);
  adopt(web({"10.0.0.1:80", "10.0.0.3:80"}));
  EXPECT_EQ(observe_server("10.0.0.1:80", true), "");
  EXPECT_EQ(observe_server("10.0.0.3:80", false), "server");
  EXPECT_EQ(observe_server("10.0.0.1:80", false), "server service down");
}

TEST_F(WatchTest, ReportsNoTransitionForANewName) {
  observe_server("10.0.0.1:80", false);
  observe_server("10.0.0.2:80", false);
  config::Service renamed = web({"10.0.0.1:80", "10.0.0.2:80"});
  renamed.name = "shop";
  adopt(renamed);
  EXPECT_EQ(observe_server("10.0.0.1:80", false), "");
  EXPECT_EQ(observe_server("10.0.0.1:80", true), "server service up");
}

TEST_F(WatchTest, CountsAReportedServerUntilItIsRemoved) {
  observe_server("10.0.0.1:80", true);
  observe_server("10.0.0.2:80", false);
  adopt(web({"10.0.0.2:80"}));
  const Transition change = observe(server("10.0.0.2:80"), true);
  EXPECT_TRUE(change.server);
  EXPECT_FALSE(change.service) << "it was reported up all the while";
  EXPECT_EQ(change.up, 1u);
  EXPECT_EQ(change.all, 1u);
}

}  // namespace
}  // namespace lb::controlplane::alert
