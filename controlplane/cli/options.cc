#include "controlplane/cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <span>
#include <sstream>
#include <string_view>
#include <vector>

#include "config/base/nearest.h"
#include "config/duration.h"
#include "config/import/importer.h"
#include "controlplane/cli/cli.h"

namespace lb::cli {
namespace {

struct View {
  std::string_view name;
  Command command;
  const char* help;
};

constexpr auto kViews = std::to_array<View>({
    {"service", Command::kShowService, "services and their real servers, as ipvsadm -Ln"},
    {"conn", Command::kShowConn, "connections, as ipvsadm -Lnc"},
    {"persistence", Command::kShowPersistence, "clients that are bound to a real server"},
    {"rs", Command::kShowRs, "real servers with their health"},
    {"check", Command::kShowCheck, "health checks: results, when they run next, share of time up"},
    {"port", Command::kShowPort, "ports with link and counters"},
    {"lcore", Command::kShowLcore, "workers: their load since the start, or rates"},
    {"stats", Command::kShowStats, "counters since the start, or rates"},
    {"drops", Command::kShowDrops, "dropped packets by reason"},
    {"punt", Command::kShowPunt, "packets for the kernel by port and class"},
    {"table", Command::kShowTable,
     "the connection table by service, and what ended for want of room"},
    {"ha", Command::kShowHa, "who is master, since when and why; the peer; transitions"},
    {"sync", Command::kShowSync, "the sync link and the two connection tables"},
    {"alert", Command::kShowAlert, "alerts: their queues and errors"},
    {"changes", Command::kShowChanges, "what runs and is not in the configuration file"},
});

constexpr auto kFlushCommands = std::to_array<View>({
    {"conn", Command::kFlushConn, "end connections; TCP clients are reset"},
    {"persistence", Command::kFlushPersistence, "remove bindings of clients to real servers"},
});

constexpr auto kHaCommands = std::to_array<View>({
    {"switchover", Command::kHaSwitchover, "planned: the peer takes over with all connections"},
    {"resign", Command::kHaResign, "resign at once, even if the peer lacks connections"},
    {"freeze", Command::kHaFreeze, "no transitions until thaw"},
    {"thaw", Command::kHaThaw, "end of freeze"},
    {"retry", Command::kHaRetry, "start resources that failed again"},
    {"confirm", Command::kHaConfirm, "the peer runs no resource: start those that wait for it"},
});

constexpr std::uint64_t kMostRows = 1'000'000'000;

std::string join(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

// Values that are parsed after CLI11.
struct Raw {
  std::string client;
  std::string real_server;
  std::string interval;
  std::string confirm;
};

Result<void> understand(const Raw& raw, Options& options) {
  if (!raw.client.empty()) {
    const bool has_length = raw.client.find('/') != std::string::npos;
    const bool is_ipv6 = raw.client.find(':') != std::string::npos;
    auto prefix = Prefix::parse(has_length ? raw.client : raw.client + (is_ipv6 ? "/128" : "/32"));
    if (!prefix) {
      return fail(fmt::format("--client {}: write an address or a network, as 198.51.100.0/24",
                              raw.client));
    }
    options.conns.client = options.persistence.client = *prefix;
  }
  if (!raw.real_server.empty()) {
    const auto server = parse_real_server(raw.real_server);
    if (!server) return fail("--rs: " + server.error().message);
    options.conns.real_server = server->address;
    options.conns.real_server_port = server->port;
  }
  if (!raw.interval.empty()) {
    auto interval = config::parse_duration(raw.interval);
    if (!interval) return fail("--interval: " + interval.error().message);
    if (*interval < std::chrono::milliseconds(100) || *interval > std::chrono::hours(1)) {
      return fail(fmt::format("--interval {} is out of range; write a duration from 100ms to 1h",
                              raw.interval));
    }
    options.interval = *interval;
  }
  const ConnFilter& conns = options.conns;
  const bool filtered =
      !conns.service.empty() || conns.client || conns.real_server || !conns.state.empty();
  if (options.command == Command::kFlushConn && filtered == options.all) {
    return fail(filtered ? "flush conn: --all and filters exclude each other"
                         : "flush conn: choose connections with --service, --client, --rs or "
                           "--state, or --all");
  }
  if (!raw.confirm.empty()) {
    auto confirm = config::parse_duration(raw.confirm);
    if (!confirm) return fail("--confirm: " + confirm.error().message);
    if (*confirm < std::chrono::seconds(1) || *confirm > std::chrono::hours(24)) {
      return fail(fmt::format("--confirm {} is out of range; write a duration from 1s to 24h",
                              raw.confirm));
    }
    options.confirm = *confirm;
  }
  std::string& state = options.conns.state;
  std::transform(state.begin(), state.end(), state.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == '-' ? '_' : c;
  });
  return {};
}

void add_conn_options(CLI::App& conn, Options& options, Raw& raw, bool with_limit) {
  conn.add_option("--service", options.conns.service, "only those of this service")
      ->type_name("NAME");
  conn.add_option("--client", raw.client, "only those from this address or network")
      ->type_name("ADDRESS[/LENGTH]");
  conn.add_option("--rs", raw.real_server, "only those to this real server")
      ->type_name("ADDRESS[:PORT]");
  conn.add_option("--state", options.conns.state, "only those in this state, as ESTABLISHED")
      ->type_name("STATE");
  if (!with_limit) return;
  conn.add_option("--limit", options.conns.limit, "stop after N")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, kMostRows));
}

void add_persistence_options(CLI::App& command, Options& options, Raw& raw) {
  command.add_option("--service", options.persistence.service, "only those of this service")
      ->type_name("NAME");
  command.add_option("--group", options.persistence.group, "only those of this group of services")
      ->type_name("NAME");
  command.add_option("--client", raw.client, "only those of this address or network")
      ->type_name("ADDRESS[/LENGTH]");
}

void add_rate_options(CLI::App& view, Options& options, Raw& raw) {
  CLI::Option* const rate =
      view.add_flag("--rate", options.rate, "live rates, until interrupted or --count is reached");
  view.add_option("--interval", raw.interval, "time between two samples, default 1s")
      ->type_name("DURATION")
      ->needs(rate);
  view.add_option("--count", options.count, "stop after N samples")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, kMostRows))
      ->needs(rate);
}

void add_change_commands(CLI::App& app, Options& options, Raw& raw) {
  const auto add = [&](const char* name, Command command, const char* help) {
    CLI::App* const made = app.add_subcommand(name, help)->fallthrough();
    made->callback([&options, command] { options.command = command; });
    return made;
  };
  const auto add_file = [&options](CLI::App* command) {
    command->add_option("file", options.change_file, "the file")->required()->type_name("FILE");
  };
  add("reload", Command::kReload, "apply the changed configuration file");
  add_file(add("diff", Command::kDiff, "what a configuration file would change"));
  CLI::App* const commit =
      add("commit", Command::kCommit, "apply another file and make it the configuration");
  add_file(commit);
  commit
      ->add_option("--confirm", raw.confirm,
                   "roll back unless `lbcli confirm` comes within this time")
      ->type_name("DURATION");
  add("confirm", Command::kConfirm, "keep what was committed with --confirm");
  add("rollback", Command::kRollback, "go back to what was before the last change");
}

void add_import_command(CLI::App& app, Options& options) {
  CLI::App* const command =
      app.add_subcommand("import", "make a configuration of another load balancer's files")
          ->fallthrough();
  ImportChoices& chosen = options.import;
  std::string formats;
  for (const auto& [name, format] : kEnumNames<importer::Format>)
    formats += fmt::format("{}{}", formats.empty() ? "" : ", ", name);
  command->add_option("format", chosen.format, "what the files are of: " + formats)
      ->required()
      ->type_name("FORMAT");
  command->add_option("files", chosen.files, "its files, or folders with them")
      ->required()
      ->type_name("FILE...");
  command
      ->add_option("-o,--output", chosen.output, "where the configuration goes, instead of stdout")
      ->type_name("FILE");
  command->add_flag("--strict", chosen.strict,
                    "write nothing and fail if there is any note but an info");
  const auto add = [&](const char* name, std::vector<std::string>& values, const char* type,
                       const char* help) {
    command->add_option(name, values, help)->type_name(type)->allow_extra_args(false);
  };
  add("--ports", chosen.ports, "PORT=INTERFACE,...", "names of ports for the interfaces there");
  add("--device", chosen.devices, "PORT=DEVICE", "a port's device, as wan=0000:03:00.0");
  add("--address", chosen.addresses, "PORT=ADDRESS/LENGTH", "a port's own address");
  add("--peer-address", chosen.peer_addresses, "PORT=ADDRESS/LENGTH",
      "of a pair, that of the second director");
  command->callback([&options] { options.command = Command::kImport; });
}

void add_commands(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--config", options.config_file,
                 "configuration file that names the run_dir; may contain errors")
      ->type_name("FILE");
  app.add_option("--run-dir", options.run_dir, "folder of the daemons' sockets")
      ->type_name("DIR")
      ->excludes("--config");
  app.add_flag("--json", options.json, "print JSON");
  app.set_version_flag("--version", "lbcli " LB_RELEASE, "the release of lbcli");
  app.fallthrough();
  app.require_subcommand(1);

  CLI::App* const show = app.add_subcommand("show", "show the state of the director");
  show->require_subcommand(1)->fallthrough();
  for (const View& view : kViews) {
    CLI::App* const command =
        show->add_subcommand(std::string(view.name), view.help)->fallthrough();
    command->callback([&options, &view] { options.command = view.command; });
    if (view.command == Command::kShowConn) add_conn_options(*command, options, raw, true);
    if (view.command == Command::kShowPersistence) add_persistence_options(*command, options, raw);
    if (view.command == Command::kShowStats || view.command == Command::kShowLcore) {
      add_rate_options(*command, options, raw);
    }
  }

  CLI::App* const flush =
      app.add_subcommand("flush", "end connections, remove bindings of clients");
  flush->require_subcommand(1)->fallthrough();
  for (const View& each : kFlushCommands) {
    CLI::App* const command =
        flush->add_subcommand(std::string(each.name), each.help)->fallthrough();
    command->callback([&options, &each] { options.command = each.command; });
    if (each.command == Command::kFlushPersistence) {
      add_persistence_options(*command, options, raw);
    } else {
      add_conn_options(*command, options, raw, false);
      command->add_flag("--all", options.all, "all connections, instead of a filter");
    }
  }
  add_set_command(app, options);

  CLI::App* const ha = app.add_subcommand("ha", "change who is master");
  ha->require_subcommand(1)->fallthrough();
  for (const View& each : kHaCommands) {
    CLI::App* const command = ha->add_subcommand(std::string(each.name), each.help)->fallthrough();
    command->callback([&options, &each] { options.command = each.command; });
    command->add_option("--group", options.group, "sync group, or instance without one; else all")
        ->type_name("NAME");
  }

  CLI::App* const alert = app.add_subcommand("alert", "alerts of transitions");
  alert->require_subcommand(1)->fallthrough();
  alert->add_subcommand("test", "send a test event by script and by mail")
      ->fallthrough()
      ->callback([&options] { options.command = Command::kAlertTest; });

  CLI::App* const check = app.add_subcommand("check", "check a configuration file")->fallthrough();
  check->add_option("file", options.check_file, "the file")->required()->type_name("FILE");
  check->add_flag("--no-host", options.no_host,
                  "the text alone, not the files, users and devices of this machine");
  check->callback([&options] { options.command = Command::kCheck; });

  add_import_command(app, options);
  add_change_commands(app, options, raw);
  app.add_subcommand("version", "releases of lbcli and the daemons")
      ->fallthrough()
      ->callback([&options] { options.command = Command::kVersion; });
}

// The first argument that is neither an option nor an option's value, from `at` on.
int next_word(int argc, const char* const* argv, int at) {
  for (; at < argc; ++at) {
    const std::string_view argument = argv[at];
    if (argument == "--config" || argument == "--run-dir" || argument == "--group") {
      ++at;
    } else if (!argument.starts_with('-')) {
      return at;
    }
  }
  return argc;
}

// "set rs NAME ADDRESS[:PORT] maint|ready|drain|weight [N]"
std::string usage_of(const CLI::App& command, const std::string& path) {
  std::string text = path;
  for (const CLI::Option* const option : command.get_options()) {
    if (!option->get_positional()) continue;
    const std::string name = option->get_type_name();
    text += option->get_required() ? ' ' + name : " [" + name + ']';
  }
  return text;
}

// A clearer error than CLI11's for a missing or misspelt command or argument; empty: no such error.
std::string explain_command(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* command = &app;
  std::string path;
  for (int at = 1;; ++at) {
    const auto below = command->get_subcommands([](const CLI::App*) { return true; });
    if (below.empty()) break;
    std::vector<std::string> names;
    for (const CLI::App* const each : below) names.push_back(each->get_name());
    const std::vector<std::string_view> known(names.begin(), names.end());
    at = next_word(argc, argv, at);
    if (at >= argc) {
      return path.empty() ? fmt::format("missing command: {}", join(known))
                          : fmt::format("{}: missing argument: {}", path, join(known));
    }
    const auto found = std::find(names.begin(), names.end(), argv[at]);
    if (found == names.end()) {
      return unknown_name(path.empty()     ? "command"
                          : path == "show" ? "view"
                                           : "command of " + path,
                          argv[at], known);
    }
    command = below[static_cast<std::size_t>(found - names.begin())];
    path += (path.empty() ? "" : " ") + *found;
  }
  for (const CLI::Option* const option : command->get_options()) {
    if (!option->get_positional() || !option->get_required() || option->count() > 0) continue;
    return fmt::format("{}: missing argument {}; write lbcli {}", path, option->get_type_name(),
                       usage_of(*command, path));
  }
  return {};
}

void collect_commands(CLI::App& app, const std::string& prefix, std::vector<CommandHelp>& out) {
  const auto below = app.get_subcommands([](CLI::App*) { return true; });
  for (CLI::App* const each : below) collect_commands(*each, prefix + each->get_name() + ' ', out);
  if (!below.empty()) return;
  CommandHelp help{prefix.substr(0, prefix.size() - 1), {}};
  for (const CLI::Option* const option : app.get_options()) {
    if (option == app.get_help_ptr()) continue;
    help.options.push_back(option->get_lnames().empty() ? option->get_type_name()
                                                        : "--" + option->get_lnames().front());
  }
  out.push_back(std::move(help));
}

Stop usage_error(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return Stop{kUsage, fmt::format("lbcli: {} (see lbcli --help)\n", text)};
}

}  // namespace

std::vector<CommandHelp> all_commands() {
  Options options;
  Raw raw;
  CLI::App app;
  add_commands(app, options, raw);
  std::vector<CommandHelp> out;
  collect_commands(app, "", out);
  return out;
}

Result<Endpoint> parse_real_server(const std::string& text) {
  if (const auto address = Address::parse(text)) return Endpoint(*address, 0);
  return Endpoint::parse_port_optional(text);
}

std::variant<Options, Stop> parse_options(int argc, const char* const* argv) {
  Options options;
  Raw raw;
  CLI::App app("Shows and controls a Ballast director.", "lbcli");
  add_commands(app, options, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream ignored;
    if (app.exit(error, out, ignored) == 0) return Stop{kOk, out.str()};
    const bool about_commands =
        error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) ||
        error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
    const std::string better = about_commands ? explain_command(app, argc, argv) : std::string();
    return usage_error(better.empty() ? error.what() : better);
  }
  if (auto understood = understand(raw, options); !understood) {
    return usage_error(understood.error().message);
  }
  return options;
}

}  // namespace lb::cli
