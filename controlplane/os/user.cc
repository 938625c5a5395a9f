#include "controlplane/os/user.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>

namespace lb::controlplane {

std::optional<User> find_user(const std::string& name) {
  errno = 0;
  const passwd* const found = getpwnam(name.c_str());
  if (found == nullptr) {
    // Two of several ways in which a source of users says that it has none of this name.
    if (errno == ENOENT || errno == ESRCH) errno = 0;
    return std::nullopt;
  }
  User user{found->pw_uid, found->pw_gid, std::vector<gid_t>(64)};
  int count = static_cast<int>(user.groups.size());
  if (getgrouplist(name.c_str(), user.group, user.groups.data(), &count) < 0) {
    user.groups.resize(static_cast<std::size_t>(count));
    getgrouplist(name.c_str(), user.group, user.groups.data(), &count);
  }
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

}  // namespace lb::controlplane
