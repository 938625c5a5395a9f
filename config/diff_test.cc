#include "config/diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "config/load.h"

namespace lb::config {
namespace {

constexpr const char* kBase = R"(
[director]
name = "lb1"
[dataplane]
lcores = "1"
[[port]]
name = "wan"
device = "net_null0"
addresses = ["192.0.2.2/24"]
[[port]]
name = "lan"
device = "net_null1"
addresses = ["10.0.0.2/24"]
[[port.vlan]]
name = "lan.7"
id = 7
addresses = ["10.7.0.2/24"]
[[route]]
destination = "default"
via = "192.0.2.1"
[[service]]
name = "web"
address = "192.0.2.10:80"
mode = "nat"
[service.check]
type = "http"
[[service.real_server]]
address = "10.0.0.11:80"
[[service.real_server]]
address = "10.0.0.12:80"
[[service]]
name = "dns"
address = "192.0.2.10:53"
protocol = "udp"
mode = "nat"
[service.check]
type = "ping"
[[service.real_server]]
address = "10.0.0.11:53"
[health]
panic_threshold = 30
[ha]
[[ha.instance]]
name = "wan"
port = "wan"
virtual_router_id = 5
addresses = ["192.0.2.10/24"]
[[ha.instance.track]]
interface = "lan"
weight = -10
)";

Config base() {
  const Loaded loaded = load_text(kBase, "base", Machine{{0, 1, 2, 3}});
  EXPECT_EQ(format_mistakes("base", loaded.mistakes), "");
  return loaded.config;
}

std::vector<std::string> lines(const std::vector<Change>& changes) {
  std::vector<std::string> out;
  for (const Change& change : changes) out.push_back(change.text);
  return out;
}

struct Edit {
  std::function<void(Config&)> make;
  std::string line;
  Needs needs = Needs::kNothing;
};

RealServer server(const std::string& address) {
  RealServer made;
  made.address = Endpoint::parse(address).value();
  return made;
}

Service service(const std::string& name) {
  Service made;
  made.name = name;
  made.addresses = {EndpointRange::parse("192.0.2.10:8080").value()};
  made.real_servers = {server("10.0.0.21:80"), server("10.0.0.22:80")};
  return made;
}

// Independent of each other: any subset of them can be made at a time.
const std::vector<Edit> kEdits = {
    {[](Config& c) { c.director.name = "lb9"; }, "director: name lb1 -> lb9", Needs::kControlplane},
    {[](Config& c) { c.director.auto_reload = true; }, "director: auto_reload not set -> true"},
    {[](Config& c) {
       c.dataplane.lcores = {1, 2};
     },
     "dataplane: lcores 1 -> 1-2", Needs::kBoth},
    {[](Config& c) { c.dataplane.timeouts.udp = Milliseconds(1000); },
     "dataplane: timeouts: udp 5m -> 1s"},
    {[](Config& c) { c.ports[0].device = "net_null7"; }, "port wan: device net_null0 -> net_null7",
     Needs::kBoth},
    {[](Config& c) { c.ports[0].anti_spoof = AntiSpoof::kStrict; },
     "port wan: anti_spoof not set -> strict"},
    {[](Config& c) { c.ports[1].clients_from_other_ports = true; },
     "port lan: clients_from_other_ports not set -> true"},
    {[](Config& c) { c.ports[1].vlans.clear(); }, "port lan: vlan lan.7 removed"},
    {[](Config& c) { c.routes[0].via = Address::parse("192.0.2.254").value(); },
     "route default: via 192.0.2.1 -> 192.0.2.254"},
    {[](Config& c) { c.services[0].scheduler = Scheduler::kRr; },
     "service web: scheduler wrr -> rr"},
    {[](Config& c) { c.services[0].check.path = "/up"; }, "service web: check: path / -> /up"},
    {[](Config& c) { c.services[0].check.host = "shop"; },
     "service web: check: host not set -> shop"},
    {[](Config& c) { c.services[0].real_servers[0].weight = 2; },
     "service web: real server 10.0.0.11:80: weight 1 -> 2"},
    {[](Config& c) { c.services[0].real_servers.push_back(server("10.0.0.13:80")); },
     "service web: real server 10.0.0.13:80 added"},
    {[](Config& c) { std::erase(c.services[0].real_servers, server("10.0.0.12:80")); },
     "service web: real server 10.0.0.12:80 removed"},
    {[](Config& c) { c.services.push_back(service("shop")); }, "service shop added"},
    {[](Config& c) { std::erase_if(c.services, [](const auto& s) { return s.name == "dns"; }); },
     "service dns removed"},
    {[](Config& c) { c.ha.instances[0].priority = 90; }, "ha: instance wan: priority 100 -> 90"},
    {[](Config& c) { c.ha.instances[0].tracks[0].weight = -20; },
     "ha: instance wan: track lan: weight -10 -> -20"},
    {[](Config& c) { c.ha.instances[0].virtual_router_id = 6; },
     "ha: instance wan: virtual_router_id 5 -> 6", Needs::kControlplane},
    {[](Config& c) { c.ha.garp_refresh = Milliseconds(5000); }, "ha: garp_refresh 0s -> 5s"},
    {[](Config& c) { c.health.panic_threshold = 40; }, "health: panic_threshold 30 -> 40"},
};

TEST(Diff, ComparesARenamedServiceByItsAddress) {
  Config next = base();
  next.services[0].name = "dns";
  next.services[1].name = "names";
  next.services[0].scheduler = Scheduler::kRr;
  const auto changes = diff(base(), next);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].text, "service web: name web -> dns");
  EXPECT_EQ(changes[1].text, "service dns: name dns -> names");
  EXPECT_EQ(changes[2].text, "service dns: scheduler wrr -> rr");
}

TEST(Diff, KnowsARenamedServiceWithMoreAddresses) {
  Config next = base();
  next.services[0].name = "shop";
  next.services[0].addresses.push_back(service("other").addresses.front());
  const auto changes = diff(base(), next);
  ASSERT_GE(changes.size(), 2u);
  EXPECT_EQ(changes[0].text, "service web: name web -> shop");
  for (std::size_t i = 1; i < changes.size(); ++i) {
    EXPECT_TRUE(changes[i].text.starts_with("service shop: address")) << changes[i].text;
  }
}

TEST(Diff, KnowsARenamedServiceByAnyOfItsAddresses) {
  Config running = base();
  running.services[0].addresses.push_back(service("other").addresses.front());
  Config next = running;
  next.services[0].name = "shop";
  next.services[0].addresses.erase(next.services[0].addresses.begin());
  const auto changes = diff(running, next);
  ASSERT_GE(changes.size(), 2u);
  EXPECT_EQ(changes[0].text, "service web: name web -> shop");
  for (std::size_t i = 1; i < changes.size(); ++i) {
    EXPECT_TRUE(changes[i].text.starts_with("service shop: address")) << changes[i].text;
  }
}

TEST(Diff, TakesAServiceOfAnotherProtocolForAnotherOne) {
  Config next = base();
  next.services[0].protocol = Protocol::kUdp;
  const auto changes = diff(base(), next);
  EXPECT_EQ(lines(changes), (std::vector<std::string>{"service web removed", "service web added"}));
}

TEST(Diff, RemovesAServiceWhoseNameAnotherOneGets) {
  Config next = base();
  next.services.pop_back();
  next.services[0].name = "dns";
  const auto changes = diff(base(), next);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].text, "service web: name web -> dns");
  EXPECT_EQ(changes[1].text, "service dns removed");
}

TEST(Diff, OneChangeIsOneLine) {
  for (const Edit& edit : kEdits) {
    Config next = base();
    edit.make(next);
    const auto changes = diff(base(), next);
    ASSERT_EQ(lines(changes), std::vector<std::string>{edit.line});
    EXPECT_EQ(changes[0].needs, edit.needs) << edit.line;
  }
}

TEST(Diff, AnOwnersPriorityIsNotChangedAtRunTime) {
  Config next = base();
  next.ha.instances[0].priority = kOwnerPriority;
  ASSERT_EQ(diff(base(), next).size(), 1u);
  EXPECT_EQ(diff(base(), next)[0].needs, Needs::kControlplane);
  EXPECT_EQ(diff(next, base())[0].needs, Needs::kControlplane);
}

TEST(Diff, OrderMeansNothing) {
  Config next = base();
  std::ranges::reverse(next.services);
  std::ranges::reverse(next.services.back().real_servers);
  EXPECT_EQ(lines(diff(base(), next)), std::vector<std::string>{});
}

// Every change appears, nothing else does, and the way back has as many.
TEST(Diff, AnyCombinationOfChanges) {
  std::mt19937 random(20261121);
  for (int round = 0; round < 500; ++round) {
    Config running = base();
    std::shuffle(running.services.begin(), running.services.end(), random);
    Config next = base();
    std::vector<std::string> expected;
    for (const Edit& edit : kEdits) {
      if (random() % 3 != 0) continue;
      edit.make(next);
      expected.push_back(edit.line);
    }
    EXPECT_EQ(diff(next, next).size(), 0u);
    auto found = lines(diff(running, next));
    std::ranges::sort(found);
    std::ranges::sort(expected);
    ASSERT_EQ(found, expected);
    EXPECT_EQ(diff(next, running).size(), expected.size());
  }
}

}  // namespace
}  // namespace lb::config
