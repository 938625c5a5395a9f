// What lbcli may: which of a daemon's two sockets it can open, and how to say that it is neither.
#pragma once

#include <string>

namespace lb::cli {

// Whether something is there that we may not use, or not even see.
bool denied(const std::string& path);
bool exists(const std::string& path);

// Neither of a daemon's sockets in `folder` is for us: whose they are.
std::string access_refused(const std::string& folder, const std::string& admin_socket,
                           const std::string& read_socket);

// Whether it is the answer to a change that came by the socket for reading.
bool is_permission_denied(const std::string& message);

}  // namespace lb::cli
