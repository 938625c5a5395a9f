// A mistake that was found in the values of a configuration; its place in the file is looked up later.
#pragma once

#include <cstdint>
#include <string>

namespace lb::config {

// Ports and routes decide much else: a VIP outside of every subnet is not worth reporting while an
// address of a port is wrong.
enum class ProblemKind : std::uint8_t {
  kOther,
  kSpoilsNetwork,
  kFollowsNetwork,
  kSpoilsTable,  // whatever else is wrong in the table follows from it, or can wait
};

struct Problem {
  // The value at fault: "service[3].real_server[1].address". Several separated by '|': the first
  // in the file.
  std::string path;
  std::string message;
  ProblemKind kind = ProblemKind::kOther;
  // Another place that it follows from: not worth reporting while anything there is wrong.
  std::string follows = {};
};

}  // namespace lb::config
