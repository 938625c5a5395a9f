// The command line, checked.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/base/address.h"
#include "config/base/result.h"
#include "controlplane/cli/set.h"

namespace lb::cli {

enum class Command : std::uint8_t {
  kShowService,
  kShowConn,
  kShowPersistence,
  kShowRs,
  kShowCheck,
  kShowPort,
  kShowLcore,
  kShowStats,
  kShowDrops,
  kShowPunt,
  kShowTable,
  kShowHa,
  kShowSync,
  kFlushConn,
  kFlushPersistence,
  kSet,
  kHaSwitchover,
  kHaResign,
  kHaFreeze,
  kHaThaw,
  kHaRetry,
  kHaConfirm,
  kShowAlert,
  kAlertTest,
  kCheck,
  kImport,
  kShowChanges,
  kReload,
  kDiff,
  kCommit,
  kConfirm,
  kRollback,
  kVersion,
};

struct ConnFilter {
  std::string service;  // empty: any
  std::optional<Prefix> client;
  std::optional<Address> real_server;
  std::uint16_t real_server_port = 0;  // 0: any
  std::string state;                   // capitals; empty: any
  std::uint64_t limit = 0;             // 0: all
};

struct PersistenceFilter {
  std::string service;  // empty: any
  std::string group;    // empty: any
  std::optional<Prefix> client;
};

struct ImportChoices {
  std::string format;
  std::vector<std::string> files;
  std::string output;  // empty: stdout
  bool strict = false;
  // As they are written; config/import/options.h reads them.
  std::vector<std::string> ports;
  std::vector<std::string> devices;
  std::vector<std::string> addresses;
  std::vector<std::string> peer_addresses;
};

struct Options {
  Command command = Command::kVersion;
  std::string config_file;  // empty: not given
  std::string run_dir;      // empty: not given
  bool json = false;
  bool rate = false;
  std::chrono::milliseconds interval{1000};
  std::uint64_t count = 0;  // of samples; 0: without end
  ConnFilter conns;
  PersistenceFilter persistence;
  bool all = false;  // `flush conn` without a filter
  std::string check_file;
  bool no_host = false;  // `check` of the text alone
  ImportChoices import;
  SetOptions set;
  std::string change_file;               // of `diff` and `commit`
  std::chrono::milliseconds confirm{0};  // of `commit`; 0: kept at once
  std::string group;                     // of `ha`; empty: all
};

// "10.0.0.11:80", or the address alone: port 0.
Result<Endpoint> parse_real_server(const std::string& text);

// Nothing to run: help (for stdout, status 0) or what is wrong with the arguments (one line).
struct Stop {
  int status = 0;
  std::string text;
};

// A command as it is typed, "show conn", with the names of its own options and arguments.
struct CommandHelp {
  std::string name;
  std::vector<std::string> options;  // "--client", "FILE"
};
// All that there are, for the test that compares them with the documents.
std::vector<CommandHelp> all_commands();

std::variant<Options, Stop> parse_options(int argc, const char* const* argv);

}  // namespace lb::cli
