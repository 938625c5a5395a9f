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
  std::string see_server(const char* address, bool up) {
    const Transition change = see(server(address), up);
    std::string text = change.server ? "server" : "";
    if (change.service) text += *change.service ? " service up" : " service down";
    return text;
  }
  void adopt(const config::Service& service) {
    inventory.adopt(test::config_of({service}));
    count_told(inventory);
  }

  Inventory inventory{test::config_of({web({"10.0.0.1:80", "10.0.0.2:80"})})};
};

TEST_F(WatchTest, a_service_is_up_with_its_first_server_and_down_with_its_last) {
  EXPECT_EQ(see_server("10.0.0.1:80", true), "server service up");
  EXPECT_EQ(see_server("10.0.0.2:80", true), "server");
  EXPECT_EQ(see_server("10.0.0.1:80", false), "server");
  EXPECT_EQ(see_server("10.0.0.2:80", false), "server service down");
  EXPECT_EQ(see_server("10.0.0.2:80", true), "server service up");
}

TEST_F(WatchTest, the_same_again_is_no_transition) {
  EXPECT_EQ(see_server("10.0.0.1:80", false), "server");
  EXPECT_EQ(see_server("10.0.0.1:80", false), "");
}

TEST_F(WatchTest, a_service_is_not_down_before_all_are_known) {
  EXPECT_EQ(see_server("10.0.0.1:80", false), "server");
  EXPECT_EQ(see_server("10.0.0.2:80", false), "server service down");
}

TEST_F(WatchTest, what_was_so_before_is_no_news) {
  know(server("10.0.0.1:80"), true);
  know(server("10.0.0.2:80"), false);
  EXPECT_EQ(see_server("10.0.0.2:80", false), "");
  EXPECT_EQ(see_server("10.0.0.1:80", false), "server service down");
}

TEST_F(WatchTest, another_configuration_keeps_what_is_known) {
  see_server("10.0.0.1:80", true);
  adopt(web({"10.0.0.1:80", "10.0.0.3:80"}));
  EXPECT_EQ(see_server("10.0.0.1:80", true), "");
  EXPECT_EQ(see_server("10.0.0.3:80", false), "server");
  EXPECT_EQ(see_server("10.0.0.1:80", false), "server service down");
}

TEST_F(WatchTest, another_name_is_no_transition) {
  see_server("10.0.0.1:80", false);
  see_server("10.0.0.2:80", false);
  config::Service renamed = web({"10.0.0.1:80", "10.0.0.2:80"});
  renamed.name = "shop";
  adopt(renamed);
  EXPECT_EQ(see_server("10.0.0.1:80", false), "");
  EXPECT_EQ(see_server("10.0.0.1:80", true), "server service up");
}

TEST_F(WatchTest, a_server_that_was_told_counts_until_it_is_removed) {
  see_server("10.0.0.1:80", true);
  see_server("10.0.0.2:80", false);
  adopt(web({"10.0.0.2:80"}));
  const Transition change = see(server("10.0.0.2:80"), true);
  EXPECT_TRUE(change.server);
  EXPECT_FALSE(change.service) << "it was up all the while, as far as anybody was told";
  EXPECT_EQ(change.up, 1u);
  EXPECT_EQ(change.all, 1u);
}

}  // namespace
}  // namespace lb::controlplane::alert
