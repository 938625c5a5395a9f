// Users of the machine, for programs that run as one.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lb::controlplane {

struct User {
  uid_t id;
  gid_t group;
  std::vector<gid_t> groups;
};

// Nothing: there is no user of this name, and errno is 0; else errno says why nobody can tell. Any
// thread. May ask a directory service, which takes as long as it likes, unless the user was learnt.
std::optional<User> find_user(const std::string& name);

// Looks users up for the event loops, which find them from then on as they were now; not on a loop.
// Returns those that were not found.
std::set<std::string> learn_users(const std::set<std::string>& names);

}  // namespace lb::controlplane
