// What operators changed at run time. Plain values; every change differs from the file, or is not
// there.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/base/net.h"
#include "config/model.h"

namespace lb::controlplane {

enum class Duty : std::uint8_t {
  kReady,
  kMaint,  // as if its check had taken it down
  kDrain,  // no new connections; those that it has go on, until the deadline if there is one
};

struct ServerOverride {
  Duty duty = Duty::kReady;
  std::optional<std::chrono::steady_clock::time_point> deadline;  // of kDrain
  std::optional<std::uint16_t> weight;

  bool operator==(const ServerOverride&) const = default;
};

struct ServiceOverride {
  std::optional<Scheduler> scheduler;
  std::map<Ipv4Endpoint, ServerOverride> servers;

  bool operator==(const ServiceOverride&) const = default;
};

using Overrides = std::map<std::string, ServiceOverride>;  // by the service's name

struct Changes {
  Overrides in_force;
  // What comes back into force when the file is read again. Nothing here that is not changed in
  // `in_force` as well, if perhaps to another value.
  Overrides saved;

  bool operator==(const Changes&) const = default;
};

// A line for each change, as `lbcli show changes` prints them.
std::vector<std::string> describe(const Changes& changes,
                                  const std::vector<config::Service>& services,
                                  std::chrono::steady_clock::time_point now);

// Of what is saved, drops what is not changed any more: whoever undoes a change undoes it for good.
void forget_undone(Changes& changes);

// Drops what concerns no configured service or server, or does not differ from the file.
void prune(Overrides& overrides, const std::vector<config::Service>& services);

}  // namespace lb::controlplane
