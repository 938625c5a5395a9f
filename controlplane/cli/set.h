// `lbcli set`: the words after it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "config/base/result.h"

namespace CLI {
class App;
}
namespace lb::api::control {
class SetCommand;
}

namespace lb::cli {

struct Options;

struct SetOptions {
  enum class Target : std::uint8_t { kRealServer, kService, kHealth };
  Target target = Target::kHealth;
  std::string service;
  std::string real_server;
  std::string what;      // "weight", "maint", "ready", "drain", "scheduler", "believe"
  std::string value;     // of weight and scheduler
  std::string deadline;  // of drain; empty: none
  bool save = false;
};

void add_set_command(CLI::App& app, Options& options);

// The request; or what is wrong with the words.
Result<api::control::SetCommand> set_request(const SetOptions& options);

}  // namespace lb::cli
