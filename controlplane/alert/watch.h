// What is a transition: of a server, and of the service that it belongs to. Pure.
//
// A service is down when none of its servers is up, and all of them are known to be down; it is up
// as soon as one is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/model.h"

namespace lb::controlplane::alert {

class Watch {
 public:
  struct Change {
    bool server = false;          // it has another state now than it was said to have
    std::optional<bool> service;  // the service has: up or not
    std::size_t up = 0;           // servers of the service
    std::size_t all = 0;
  };

  // Those that are watched from now on; what is known of those that stay is kept.
  void set_services(const std::vector<config::Service>& services);
  // What is so without having become so: no transition.
  void know(const std::string& service, const std::string& server, bool up);
  Change see(const std::string& service, const std::string& server, bool up);

 private:
  struct Service {
    std::map<std::string, std::optional<bool>> servers;
    std::optional<bool> up;
  };
  static std::optional<bool> judge(const Service& service);

  std::map<std::string, Service> services_;
};

}  // namespace lb::controlplane::alert
