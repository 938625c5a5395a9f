#include "controlplane/cli/access.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace lb::cli {
namespace {

// Empty: it cannot be read.
std::string group_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  const group* const found = ::getgrgid(status.st_gid);
  return found == nullptr ? std::to_string(status.st_gid) : found->gr_name;
}

}  // namespace

bool denied(const std::string& path) {
  return ::access(path.c_str(), R_OK | W_OK) != 0 && errno == EACCES;
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string access_refused(const std::string& folder, const std::string& admin_socket,
                           const std::string& read_socket) {
  const std::string admins = group_of(admin_socket);
  if (admins.empty()) {
    return fmt::format(
        "permission denied: {} is for root and the members of admin_group and read_group (see "
        "[director] in the configuration)",
        folder);
  }
  const std::string readers = group_of(read_socket);
  return fmt::format(
      "permission denied: {} is for root and the members of group {}{}; become one", admin_socket,
      admins, readers.empty() ? "" : fmt::format(", {} for those of {}", read_socket, readers));
}

}  // namespace lb::cli
