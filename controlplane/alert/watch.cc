#include "controlplane/alert/watch.h"

#include <utility>

namespace lb::controlplane::alert {
namespace {

std::optional<bool> evaluate(const Service& service) {
  if (service.servers_up > 0) return true;
  if (service.servers_down == service.servers.size()) return false;
  return service.reported_up;  // not known yet
}

// True: the state differs from the reported one.
bool report(RealServer& server, bool up) {
  if (server.reported_up == up) return false;
  Service& service = *server.service;
  if (server.reported_up) --(*server.reported_up ? service.servers_up : service.servers_down);
  ++(up ? service.servers_up : service.servers_down);
  server.reported_up = up;
  return true;
}

}  // namespace

void count_reported(Inventory& inventory) {
  for (Service& service : inventory.services()) {
    service.servers_up = service.servers_down = 0;
    for (const RealServer& server : service.servers) {
      if (server.reported_up) ++(*server.reported_up ? service.servers_up : service.servers_down);
    }
  }
}

void set_initial(RealServer& server, bool up) {
  report(server, up);
  server.service->reported_up = evaluate(*server.service);
}

Transition observe(RealServer& server, bool up) {
  Service& service = *server.service;
  Transition transition;
  transition.server = report(server, up);
  const std::optional<bool> now = evaluate(service);
  if (std::exchange(service.reported_up, now) != now) transition.service = now;
  transition.all = service.servers.size();
  transition.up = service.servers_up;
  return transition;
}

}  // namespace lb::controlplane::alert
