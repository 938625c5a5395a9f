// Users of the machine, for programs that run as one.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace lb::controlplane {

struct User {
  uid_t id;
  gid_t group;
  std::vector<gid_t> groups;
};

// Nothing: there is no user of this name, and errno is 0; else errno says why nobody can tell.
std::optional<User> find_user(const std::string& name);

}  // namespace lb::controlplane
