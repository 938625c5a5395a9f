// Operators' changes at run time. Plain values; a change that equals the file is not kept.
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
  kMaint,  // as if its check failed
  kDrain,  // no new connections; existing ones continue, until the deadline if there is one
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
  // What is in force after the file is read again. Only what is changed in `in_force` too, perhaps
  // to another value.
  Override saved;

  bool any() const { return in_force != Override{}; }
  bool operator==(const Changes&) const = default;
};

// A change that ends when another configuration replaces the one in force.
struct EndedChange {
  std::string place;  // "service web: real server 10.0.0.11:80"
  std::string from;   // "maint", "weight 7"
  std::string to;     // "ready", "1"; "removed": with the server
  // "service web: real server 10.0.0.11:80: maint -> ready, end of lbcli set"
  std::string text() const;
  // When the configuration before is restored, with what operators had changed.
  std::string restored_text() const;
};
// Those that are not saved, or whose service or server `next` lacks. Not those that `next` has
// itself.
std::vector<EndedChange> ended_by(const Inventory& inventory, const config::Config& next);

// A line for each change, as `lbcli show changes` prints them.
std::vector<std::string> describe(const Inventory& inventory,
                                  std::chrono::steady_clock::time_point now);

// Drops changes that equal the file or do not fit it, and saved changes that are no longer in force:
// undoing a change also removes its saved copy.
void prune(Service& service);
void prune(RealServer& server);

// The service or one of its servers.
bool changed_by_operators(const Service& service);

// Back to the file, and to what was saved.
void undo_unsaved(Inventory& inventory);

}  // namespace lb::controlplane
