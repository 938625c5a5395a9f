#include "controlplane/alert/watch.h"

#include <utility>

namespace lb::controlplane::alert {
namespace {

std::optional<bool> evaluate(const Service& service) {
  if (service.servers_up > 0) return true;
  if (service.servers_down == service.servers.size()) return false;
  return service.told_up;  // not known yet
}

// True: that is another state than was told.
bool tell(RealServer& server, bool up) {
  if (server.told_up == up) return false;
  Service& service = *server.service;
  if (server.told_up) --(*server.told_up ? service.servers_up : service.servers_down);
  ++(up ? service.servers_up : service.servers_down);
  server.told_up = up;
  return true;
}

}  // namespace

void count_told(Inventory& inventory) {
  for (Service& service : inventory.services()) {
    service.servers_up = service.servers_down = 0;
    for (const RealServer& server : service.servers) {
      if (server.told_up) ++(*server.told_up ? service.servers_up : service.servers_down);
    }
  }
}

void know(RealServer& server, bool up) {
  tell(server, up);
  server.service->told_up = evaluate(*server.service);
}

Transition see(RealServer& server, bool up) {
  Service& service = *server.service;
  Transition transition;
  transition.server = tell(server, up);
  const std::optional<bool> now = evaluate(service);
  if (std::exchange(service.told_up, now) != now) transition.service = now;
  transition.all = service.servers.size();
  transition.up = service.servers_up;
  return transition;
}

}  // namespace lb::controlplane::alert
