#include "controlplane/alert/watch.h"

#include <gtest/gtest.h>

namespace lb::controlplane::alert {
namespace {

std::vector<config::Service> services(std::initializer_list<const char*> servers) {
  config::Service service;
  service.name = "web";
  for (const char* each : servers) {
    service.real_servers.emplace_back();
    service.real_servers.back().address = *Ipv4Endpoint::parse(each);
  }
  return {service};
}

class WatchTest : public testing::Test {
 protected:
  WatchTest() { watch.set_services(services({"10.0.0.1:80", "10.0.0.2:80"})); }

  // "server", "service up", "server service down", "".
  std::string see(const char* server, bool up) {
    const Watch::Change change = watch.see("web", server, up);
    std::string text = change.server ? "server" : "";
    if (change.service) text += *change.service ? " service up" : " service down";
    return text;
  }

  Watch watch;
};

TEST_F(WatchTest, a_service_is_up_with_its_first_server_and_down_with_its_last) {
  EXPECT_EQ(see("10.0.0.1:80", true), "server service up");
  EXPECT_EQ(see("10.0.0.2:80", true), "server");
  EXPECT_EQ(see("10.0.0.1:80", false), "server");
  EXPECT_EQ(see("10.0.0.2:80", false), "server service down");
  EXPECT_EQ(see("10.0.0.2:80", true), "server service up");
}

TEST_F(WatchTest, the_same_again_is_no_transition) {
  EXPECT_EQ(see("10.0.0.1:80", false), "server");
  EXPECT_EQ(see("10.0.0.1:80", false), "");
}

TEST_F(WatchTest, a_service_is_not_down_before_all_are_known) {
  EXPECT_EQ(see("10.0.0.1:80", false), "server");
  EXPECT_EQ(see("10.0.0.2:80", false), "server service down");
}

TEST_F(WatchTest, what_was_so_before_is_no_news) {
  watch.know("web", "10.0.0.1:80", true);
  watch.know("web", "10.0.0.2:80", false);
  EXPECT_EQ(see("10.0.0.2:80", false), "");
  EXPECT_EQ(see("10.0.0.1:80", false), "server service down");
}

TEST_F(WatchTest, another_configuration_keeps_what_is_known) {
  see("10.0.0.1:80", true);
  watch.set_services(services({"10.0.0.1:80", "10.0.0.3:80"}));
  EXPECT_EQ(see("10.0.0.1:80", true), "");
  EXPECT_EQ(see("10.0.0.3:80", false), "server");
  EXPECT_EQ(see("10.0.0.1:80", false), "server service down");
}

}  // namespace
}  // namespace lb::controlplane::alert
