// The users that our own daemons run as: root, or `ballast` as their units have it, and each of them
// perhaps as another one than the other.
#pragma once

#include <sys/types.h>

namespace lb {

inline constexpr const char* kDaemonUser = "ballast";

// Root, the process's own user, or kDaemonUser, which is looked up at the first call: at the start of
// a daemon, as that may take long.
bool is_daemon_user(uid_t uid);

}  // namespace lb
