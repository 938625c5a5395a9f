// What is a transition: of a server, and of the service that it belongs to. What was told last is
// kept in the inventory. Pure.
//
// A service is down when none of its servers is up, and all of them are known to be down; it is up
// as soon as one is.
#pragma once

#include <cstddef>
#include <optional>

#include "controlplane/service/inventory.h"

namespace lb::controlplane::alert {

struct Transition {
  bool server = false;          // it has another state now than it was said to have
  std::optional<bool> service;  // the service has: up or not
  std::size_t up = 0;           // servers of the service
  std::size_t all = 0;
};

// After Inventory::adopt(): services may have got other servers, and that is no transition.
void count_reported(Inventory& inventory);
// What is so without having become so: no transition.
void set_initial(RealServer& server, bool up);
Transition observe(RealServer& server, bool up);

}  // namespace lb::controlplane::alert
