// For tests: who runs them.
#pragma once

#include <pwd.h>
#include <unistd.h>

#include <string>

namespace lb::test {

// By name, for programs that the tests let run as what they are themselves.
inline std::string own_user() {
  const passwd* const found = ::getpwuid(::geteuid());
  return found == nullptr ? "" : found->pw_name;
}

}  // namespace lb::test
