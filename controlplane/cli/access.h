// Permissions: which of a daemon's two sockets lbcli can open, and the error when it is neither.
#pragma once

#include <string>

namespace lb::cli {

// Whether the path exists but we lack the permission for it, or for its folder.
bool denied(const std::string& path);
bool exists(const std::string& path);

// The error when we may use neither socket in `folder`: who may.
std::string access_refused(const std::string& folder, const std::string& admin_socket,
                           const std::string& read_socket);

}  // namespace lb::cli
