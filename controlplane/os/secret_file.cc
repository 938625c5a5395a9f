#include "controlplane/os/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lb::controlplane {

Result<std::string> read_secret(const std::string& path) {
  const auto failed = [&](const std::string& what) { return fail(path + ": " + what); };
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return failed(std::strerror(errno));
  struct stat status {};
  std::string content(4096, '\0');
  const bool known = fstat(fd, &status) == 0;
  const bool regular = known && S_ISREG(status.st_mode);
  const ssize_t got = regular ? read(fd, content.data(), content.size()) : 0;
  const std::string why = std::strerror(errno);
  close(fd);
  if (!known || got < 0) return failed(why);
  if (!regular) return failed("not a regular file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return failed("accessible to others than its owner; run chmod 600");
  }
  content.resize(static_cast<std::size_t>(got));
  return content;
}

}  // namespace lb::controlplane
