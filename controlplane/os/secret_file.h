// Files with keys and passwords.
#pragma once

#include <string>

#include "config/base/result.h"

namespace lb::controlplane {

// The content of a file that only its owner may access; at most the first 4096 bytes.
Result<std::string> read_secret(const std::string& path);

}  // namespace lb::controlplane
