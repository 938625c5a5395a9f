// What a program may do with a file that runs as another user, or as we without our capabilities:
// the daemons have no right to override modes (CAP_DAC_OVERRIDE).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "controlplane/os/user.h"

namespace lb::controlplane {

enum class Access : std::uint8_t {
  kRead,
  kWrite,
  kExecute
};  // kWrite, kExecute: files and folders

// 0, or the errno of the attempt. `user`: null for ours. Only root can be another user: for others
// the answer is about themselves. Changes nothing; asks in a child process.
int access_as(const std::optional<User>& user, const std::string& path, Access access);

}  // namespace lb::controlplane
