// What this process may do beyond its user's rights: capabilities(7).
#pragma once

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace lb::controlplane {

// Whether it is in force: CAP_CHOWN, below 32. False also when that cannot be found out.
inline bool has_capability(int capability) {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> ours{};
  if (::syscall(SYS_capget, &header, ours.data()) != 0) return false;
  return (ours[0].effective >> capability & 1U) != 0;
}

}  // namespace lb::controlplane
