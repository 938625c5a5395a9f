// The whole control plane but its main(): against the real kernel in a namespace of our own, and a
// data plane that only stores snapshots. A veth pair plays the TAP.
#include "controlplane/apply.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>
#include <random>
#include <set>

#include "config/load.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/link/fake_dataplane.h"
#include "controlplane/os/file_writer.h"
#include "controlplane/os/test_namespace.h"
#include "controlplane/servers/overrides_file.h"

namespace lb::controlplane {
namespace {

using test::shell;

config::Config make_config(const std::string& run_dir) {
  config::Config config;
  config.director.name = "lb1";
  config.director.run_dir = run_dir;
  config.director.state_dir = run_dir;
  config::Port wan;
  wan.name = "wan";
  wan.addresses = {Prefix::parse("192.0.2.2/24").value()};
  config.ports = {wan};
  config::Service web;
  web.name = "web";
  web.addresses = {EndpointRange::parse("192.0.2.10:80").value()};
  web.mode = Mode::kDr;
  web.check.type = config::CheckType::kNone;
  config::RealServer near;
  near.address = Endpoint::parse("192.0.2.11:80").value();
  config::RealServer far;
  far.address = Endpoint::parse("198.51.100.7:80").value();
  web.real_servers = {near, far};
  config::Service checked = web;
  checked.name = "checked";
  checked.addresses = {EndpointRange::parse("192.0.2.10:81").value()};
  checked.mode = Mode::kNat;
  checked.check.type = config::CheckType::kTcp;
  checked.check.interval = config::Milliseconds(50);
  checked.check.timeout = config::Milliseconds(20);
  checked.check.fall = 2;
  config.services = {web, checked};
  return config;
}

// Up to six services of up to five real servers, some with a sorry server. The ports are wan's.
config::Config random_config(const std::string& run_dir, std::mt19937& random) {
  const auto below = [&random](unsigned n) { return static_cast<unsigned>(random() % n); };
  config::Config config = make_config(run_dir);
  const std::vector<config::Service> kinds = config.services;
  config.services.clear();
  for (unsigned i = 0; i < 6; ++i) {
    if (below(3) == 0) continue;
    config::Service service = kinds[below(2)];
    const unsigned number = below(4) == 0 ? i + 10 : i;
    service.name = "s" + std::to_string(number);
    const auto port = static_cast<std::uint16_t>(80 + i);
    service.addresses.front().first = service.addresses.front().last = port;
    service.scheduler = below(2) == 0 ? Scheduler::kWlc : Scheduler::kMh;
    service.real_servers.clear();
    for (unsigned host = 11; host < 16; ++host) {
      if (below(2) == 0) continue;
      config::RealServer server;
      server.address = Endpoint::parse("192.0.2." + std::to_string(host) + ":80").value();
      server.address.port = port;
      server.weight = static_cast<std::uint16_t>(below(100));
      service.real_servers.push_back(server);
    }
    if (service.real_servers.empty()) continue;
    if (below(3) == 0) {
      service.sorry_server.emplace();
      service.sorry_server->address = {Address::parse("192.0.2.99").value(), 80};
    }
    config.services.push_back(service);
  }
  return config;
}

// What the data plane runs, or should: services, their addresses, real servers and weights.
std::string outline(const config::Config& config) {
  std::string out;
  for (const config::Service& service : config.services) {
    out += service.name + ":" + std::to_string(service.primary_endpoint().port);
    for (const config::RealServer& server : service.real_servers) {
      out += " " + std::to_string(server.address.address.bytes()[3]);
    }
    out += service.sorry_server ? " 99\n" : "\n";
  }
  return out;
}

std::string outline(const api::Snapshot& snapshot) {
  std::string out;
  for (const api::Service& service : snapshot.services()) {
    out += service.name() + ":" + std::to_string(service.addresses(0).first_port());
    for (const api::RealServer& server : service.real_servers()) {
      out += " " + std::to_string(static_cast<unsigned char>(server.address()[3]));
    }
    out += "\n";
  }
  return out;
}

class ApplierInKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::enter_new_namespace()) GTEST_SKIP() << "needs root";
    applier.emplace(io, writer, config::seal(make_config(folder.path)));
  }
  void TearDown() override {
    if (applier) applier->stop();
    EXPECT_TRUE(writer.finish(std::chrono::seconds(20)));
  }

  static void make_wan() {
    shell(
        "ip link add wan type veth peer name peer && ip link set peer up &&"
        " ip neigh add 192.0.2.11 lladdr 02:00:00:00:00:11 dev wan nud permanent");
  }
  void start_dataplane() {
    dataplane.emplace(io, folder.path + "/dataplane.sock");
    ASSERT_EQ(dataplane->failure, "");
  }
  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }

  // In the snapshot that the data plane runs.
  const api::RealServer* server(int service, int index) {
    if (!dataplane || dataplane->running.services_size() <= service) return nullptr;
    return &dataplane->running.services(service).real_servers(index);
  }
  bool resolved(int service, int index) {
    return server(service, index) != nullptr && server(service, index)->has_next_hop();
  }
  bool up(int service, int index) {
    return server(service, index) != nullptr && server(service, index)->up();
  }
  api::control::Status status(bool with_checks = false) {
    api::control::Status answer;
    applier->status(with_checks, [&answer](api::control::Status now) { answer = std::move(now); });
    return answer;
  }

  boost::asio::io_context io;
  FileWriter writer{io};
  TestFolder folder;
  std::optional<FakeDataplane> dataplane;
  std::optional<Applier> applier;
};

using Walk7 = ApplierInKernel;
using Walk8 = ApplierInKernel;

// The walk of docs/architecture.md: file -> configuration -> apply -> data plane.
TEST_F(Walk7, FromTomlToTheDataPlane) {
  const config::Loaded loaded = config::load_text(
      "[director]\nname = \"lb1\"\nrun_dir = \"" + folder.path +
          "\"\n[dataplane]\nmain_lcore = 0\nlcores = \"1\"\n"
          "[[port]]\nname = \"wan\"\ndevice = \"net_null0\"\naddresses = [\"192.0.2.2/24\"]\n"
          "[[service]]\nname = \"dns\"\naddress = \"192.0.2.10:53\"\nprotocol = \"udp\"\n"
          "mode = \"dr\"\nscheduler = \"wlc\"\n[service.check]\ntype = \"none\"\n"
          "[[service.real_server]]\naddress = \"192.0.2.11:53\"\nweight = 7\n",
      "walk.toml", {.cpus = {0, 1}});
  ASSERT_EQ(config::format_mistakes("walk.toml", loaded.mistakes), "");
  applier.emplace(io, writer, config::seal(loaded.config));
  start_dataplane();
  make_wan();
  ASSERT_TRUE(applier->start());
  ASSERT_TRUE(wait([&] { return up(0, 0) && resolved(0, 0); }));
  const api::Service& dns = dataplane->running.services(0);
  EXPECT_EQ(dns.name(), "dns");
  EXPECT_EQ(dns.protocol(), api::UDP);
  EXPECT_EQ(dns.mode(), api::DR);
  EXPECT_EQ(dns.scheduler(), api::WLC);
  EXPECT_EQ(dns.real_servers(0).weight(), 7u);
  EXPECT_EQ(dns.real_servers(0).next_hop().mac(), std::string("\x02\x00\x00\x00\x00\x11", 6));
}

TEST_F(ApplierInKernel, RecoversFromADataPlaneRestart) {
  ASSERT_TRUE(applier->start());
  EXPECT_FALSE(status().dataplane_connected());
  start_dataplane();
  make_wan();
  EXPECT_TRUE(wait([&] { return up(0, 0) && resolved(0, 0) && status().vips(0).present(); }));
  EXPECT_TRUE(status().dataplane_connected());
  EXPECT_TRUE(
      wait([&] { return status().dataplane_generation() == dataplane->running.generation(); }));
  EXPECT_EQ(dataplane->running.port_addresses(0).port(), "wan");

  dataplane.reset();
  shell("ip link del wan");
  EXPECT_TRUE(wait([&] { return !status().dataplane_connected() && !status().vips(0).present(); }));
  start_dataplane();
  // The very first snapshot of a new data plane says all that was known before.
  EXPECT_TRUE(wait([&] { return !dataplane->applied.empty(); }));
  EXPECT_TRUE(up(0, 0) && resolved(0, 0));
  make_wan();
  EXPECT_TRUE(wait([&] { return status().vips(0).present(); }));
}

TEST_F(ApplierInKernel, KeepsStatesOverARestart) {
  // What an earlier control plane left in the data plane: everything up and resolved.
  start_dataplane();
  {
    ASSERT_TRUE(applier->start());
    make_wan();
    ASSERT_TRUE(wait([&] { return resolved(0, 0) && up(0, 0); }));
    applier.reset();
  }
  for (auto& service : *dataplane->running.mutable_services()) {
    for (auto& server : *service.mutable_real_servers()) {
      server.set_up(true);
      server.mutable_next_hop()->set_port("wan");
      server.mutable_next_hop()->set_mac("\x02xxxxx");
    }
  }
  dataplane->applied.clear();
  applier.emplace(io, writer, config::seal(make_config(folder.path)));
  ASSERT_TRUE(applier->start());
  ASSERT_TRUE(wait([&] { return !dataplane->applied.empty(); }));
  const api::Snapshot& first = dataplane->applied.front();
  for (const auto& service : first.services()) {
    for (const auto& server : service.real_servers()) {
      EXPECT_TRUE(server.up()) << service.name();
      EXPECT_TRUE(server.has_next_hop()) << service.name();
    }
  }
}

// The walk of docs/architecture.md: checker -> tracker -> apply -> data plane.
TEST_F(Walk8, ARealServerDies) {
  start_dataplane();
  make_wan();
  ASSERT_TRUE(applier->start());
  ASSERT_TRUE(wait([&] { return up(0, 0); }));
  EXPECT_FALSE(up(1, 0));
  applier.reset();
  dataplane->running.mutable_services(1)->mutable_real_servers(0)->set_up(true);
  applier.emplace(io, writer, config::seal(make_config(folder.path)));
  ASSERT_TRUE(applier->start());
  dataplane->applied.clear();
  ASSERT_TRUE(wait([&] { return !dataplane->applied.empty(); }));
  EXPECT_TRUE(up(1, 0));
  EXPECT_TRUE(wait([&] { return !up(1, 0); }));
  EXPECT_TRUE(up(0, 0));
  EXPECT_GE(status().targets(2).fall_count(), 2u);
}

TEST_F(ApplierInKernel, RefusesGatewaysForDirectRouting) {
  start_dataplane();
  make_wan();
  ASSERT_TRUE(applier->start());
  ASSERT_TRUE(wait([&] { return status().vips(0).present(); }));
  shell(
      "ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev wan nud permanent &&"
      " ip route add 198.51.100.0/24 via 192.0.2.1");
  EXPECT_TRUE(wait([&] { return resolved(1, 1); }));  // NAT mode
  EXPECT_FALSE(resolved(0, 1));                       // DR mode
}

// With AddressSanitizer: they leave nothing behind either.
TEST_F(ApplierInKernel, AppliesAHundredRandomConfigurations) {
  start_dataplane();
  make_wan();
  ASSERT_TRUE(applier->start());
  ASSERT_TRUE(wait([&] { return !dataplane->applied.empty(); }));
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    const config::Config next = random_config(folder.path, random);
    std::optional<Result<void>> taken;
    applier->configure(config::seal(next),
                       [&taken](const Result<void>& result) { taken = result; });
    ASSERT_TRUE(wait([&] { return taken.has_value(); })) << "round " << round;
    ASSERT_TRUE(*taken) << taken->error().message;
    ASSERT_EQ(outline(dataplane->running), outline(next)) << "round " << round;
    std::set<std::pair<Endpoint, config::CheckType>> questions;
    for (const config::Service& service : next.services) {
      for (const config::RealServer& server : service.real_servers) {
        questions.emplace(server.address, service.check.type);
      }
    }
    const api::control::Status checks = status(true);
    ASSERT_EQ(static_cast<std::size_t>(checks.checks_size()), questions.size())
        << "round " << round;
  }
}

// What an operator sets while a change is on its way is not lost when the change is refused.
TEST_F(ApplierInKernel, SetsAfterAChangeThatIsOnItsWay) {
  start_dataplane();
  make_wan();
  ASSERT_TRUE(applier->start());
  ASSERT_TRUE(wait([&] { return up(0, 0) && resolved(0, 0); }));
  const config::ConfigPtr before = config::seal(make_config(folder.path));
  config::Config next = *before;
  next.services[0].real_servers[0].weight = 5;
  const std::string changes = changes_text(applier->inventory(), Now{});
  std::vector<std::string> order;
  applier->configure(config::seal(std::move(next)), [&](const Result<void>& result) {
    order.emplace_back(result ? "taken" : "refused");
    applier->restore(before, changes, [&](const Result<void>& restored) {
      order.emplace_back(restored ? "restored" : "not restored");
    });
    dataplane->refusal.clear();
  });
  dataplane->refusal = "no memory";
  api::control::SetCommand maint;
  maint.set_service("web");
  maint.set_real_server("192.0.2.11:80");
  maint.set_admin_state(api::control::SetCommand::MAINT);
  applier->set(maint, [&](const Result<std::string>& done) {
    order.push_back(done ? *done : done.error().message);
  });
  EXPECT_TRUE(order.empty());
  ASSERT_TRUE(wait([&] { return order.size() == 3; }));
  EXPECT_EQ(order,
            (std::vector<std::string>{"refused", "restored",
                                      "web: real server 192.0.2.11:80: in maintenance, as if its "
                                      "check had taken it down"}));
  EXPECT_TRUE(wait([&] { return !up(0, 0); })) << dataplane->running.ShortDebugString();
}

TEST_F(ApplierInKernel, RemovesTheVipsOnStop) {
  start_dataplane();
  make_wan();
  ASSERT_TRUE(applier->start());
  ASSERT_TRUE(wait([&] { return status().vips(0).present(); }));
  applier->stop();
  shell("! ip addr show dev wan | grep -q 192.0.2.10");
  shell("ip addr show dev wan | grep -q 192.0.2.2/24");
}

}  // namespace
}  // namespace lb::controlplane
