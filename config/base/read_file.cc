#include "config/base/read_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lb {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 16;

std::string kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a folder";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

std::string size_text(std::size_t bytes) {
  return bytes >> 20 == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{} MiB", bytes >> 20);
}

tl::unexpected<Error> too_large(std::size_t max_bytes) {
  return fail("is larger than " + size_text(max_bytes));
}

class File {
 public:
  // Does not wait for the other end of a FIFO.
  explicit File(const std::string& path, int flags = 0)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }

  Result<void> check(std::size_t max_bytes) const {
    struct stat status {};
    if (fd_ < 0 || ::fstat(fd_, &status) != 0) {
      return fail(fmt::format("cannot be opened: {}", std::strerror(errno)));
    }
    if (!S_ISREG(status.st_mode)) {
      return fail(fmt::format("is {} and not a regular file", kind_of(status.st_mode)));
    }
    if (static_cast<std::size_t>(status.st_size) > max_bytes) return too_large(max_bytes);
    return {};
  }

 private:
  const int fd_;
};

}  // namespace

Result<void> check_regular_file(const std::string& path, std::size_t max_bytes) {
  return File(path).check(max_bytes);
}

Result<std::string> read_regular_file(const std::string& path, std::size_t max_bytes) {
  const File file(path);
  if (auto good = file.check(max_bytes); !good) return tl::make_unexpected(good.error());
  return read_descriptor(file.fd(), max_bytes);
}

Result<std::string> read_own_file(const std::string& path, std::size_t max_bytes) {
  const File file(path, O_NOFOLLOW);
  if (file.fd() < 0 && errno == ELOOP) return fail("is a symbolic link; remove it");
  if (auto good = file.check(max_bytes); !good) return tl::make_unexpected(good.error());
  struct stat status {};
  struct stat folder {};
  const std::string around = path.substr(0, path.rfind('/') + 1);
  if (::fstat(file.fd(), &status) != 0 || ::stat(around.c_str(), &folder) != 0) {
    return fail(fmt::format("cannot be judged: {}", std::strerror(errno)));
  }
  if (status.st_uid != 0 && status.st_uid != ::geteuid() && status.st_uid != folder.st_uid) {
    return fail(fmt::format("belongs to user {}, who could have written anything; remove it",
                            status.st_uid));
  }
  if ((status.st_mode & S_IWOTH) != 0) {
    return fail("is writable by everybody, who could have written anything; remove it");
  }
  return read_descriptor(file.fd(), max_bytes);
}

Result<std::string> read_descriptor(int fd, std::size_t max_bytes) {
  std::string text;
  std::string part(kPart, '\0');
  for (;;) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(fmt::format("cannot be read: {}", std::strerror(errno)));
    if (got == 0) return text;
    text.append(part, 0, static_cast<std::size_t>(got));
    if (text.size() > max_bytes) return too_large(max_bytes);
  }
}

}  // namespace lb
