#include "controlplane/cli/options.h"

#include <gtest/gtest.h>

#include <vector>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/cli.h"

namespace lb::cli {
namespace {

std::variant<Options, Stop> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "lbcli");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

Options options(std::vector<const char*> arguments) {
  auto parsed = parse(std::move(arguments));
  if (const Stop* stop = std::get_if<Stop>(&parsed)) {
    ADD_FAILURE() << stop->text;
    return {};
  }
  return std::get<Options>(parsed);
}

// The one line of a usage error.
std::string error(std::vector<const char*> arguments) {
  auto parsed = parse(std::move(arguments));
  const Stop* const stop = std::get_if<Stop>(&parsed);
  if (stop == nullptr) return "accepted";
  EXPECT_EQ(stop->status, kUsage);
  EXPECT_EQ(stop->text.find('\n'), stop->text.size() - 1);
  return stop->text;
}

TEST(Options, AcceptEveryView) {
  EXPECT_EQ(options({"show", "service"}).command, Command::kShowService);
  EXPECT_EQ(options({"show", "conn"}).command, Command::kShowConn);
  EXPECT_EQ(options({"show", "rs"}).command, Command::kShowRs);
  EXPECT_EQ(options({"show", "port"}).command, Command::kShowPort);
  EXPECT_EQ(options({"show", "lcore"}).command, Command::kShowLcore);
  EXPECT_EQ(options({"show", "stats"}).command, Command::kShowStats);
  EXPECT_EQ(options({"show", "drops"}).command, Command::kShowDrops);
  EXPECT_EQ(options({"show", "punt"}).command, Command::kShowPunt);
  EXPECT_EQ(options({"show", "table"}).command, Command::kShowTable);
  EXPECT_EQ(options({"version"}).command, Command::kVersion);
  EXPECT_EQ(options({"check", "a.toml"}).check_file, "a.toml");
}

TEST(Options, AcceptGlobalOptionsAnywhere) {
  EXPECT_TRUE(options({"--json", "show", "rs"}).json);
  EXPECT_TRUE(options({"show", "--json", "rs"}).json);
  EXPECT_TRUE(options({"show", "rs", "--json"}).json);
  EXPECT_TRUE(options({"check", "a.toml", "--json"}).json);
  EXPECT_FALSE(options({"show", "rs"}).json);
  EXPECT_EQ(options({"show", "rs", "--run-dir", "/run/a"}).run_dir, "/run/a");
  EXPECT_EQ(options({"--config", "a.toml", "show", "rs"}).config_file, "a.toml");
}

TEST(Options, ParseSet) {
  const Options weight = options({"set", "rs", "web", "10.0.0.11:80", "weight", "3"});
  EXPECT_EQ(weight.command, Command::kSet);
  EXPECT_EQ(set_request(weight.set)->weight(), 3u);
  const Options drain = options({"set", "rs", "web", "10.0.0.11", "drain", "--deadline", "90s"});
  EXPECT_EQ(set_request(drain.set)->deadline_ms(), 90'000u);
  const Options scheduler = options({"set", "service", "web", "scheduler", "lc"});
  EXPECT_EQ(set_request(scheduler.set)->scheduler(), "lc");
  const auto mistake = [](std::vector<const char*> words) {
    const auto request = set_request(options(std::move(words)).set);
    return request ? "" : request.error().message;
  };
  EXPECT_EQ(mistake({"set", "rs", "web", "10.0.0.11", "weight"}),
            "weight needs a number from 0 to 65535");
  EXPECT_EQ(mistake({"set", "rs", "web", "10.0.0.11", "maint", "5"}),
            "maint takes no value; remove 5");
  EXPECT_EQ(mistake({"set", "rs", "web", "10.0.0.11", "ready", "--deadline", "1m"}),
            "--deadline is only for drain");
  EXPECT_EQ(mistake({"set", "rs", "web", "10.0.0.11", "explode"}),
            "unknown change explode; use one of maint, ready, drain, weight");
  EXPECT_NE(mistake({"set", "rs", "web", "", "maint"}), "");
  EXPECT_NE(mistake({"set", "rs", "", "", "believe"}), "") << "the health checks' alone";
  EXPECT_EQ(mistake({"set", "service", "web", "shceduler", "lc"}),
            "unknown change shceduler; did you mean scheduler?");
}

TEST(Options, ParseFilters) {
  const Options o = options({"show", "conn", "--service", "web", "--client", "198.51.100.0/24",
                             "--rs", "10.0.0.11:80", "--state", "time-wait", "--limit", "5"});
  EXPECT_EQ(o.conns.service, "web");
  EXPECT_EQ(o.conns.client->to_string(), "198.51.100.0/24");
  EXPECT_EQ(o.conns.real_server->to_string(), "10.0.0.11");
  EXPECT_EQ(o.conns.real_server_port, 80);
  EXPECT_EQ(o.conns.state, "TIME_WAIT");
  EXPECT_EQ(o.conns.limit, 5u);
  EXPECT_EQ(options({"show", "conn", "--client", "198.51.100.7"}).conns.client->length, 32);
  EXPECT_EQ(options({"show", "conn", "--rs", "10.0.0.11"}).conns.real_server_port, 0);
}

TEST(Options, ParseFiltersOfBothFamilies) {
  const auto conns = [](const char* option, const char* value) {
    return options({"show", "conn", option, value}).conns;
  };
  EXPECT_EQ(conns("--client", "2001:db8::7").client->to_string(), "2001:db8::7/128");
  EXPECT_EQ(conns("--client", "2001:db8::/32").client->to_string(), "2001:db8::/32");
  EXPECT_EQ(conns("--rs", "2001:db8::11").real_server->to_string(), "2001:db8::11");
  EXPECT_EQ(conns("--rs", "2001:db8::11").real_server_port, 0);
  EXPECT_EQ(conns("--rs", "[2001:db8::11]").real_server->to_string(), "2001:db8::11");
  EXPECT_EQ(conns("--rs", "[2001:db8::11]:80").real_server_port, 80);
}

TEST(Options, ParseRates) {
  const Options o = options({"show", "stats", "--rate", "--interval", "250ms", "--count", "3"});
  EXPECT_TRUE(o.rate);
  EXPECT_EQ(o.interval.count(), 250);
  EXPECT_EQ(o.count, 3u);
  EXPECT_EQ(options({"show", "stats", "--rate"}).interval.count(), 1000);
  EXPECT_TRUE(options({"show", "lcore", "--rate", "--count", "1"}).rate);
}

TEST(Options, ParseFiltersOfPersistence) {
  const Options shown = options({"show", "persistence", "--service", "web", "--group", "shop",
                                 "--client", "198.51.100.0/24"});
  EXPECT_EQ(shown.command, Command::kShowPersistence);
  EXPECT_EQ(shown.persistence.service, "web");
  EXPECT_EQ(shown.persistence.group, "shop");
  EXPECT_EQ(shown.persistence.client->to_string(), "198.51.100.0/24");
  const Options flushed = options({"flush", "persistence", "--client", "198.51.100.7"});
  EXPECT_EQ(flushed.command, Command::kFlushPersistence);
  EXPECT_EQ(flushed.persistence.client->length, 32);
}

TEST(Options, ParseFiltersOfFlush) {
  const Options some = options({"flush", "conn", "--rs", "10.0.0.11:80", "--state", "established"});
  EXPECT_EQ(some.command, Command::kFlushConn);
  EXPECT_EQ(some.conns.real_server_port, 80);
  EXPECT_EQ(some.conns.state, "ESTABLISHED");
  EXPECT_FALSE(some.all);
  EXPECT_TRUE(options({"flush", "conn", "--all"}).all);
}

TEST(Options, ExplainMistakes) {
  EXPECT_EQ(error({}),
            "lbcli: missing command: show, flush, set, ha, alert, check, import, reload, diff, "
            "commit, confirm, rollback, version (see lbcli --help)\n");
  EXPECT_EQ(error({"--run-dir", "/r", "shwo"}),
            "lbcli: unknown command shwo; did you mean show? (see lbcli --help)\n");
  EXPECT_EQ(error({"show", "servcie"}),
            "lbcli: unknown view servcie; did you mean service? (see lbcli --help)\n");
  EXPECT_EQ(
      error({"show", "vrrp"}),
      "lbcli: unknown view vrrp; use one of service, conn, persistence, rs, check, port, lcore, "
      "stats, drops, punt, table, ha, sync, alert, changes "
      "(see lbcli --help)\n");
  EXPECT_NE(error({"show"}).find("show: missing argument: service, conn"), std::string::npos);
  EXPECT_NE(error({"show", "conn", "--client", "10.0.0"}).find("--client 10.0.0: write an address"),
            std::string::npos);
  EXPECT_NE(
      error({"show", "conn", "--rs", "10.0.0.1:0"}).find("--rs: \"10.0.0.1:0\" has a bad port"),
      std::string::npos);
  EXPECT_NE(error({"show", "conn", "--limit", "-1"}).find("--limit"), std::string::npos);
  EXPECT_NE(error({"show", "conn", "--limit", "0"}).find("--limit"), std::string::npos);
  EXPECT_NE(error({"show", "stats", "--interval", "1s"}).find("--rate"), std::string::npos);
  EXPECT_NE(error({"show", "stats", "--rate", "--interval", "1"}).find("not a duration"),
            std::string::npos);
  EXPECT_NE(error({"show", "stats", "--rate", "--interval", "2h"}).find("100ms to 1h"),
            std::string::npos);
  EXPECT_NE(error({"show", "rs", "--service", "web"}).find("--service"), std::string::npos);
  EXPECT_NE(error({"show", "rs", "extra"}).find("extra"), std::string::npos);
  EXPECT_EQ(error({"flush"}),
            "lbcli: flush: missing argument: conn, persistence (see lbcli --help)\n");
  EXPECT_NE(error({"flush", "conn"}).find("or --all"), std::string::npos);
  EXPECT_NE(error({"flush", "conn", "--all", "--state", "udp"}).find("exclude each other"),
            std::string::npos);
  EXPECT_NE(error({"flush", "conn", "--limit", "1"}).find("--limit"), std::string::npos);
  EXPECT_NE(error({"flush", "persistance"}).find("did you mean persistence?"), std::string::npos);
  EXPECT_EQ(error({"check"}),
            "lbcli: check: missing argument FILE; write lbcli check FILE (see lbcli --help)\n");
  EXPECT_EQ(error({"set", "rs", "web"}),
            "lbcli: set rs: missing argument ADDRESS[:PORT]; write lbcli set rs NAME "
            "ADDRESS[:PORT] maint|ready|drain|weight [N] (see lbcli --help)\n");
  EXPECT_EQ(error({"set"}),
            "lbcli: set: missing argument: rs, service, health (see lbcli --help)\n");
  EXPECT_EQ(error({"set", "sevrice"}),
            "lbcli: unknown command of set sevrice; did you mean service? (see lbcli --help)\n");
  EXPECT_EQ(error({"alert", "now"}),
            "lbcli: unknown command of alert now; use test (see lbcli --help)\n");
  EXPECT_NE(error({"--run-dir"}).find("--run-dir"), std::string::npos);
  EXPECT_NE(error({"--run-dir", "a", "--config", "b", "version"}).find("excludes"),
            std::string::npos);
}

TEST(ShowAlert, IsParsed) {
  const char* const show[] = {"lbcli", "show", "alert", "--json"};
  EXPECT_EQ(std::get<Options>(parse_options(4, show)).command, Command::kShowAlert);
  const char* const test[] = {"lbcli", "alert", "test"};
  EXPECT_EQ(std::get<Options>(parse_options(3, test)).command, Command::kAlertTest);
}

TEST(Options, TreatHelpAsSuccess) {
  const auto parsed = parse({"show", "conn", "--help"});
  ASSERT_TRUE(std::holds_alternative<Stop>(parsed));
  EXPECT_EQ(std::get<Stop>(parsed).status, kOk);
  EXPECT_NE(std::get<Stop>(parsed).text.find("--client"), std::string::npos);
}

}  // namespace
}  // namespace lb::cli
