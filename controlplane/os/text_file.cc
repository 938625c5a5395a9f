#include "controlplane/os/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "config/base/read_file.h"
#include "controlplane/os/capabilities.h"

namespace lb::controlplane {
namespace {

constexpr mode_t kNewMode = 0640;
constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

// Sync the name, too.
void sync_folder(const std::string& path) {
  const int fd = ::open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

// A link stays one.
std::string target_of(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? real.get() : path;
}

}  // namespace

FileStamp FileStamp::of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {true, status.st_dev, status.st_ino, status.st_size,
          status.st_mtim.tv_sec * kNsPerSecond + status.st_mtim.tv_nsec};
}

Result<std::optional<std::string>> read_text(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 && errno == ENOENT) return std::nullopt;
  auto text = read_own_file(path, kMaxTextBytes);
  if (!text) return fail(path + ' ' + text.error().message);
  return std::move(*text);
}

Result<void> can_write_text(const std::string& path) {
  const std::string target = target_of(path);
  const auto cannot = [&](const std::string& why) {
    return fail(target + " cannot be replaced: " + why);
  };
  const std::string folder = target.substr(0, target.rfind('/') + 1);
  if (::faccessat(AT_FDCWD, folder.empty() ? "." : folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return cannot("lb-controlplane (user " + std::to_string(::geteuid()) +
                  ") may not write to its folder: " + std::strerror(errno));
  }
  struct stat old {};
  if (::stat(target.c_str(), &old) != 0) {
    return errno == ENOENT ? Result<void>() : cannot(std::strerror(errno));
  }
  if (old.st_uid != ::geteuid() && !has_capability(CAP_CHOWN)) {
    return cannot("it belongs to user " + std::to_string(old.st_uid) +
                  ", and lb-controlplane could not give it back; chown it to user " +
                  std::to_string(::geteuid()) + ", or give lb-controlplane CAP_CHOWN");
  }
  return {};
}

Result<void> write_text(const std::string& path, const std::string& text) {
  const std::string target = target_of(path);
  const std::string fresh = target + ".new";
  const auto failed = [&] {
    const std::string why = std::strerror(errno);
    ::unlink(fresh.c_str());
    return fail(target + " cannot be written: " + why);
  };
  struct stat old {};
  const bool exists = ::stat(target.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) return failed();
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kNewMode);
  if (fd < 0) return failed();
  bool good = write_all(fd, text);
  // The mode first: of a file that is another's we may not change it. Write even if the owner cannot
  // be kept.
  if (good && exists) good = ::fchmod(fd, old.st_mode & 07777) == 0;
  if (good && exists && ::fchown(fd, old.st_uid, old.st_gid) != 0) errno = 0;
  good = good && ::fsync(fd) == 0;
  const int error = errno;
  if (::close(fd) != 0 || !good) {
    errno = error;
    return failed();
  }
  if (::rename(fresh.c_str(), target.c_str()) != 0) return failed();
  sync_folder(target);
  return {};
}

}  // namespace lb::controlplane
