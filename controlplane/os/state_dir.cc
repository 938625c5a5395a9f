#include "controlplane/os/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace lb::controlplane {
namespace {

constexpr mode_t kFolderMode = 0755;  // of its parents
constexpr mode_t kStateMode = 0750;

// As mkdir -p does.
bool make_folders(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    if (mkdir(path.substr(0, at).c_str(), kFolderMode) != 0 && errno != EEXIST) return false;
  }
  return mkdir(path.c_str(), kStateMode) == 0 || errno == EEXIST;
}

}  // namespace

Result<StateDir> StateDir::open(const std::string& path) {
  const auto failed = [&path](const std::string& what) {
    return fail("the state folder " + path + " cannot be " + what + ": " + std::strerror(errno) +
                "; make the user of lb-controlplane its owner, or set another state_dir");
  };
  std::string plain = path;
  while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
  if (!make_folders(plain)) return failed("created");
  const int fd = ::open(plain.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed("opened");
  StateDir made(fd);
  if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0) return failed("written to");
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return fail("the state folder " + path +
                " is used by another control plane; set another state_dir");
  }
  return made;
}

StateDir::StateDir(StateDir&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StateDir::~StateDir() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace lb::controlplane
