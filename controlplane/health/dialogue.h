// What a check sends on a connection, and how it evaluates the answers: one class per protocol, all
// without sockets. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/base/result.h"
#include "controlplane/health/patterns.h"
#include "controlplane/health/request.h"
#include "controlplane/service/agent_report.h"

namespace lb::health {

struct Move {
  enum class Kind : std::uint8_t { kWait, kSend, kGood, kBad };
  Kind kind = Kind::kWait;
  std::string text;  // kSend: what; kGood: the result's code, "L7OK/250"; kBad: the whole result
  std::string farewell;              // kGood: what is sent before the connection is closed
  std::optional<AgentReport> agent;  // with kBad: empty, as no word was known
  std::optional<std::uint16_t> weight;
};

class Dialogue {
 public:
  virtual ~Dialogue() = default;
  // What to do next. `received`: bytes that are not parsed yet; parsed ones are removed from it.
  // Called first when the connection is open, then after each kSend, and after kWait when more
  // bytes arrived.
  virtual Move next(std::string& received) = 0;
  // What `received` means, of which next() wants more, when the server has closed the connection in
  // order. kWait: nothing.
  virtual Move at_close(std::string_view /*received*/) { return {}; }
};

// The first line of a password_file.
Result<std::string> read_password(const std::string& path);

// Fails when a file that it needs cannot be read.
Result<std::unique_ptr<Dialogue>> make_dialogue(const Request& request, Patterns& patterns);

// An answer as part of a result: one line of printable characters, not too long.
std::string shown(std::string_view answer);

}  // namespace lb::health
