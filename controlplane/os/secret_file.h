// Files with keys and passwords.
#pragma once

#include <string>

#include "config/base/result.h"

namespace lb::controlplane {

// The content of a file that only its owner may use; of a longer one than 4096 bytes the begin.
Result<std::string> read_secret(const std::string& path);

}  // namespace lb::controlplane
