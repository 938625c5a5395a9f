// Detects transitions of a server and of its service. What was reported last is kept in the
// inventory. Pure.
//
// A service is down when none of its servers is up, and all of them are known to be down; it is up
// as soon as one is.
#pragma once

#include <cstddef>
#include <optional>

#include "controlplane/service/inventory.h"

namespace lb::controlplane::alert {

struct Transition {
  bool server = false;          // its state differs from the reported one
  std::optional<bool> service;  // new state of the service; nullopt: no transition
  std::size_t up = 0;           // servers of the service
  std::size_t all = 0;
};

// Call it after Inventory::adopt(): other servers of a service are no transition.
void count_reported(Inventory& inventory);
// A state at the start: no transition.
void set_initial(RealServer& server, bool up);
Transition observe(RealServer& server, bool up);

}  // namespace lb::controlplane::alert
