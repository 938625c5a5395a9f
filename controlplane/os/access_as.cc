#include "controlplane/os/access_as.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace lb::controlplane {
namespace {

// As the exit status of the child: errno values fit.
int drop_rights(const std::optional<User>& user) {
  if (::geteuid() != 0) return 0;
  if (user && (::setgroups(user->groups.size(), user->groups.data()) != 0 ||
               ::setgid(user->group) != 0 || ::setuid(user->id) != 0)) {
    return errno;
  }
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return ::syscall(SYS_capset, &header, none.data()) == 0 ? 0 : errno;
}

int try_access(const char* path, Access access) {
  const int mode = access == Access::kRead ? R_OK : access == Access::kWrite ? W_OK : X_OK;
  return ::faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0 ? 0 : errno;
}

}  // namespace

int access_as(const std::optional<User>& user, const std::string& path, Access access) {
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) {
    const int error = drop_rights(user);
    ::_exit(error != 0 ? error : try_access(path.c_str(), access));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

}  // namespace lb::controlplane
