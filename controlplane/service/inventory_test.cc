#include "controlplane/service/inventory.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "controlplane/service/inventory_fixture.h"

namespace lb::controlplane {
namespace {

using test::config_of;
using test::endpoint;
using test::service;

const config::Service kWeb = service("web", {"192.0.2.10:80"}, {"10.0.0.11:80", "10.0.0.12:80"});
const config::Service kMail = service("mail", {"192.0.2.10:25"}, {"10.0.0.11:25"});

// As config, with another name.
config::Service renamed(config::Service config, const std::string& name) {
  config.name = name;
  return config;
}

RealServer& server(const Inventory& inventory, const std::string& service,
                   const std::string& address) {
  Service* const found = inventory.find(service);
  EXPECT_NE(found, nullptr) << service;
  RealServer* const server = found == nullptr ? nullptr : inventory.find(*found, endpoint(address));
  EXPECT_NE(server, nullptr) << address;
  if (server == nullptr) throw std::runtime_error("no such server");
  return *server;
}

// Each part that writes into the inventory leaves a mark, by which the thing is known again.
void mark(Service& service) {
  const auto number = static_cast<std::uint16_t>(service.id);
  service.changes.saved.scheduler = Scheduler::kSh;
  service.policy_state.quorum = false;
  service.reported_quorum = false;
  service.decision.weight_up = number;
  for (RealServer& server : service.servers) {
    server.health = test::checked(true, std::to_string(static_cast<std::uint32_t>(server.id)));
    server.changes.saved.weight = static_cast<std::uint16_t>(server.id);
    server.policy_state.ramp_since = Time(std::chrono::seconds(number));
    server.reported_up = true;
  }
}

bool is_marked(const RealServer& server) {
  return server.health &&
         server.health->last_result == std::to_string(static_cast<std::uint32_t>(server.id)) &&
         server.changes.saved.weight == static_cast<std::uint16_t>(server.id) &&
         server.policy_state.ramp_since && server.reported_up == true;
}

bool is_marked(const Service& service) {
  return service.changes.saved.scheduler == Scheduler::kSh &&
         service.policy_state.quorum == false && service.reported_quorum == false &&
         service.decision.weight_up == static_cast<std::uint16_t>(service.id);
}

class InventoryTest : public testing::Test {
 protected:
  InventoryTest() {
    for (Service& each : inventory.services()) mark(each);
  }
  Inventory::Adopted adopt(std::vector<config::Service> services) {
    return inventory.adopt(config_of(std::move(services)));
  }
  ServiceId id_of(const std::string& name) const {
    const Service* const found = inventory.find(name);
    return found == nullptr ? ServiceId{} : found->id;
  }

  Inventory inventory{config_of({kWeb, kMail})};
  const ServiceId web = id_of("web");
  const ServiceId mail = id_of("mail");
};

TEST_F(InventoryTest, NamesEachThingOnce) {
  EXPECT_NE(web, mail);
  EXPECT_NE(web, ServiceId{});
  EXPECT_EQ(inventory.find(ServiceKey{Protocol::kTcp, kMail.addresses[0]})->id, mail);
  EXPECT_EQ(inventory.find(ServiceKey{Protocol::kUdp, kMail.addresses[0]}), nullptr);
  const RealServer& near = server(inventory, "web", "10.0.0.11:80");
  EXPECT_EQ(inventory.find(near.id), &near);
  EXPECT_EQ(near.service, inventory.find("web"));
  EXPECT_EQ(inventory.find("www"), nullptr);
  EXPECT_EQ(inventory.find(RealServerId{99}), nullptr);
}

TEST_F(InventoryTest, KeepsTheStateOfARenamedService) {
  const auto adopted = adopt({renamed(kWeb, "shop"), kMail});
  EXPECT_EQ(id_of("shop"), web);
  EXPECT_TRUE(is_marked(*inventory.find("shop")));
  EXPECT_TRUE(is_marked(server(inventory, "shop", "10.0.0.12:80")));
  EXPECT_EQ(inventory.find("web"), nullptr);
  EXPECT_EQ(adopted.kept.size(), 3u);
  EXPECT_TRUE(adopted.added.empty());
  EXPECT_TRUE(adopted.removed.empty());
}

TEST_F(InventoryTest, KeepsStateWithTheServiceWhenNamesAreSwapped) {
  const auto adopted = adopt({renamed(kMail, "web"), renamed(kWeb, "mail")});
  EXPECT_EQ(id_of("mail"), web);
  EXPECT_EQ(id_of("web"), mail);
  EXPECT_TRUE(is_marked(*inventory.find("mail")));
  EXPECT_TRUE(is_marked(server(inventory, "mail", "10.0.0.11:80")));
  EXPECT_TRUE(is_marked(server(inventory, "web", "10.0.0.11:25")));
  EXPECT_EQ(adopted.kept.size(), 3u);
}

TEST_F(InventoryTest, KeepsAServerWithAnotherWeightOrOrder) {
  config::Service web_next = renamed(kWeb, "shop");
  std::swap(web_next.real_servers[0], web_next.real_servers[1]);
  web_next.real_servers[0].weight = 7;
  adopt({web_next, kMail});
  const RealServer& first = inventory.find("shop")->servers[0];
  EXPECT_EQ(first.config->address, endpoint("10.0.0.12:80"));
  EXPECT_EQ(first.config->weight, 7);
  EXPECT_TRUE(is_marked(first));
  EXPECT_TRUE(is_marked(inventory.find("shop")->servers[1]));
}

TEST_F(InventoryTest, IdentifiesAServiceByAnyOfItsVips) {
  const config::Service several =
      service("several", {"192.0.2.20:80", "192.0.2.21:80-90"}, {"10.0.0.11:80"});
  adopt({several});
  const ServiceId id = id_of("several");
  for (const std::initializer_list<const char*> vips :
       {std::initializer_list<const char*>{"192.0.2.21:80-90", "192.0.2.20:80"},
        {"192.0.2.20:80", "192.0.2.21:80-90"},
        {"192.0.2.21:80-90"},
        {"192.0.2.22:80", "192.0.2.21:80-90"}}) {
    const auto adopted = adopt({service("other", vips, {"10.0.0.11:80"})});
    EXPECT_EQ(id_of("other"), id) << *vips.begin();
    EXPECT_EQ(adopted.kept.size(), 1u);
  }
  adopt({service("elsewhere", {"192.0.2.23:80"}, {"10.0.0.11:80"})});
  EXPECT_NE(id_of("elsewhere"), id);
}

TEST_F(InventoryTest, KeepsTheStateOfAServiceThatMovesToAnotherVip) {
  config::Service moved = kWeb;
  moved.addresses = {EndpointRange::parse("192.0.2.99:80").value()};
  EXPECT_EQ(adopt({moved, kMail}).kept.size(), 3u);
  EXPECT_EQ(id_of("web"), web);
  EXPECT_TRUE(is_marked(*inventory.find("web")));
  EXPECT_TRUE(is_marked(server(inventory, "web", "10.0.0.11:80")));
}

TEST_F(InventoryTest, PrefersTheAddressesToTheName) {
  config::Service newcomer = kWeb;
  newcomer.addresses = {EndpointRange::parse("192.0.2.99:80").value()};
  EXPECT_EQ(adopt({newcomer, renamed(kWeb, "old"), kMail}).added.size(), 2u);
  EXPECT_EQ(id_of("old"), web);
  EXPECT_FALSE(is_marked(*inventory.find("web")));
}

TEST_F(InventoryTest, PrefersTheFirstAddress) {
  adopt({service("several", {"192.0.2.20:80", "192.0.2.21:80"}, {"10.0.0.11:80"})});
  const ServiceId id = id_of("several");
  adopt({service("second", {"192.0.2.21:80"}, {"10.0.0.11:80"}),
         service("first", {"192.0.2.20:80"}, {"10.0.0.11:80"})});
  EXPECT_EQ(id_of("first"), id);
  EXPECT_NE(id_of("second"), id);
}

TEST_F(InventoryTest, TreatsAnotherProtocolAsAnotherService) {
  config::Service udp = kWeb;
  udp.protocol = Protocol::kUdp;
  const auto adopted = adopt({udp, kMail});
  EXPECT_NE(id_of("web"), web);
  EXPECT_FALSE(is_marked(*inventory.find("web")));
  EXPECT_EQ(adopted.removed.size(), 2u);
  EXPECT_EQ(adopted.added.size(), 2u);
}

TEST_F(InventoryTest, TreatsAServerInAnotherServiceAsNew) {
  config::Service web_next = kWeb;
  config::Service mail_next = kMail;
  mail_next.real_servers.push_back(web_next.real_servers.back());
  web_next.real_servers.pop_back();
  const RealServerId before = server(inventory, "web", "10.0.0.12:80").id;
  const auto adopted = adopt({web_next, mail_next});
  EXPECT_EQ(adopted.removed, std::vector<RealServerId>{before});
  const RealServer& moved = server(inventory, "mail", "10.0.0.12:80");
  EXPECT_EQ(adopted.added, std::vector<RealServerId>{moved.id});
  EXPECT_NE(moved.id, before);
  EXPECT_FALSE(is_marked(moved));
  EXPECT_TRUE(is_marked(server(inventory, "web", "10.0.0.11:80")));
  EXPECT_EQ(inventory.find(before), nullptr);
}

TEST_F(InventoryTest, ForgetsWhatIsRemoved) {
  adopt({kMail});
  const auto adopted = adopt({kMail, kWeb});
  EXPECT_NE(id_of("web"), web);
  EXPECT_FALSE(is_marked(*inventory.find("web")));
  EXPECT_EQ(adopted.added.size(), 2u);
  EXPECT_TRUE(is_marked(server(inventory, "mail", "10.0.0.11:25")));
}

TEST(ServiceKey, PrintsAndParses) {
  for (const char* const text : {"tcp 192.0.2.10:80", "udp 192.0.2.10:80-90", "tcp 192.0.2.10:*"}) {
    const auto key = ServiceKey::parse(text);
    ASSERT_TRUE(key) << text;
    EXPECT_EQ(key->to_string(), text);
  }
  EXPECT_EQ(key_of(kWeb).to_string(), "tcp 192.0.2.10:80");
  for (const char* const text : {"", "tcp", "tcp ", "sctp 192.0.2.10:80", "tcp web:80"}) {
    EXPECT_FALSE(ServiceKey::parse(text)) << text;
  }
}

}  // namespace
}  // namespace lb::controlplane
