// What operators changed at run time. Plain values; every change differs from the file, or is not
// there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/model.h"

namespace lb::controlplane {

class Inventory;
struct RealServer;
struct Service;

enum class AdminState : std::uint8_t {
  kReady,
  kMaint,  // as if its check had taken it down
  kDrain,  // no new connections; those that it has go on, until the deadline if there is one
};

struct ServerOverride {
  AdminState admin_state = AdminState::kReady;
  std::optional<std::chrono::steady_clock::time_point> deadline;  // of kDrain
  std::optional<std::uint16_t> weight;

  bool operator==(const ServerOverride&) const = default;
};

struct ServiceOverride {
  std::optional<Scheduler> scheduler;

  bool operator==(const ServiceOverride&) const = default;
};

template <typename Override>
struct Changes {
  Override in_force;
  // What comes back into force when the file is read again. Nothing here that is not changed in
  // `in_force` as well, if perhaps to another value.
  Override saved;

  bool any() const { return in_force != Override{}; }
  bool operator==(const Changes&) const = default;
};

// A line for each change, as `lbcli show changes` prints them.
std::vector<std::string> describe(const Inventory& inventory,
                                  std::chrono::steady_clock::time_point now);

// Drops what does not differ from the file; and, of what is saved, what is not changed any more:
// whoever undoes a change undoes it for good.
void prune(Service& service);
void prune(RealServer& server);

// Of the service or of one of its servers.
bool changed_by_operators(const Service& service);

// Back to the file, and to what was saved. Whether that changed anything.
bool undo_unsaved(Inventory& inventory);

}  // namespace lb::controlplane
