#include "config/load.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>

#include "config/key_lister.h"
#include "config/toml_tree.h"

namespace lb::config {
namespace {

const Machine kMachine{{0, 1, 2, 3}};

std::string example() {
  std::ifstream file(LB_EXAMPLE);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void collect_keys(const Node& node, const std::string& path, std::set<std::string>& keys) {
  for (const Node& child : node.children) {
    const std::string name = child.key.empty() ? path
                             : path.empty()    ? child.key
                                               : path + '.' + child.key;
    keys.insert(name);
    collect_keys(child, name, keys);
  }
}

TEST(Example, IsWithoutMistakes) {
  const Loaded loaded = load_file(LB_EXAMPLE, kMachine);
  EXPECT_EQ(format_mistakes(loaded.file_name, loaded.mistakes), "");
  EXPECT_EQ(loaded.config.services.size(), 7u);
}

TEST(Example, ShowsEveryKeyThatThereIs) {
  const std::string text = example();
  Node root;
  std::vector<Mistake> mistakes;
  ASSERT_TRUE(read_toml(text, root, mistakes));
  std::set<std::string> known;
  for (const ListedTable& table : list_keys()) {
    known.insert(table.path);
    for (const ListedKey& key : table.keys) known.insert(table.path + '.' + key.name);
  }
  std::set<std::string> shown;
  collect_keys(root, "", shown);
  // A real server's own check has the keys of a service's, not all of which are shown.
  for (std::set<std::string>* const keys : {&shown, &known}) {
    std::erase_if(*keys, [](const std::string& key) {
      return key.starts_with("service.real_server.check.");
    });
  }
  EXPECT_EQ(shown, known);
  EXPECT_TRUE(known.contains("service.check.tls_ca_file"));
}

TEST(Groups, MustExist) {
  Machine machine = kMachine;
  machine.has_group = [](const std::string& name) { return name == "adm"; };
  const auto mistakes = [&machine](const std::string& keys) {
    const Loaded loaded =
        load_text("[director]\nname = \"a\"\n" + keys +
                      "\n[dataplane]\nlcores = \"0\"\n[[port]]\nname = \"wan\"\ndevice = "
                      "\"net_tap0\"\naddresses = [\"192.0.2.2/24\"]\n",
                  "a.toml", machine);
    return format_mistakes(loaded.file_name, loaded.mistakes);
  };
  EXPECT_EQ(mistakes("read_group = \"adm\""), "");
  EXPECT_EQ(mistakes("admin_group = \"\""), "");
  EXPECT_EQ(
      mistakes("admin_group = \"ballast\""),
      "a.toml:3:15: there is no group ballast on this machine; make it with groupadd --system "
      "ballast\n");
}

// The example says of each default what it is; those that it sets to the default must be it.
TEST(Example, NamesTheTrueDefaults) {
  const Config config = load_text(example(), "example", kMachine).config;
  const Config defaults;
  EXPECT_EQ(config.director.run_dir, defaults.director.run_dir);
  EXPECT_EQ(config.director.state_dir, defaults.director.state_dir);
  Dataplane dataplane = config.dataplane;
  dataplane.lcores.clear();
  EXPECT_EQ(dataplane, defaults.dataplane);
  EXPECT_EQ(config.ports[0].mtu, Port{}.mtu);
  const Check& check = config.services[0].check;
  EXPECT_EQ(check.interval, Check{}.interval);
  EXPECT_EQ(check.timeout, Check{}.timeout);
  EXPECT_EQ(check.rise, Check{}.rise);
  EXPECT_EQ(check.fall, Check{}.fall);
  EXPECT_EQ(check.method, Check{}.method);
  EXPECT_EQ(check.expect_status, Check{}.expect_status);
  EXPECT_EQ(check.tls_verify, Check{}.tls_verify);
  EXPECT_EQ(config.services[0].scheduler, Service{}.scheduler);
  EXPECT_EQ(config.services[0].on_server_down, Service{}.on_server_down);
  EXPECT_EQ(config.services[0].sync, Service{}.sync);
}

TEST(Example, NamesTheTrueDefaultsOfAPair) {
  const Ha ha = load_text(example(), "example", kMachine).config.ha;
  EXPECT_EQ(ha.garp_count, Ha{}.garp_count);
  EXPECT_EQ(ha.garp_interval, Ha{}.garp_interval);
  EXPECT_EQ(ha.garp_refresh, Ha{}.garp_refresh);
  const HaInstance& instance = ha.instances.at(0);
  EXPECT_EQ(instance.version, HaInstance{}.version);
  EXPECT_EQ(instance.preempt, HaInstance{}.preempt);
  EXPECT_EQ(instance.preempt_delay, HaInstance{}.preempt_delay);
  EXPECT_EQ(instance.virtual_mac, HaInstance{}.virtual_mac);
  HaScript script = ha.scripts.at(0);
  script.name.clear();
  script.command.clear();
  script.user.clear();
  EXPECT_EQ(script, HaScript{});
  HaSync sync = ha.sync.value();
  sync.listen = sync.peer = {};
  sync.warn_after = HaSync{}.warn_after;  // an example of one
  sync.key_file.clear();
  EXPECT_EQ(sync, HaSync{});
}

TEST(Example, NamesTheTrueDefaultsOfAlerts) {
  const Alert alert = load_text(example(), "example", kMachine).config.alert;
  EXPECT_EQ(alert.script_timeout, Alert{}.script_timeout);
  AlertMail mail = alert.mail.value();
  mail.server = {};
  mail.tls_ca_file = mail.user = mail.password_file = mail.from = "";
  mail.to.clear();
  EXPECT_EQ(mail, AlertMail{});
}

TEST(Example, NamesTheTrueDefaultsOfThePanicGuard) {
  const Health health = load_text(example(), "example", kMachine).config.health;
  EXPECT_EQ(health.panic_window, Health{}.panic_window);
}

TEST(Load, RemembersPlaces) {
  const Loaded loaded =
      load_text("[[port]]\nname = \"a\"\n[[port.vlan]]\n\n[[service]]\n[[service.real_server]]\n",
                "x", kMachine);
  EXPECT_EQ(loaded.config.ports.at(0).where.line, 1u);
  EXPECT_EQ(loaded.config.ports.at(0).vlans.at(0).where.line, 3u);
  EXPECT_EQ(loaded.config.services.at(0).where.line, 5u);
  EXPECT_EQ(loaded.config.services.at(0).real_servers.at(0).where.line, 6u);
}

TEST(Load, ComparesConfigurationsWithoutTheirPlaces) {
  const Config a = load_text(example(), "a", kMachine).config;
  Config b = load_text("\n\n" + example(), "b", kMachine).config;
  EXPECT_NE(a.ports[0].where.line, b.ports[0].where.line);
  EXPECT_EQ(a, b);
  b.services[0].real_servers[0].weight++;
  EXPECT_NE(a, b);
}

TEST(Load, SkipsAByteOrderMark) {
  EXPECT_EQ(load_text("\xef\xbb\xbf" + example(), "x", kMachine).mistakes.size(), 0u);
}

TEST(Load, SaysWhyAFileCannotBeRead) {
  const Loaded absent = load_file("/nonexistent/ballast.toml", kMachine);
  EXPECT_EQ(format_mistakes(absent.file_name, absent.mistakes),
            "/nonexistent/ballast.toml: cannot be opened: No such file or directory; name the "
            "configuration file\n");
  const Loaded directory = load_file("/", kMachine);
  EXPECT_EQ(format_mistakes(directory.file_name, directory.mistakes),
            "/: is a folder and not a regular file; name the configuration file\n");
  const Loaded device = load_file("/dev/zero", kMachine);
  EXPECT_EQ(format_mistakes(device.file_name, device.mistakes),
            "/dev/zero: is a device and not a regular file; name the configuration file\n");
}

TEST(Load, KnowsThisMachine) {
  EXPECT_FALSE(Machine::here().cpus.empty());
}

// A director with many services must start at once; and what is wrong at the end must be found.
TEST(Load, ReadsLargeFiles) {
  std::string text =
      "[director]\nname = \"a\"\n[dataplane]\nlcores = \"1\"\n[[port]]\nname = \"wan\"\n"
      "device = \"net_tap0\"\naddresses = [\"10.0.0.1/8\"]\n";
  for (int i = 0; i < 300; ++i) {
    const std::string port = std::to_string(i + 1);
    text += "[[service]]\nname = \"s" + port + "\"\naddress = \"10.1.0.1:" + port + "\"\n";
    for (int j = 0; j < 3; ++j) {
      text += "[[service.real_server]]\naddress = \"10.2.0." + std::to_string(j + 1) + ":80\"\n";
    }
  }
  EXPECT_EQ(format_mistakes("x", load_text(text, "x", kMachine).mistakes), "");
  const Loaded loaded = load_text(text + "weight = -1\n", "x", kMachine);
  ASSERT_EQ(loaded.mistakes.size(), 1u);
  EXPECT_EQ(loaded.mistakes[0].where, (Location{8 + 300 * 9 + 1, 10}));
}

}  // namespace
}  // namespace lb::config
