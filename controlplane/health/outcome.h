// The result of one check; docs/health.md lists the texts.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/service/agent_report.h"

namespace lb::health {

enum class Verdict : std::uint8_t {
  kGood,
  kBad,
  kInconclusive,  // the director could not check (no descriptor, no port): counts neither way
};

struct Outcome {
  Verdict verdict = Verdict::kInconclusive;
  std::string text;
  std::optional<AgentReport> agent = {};     // an agent's answer; empty: no word was known
  std::optional<std::uint16_t> weight = {};  // from a script with dynamic_weight
};

// "L4OK in 1ms"
Outcome good(std::string_view code, std::chrono::steady_clock::duration took);
// "L7RSP invalid HTTP response"
Outcome bad(std::string_view code, std::string_view reason);
// "L4TOUT after 1000ms"
Outcome timed_out(std::string_view code, std::chrono::milliseconds timeout);
// The errno of a failed system call on the way to the server: bad under `code`, or inconclusive
// ("SOCKERR too many open files") when the director itself ran out of something.
Outcome socket_failure(std::string_view code, int error);

// "L7OK/200 in 2ms" or "L7STS/503 in 3ms"
Outcome http_status(unsigned status, bool expected, std::chrono::steady_clock::duration took);

// The system's text for an errno, in lower case: "no route to host".
std::string error_text(int error);

}  // namespace lb::health
