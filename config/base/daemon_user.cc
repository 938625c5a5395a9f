#include "config/base/daemon_user.h"

#include <pwd.h>
#include <unistd.h>

#include <array>

namespace lb {
namespace {

// Our own user where there is none of that name.
uid_t look_up() {
  std::array<char, 16'384> text;
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(kDaemonUser, &entry, text.data(), text.size(), &found);
  return found == nullptr ? ::geteuid() : found->pw_uid;
}

}  // namespace

bool is_daemon_user(uid_t uid) {
  static const uid_t daemon = look_up();
  return uid == 0 || uid == ::geteuid() || uid == daemon;
}

}  // namespace lb
