#include "dataplane/api/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace lb::api {

namespace {

std::string error_text(int error) {
  return std::generic_category().message(error);
}

tl::unexpected<Error> unreachable(std::string message) {
  return fail(std::move(message), ErrorKind::kUnreachable);
}

std::string advice(int error, const std::string& daemon) {
  if (error == EACCES || error == EPERM) {
    return "run as root or as a member of the socket's group";
  }
  return "is " + daemon + " running?";
}

}  // namespace

Result<FrameSocket> FrameSocket::connect(const std::string& path, const std::string& daemon,
                                         std::chrono::milliseconds timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail("cannot connect to '" + path + "': a socket's path has 1 to " +
                std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  path.copy(address.sun_path, path.size());

  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail("cannot create a socket: " + error_text(errno));
  FrameSocket socket(fd, daemon + " (" + path + ")", timeout);

  // For connect() alone, which waits while the daemon's backlog is full; the rest polls.
  timeval limit{};
  limit.tv_sec = timeout.count() / 1000;
  limit.tv_usec = timeout.count() % 1000 * 1000;
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  int status = 0;
  do {
    status = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } while (status < 0 && errno == EINTR);
  if (status < 0) {
    const int error = errno;
    return unreachable("cannot connect to " + path + ": " + error_text(error) + "; " +
                       advice(error, daemon));
  }
  return socket;
}

FrameSocket::FrameSocket(FrameSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), peer_(std::move(other.peer_)), timeout_(other.timeout_) {}

FrameSocket& FrameSocket::operator=(FrameSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(peer_, other.peer_);
  std::swap(timeout_, other.timeout_);
  return *this;
}

FrameSocket::~FrameSocket() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> FrameSocket::wait(short events) {
  pollfd entry{fd_, events, 0};
  int ready = 0;
  do {
    ready = ::poll(&entry, 1, static_cast<int>(timeout_.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready > 0) return {};
  if (ready == 0) {
    return unreachable(peer_ + " did not answer within " + std::to_string(timeout_.count()) +
                       " ms");
  }
  return unreachable("waiting for " + peer_ + " failed: " + error_text(errno));
}

Result<void> FrameSocket::send(const std::string& frame) {
  std::size_t sent = 0;
  while (sent < frame.size()) {
    const ssize_t n =
        ::send(fd_, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (auto waited = wait(POLLOUT); !waited) return waited;
    } else if (errno != EINTR) {
      // The daemon may have said why before it closed; that answer is worth more than EPIPE.
      if (errno == EPIPE || errno == ECONNRESET) return {};
      return unreachable("sending to " + peer_ + " failed: " + error_text(errno));
    }
  }
  return {};
}

Result<void> FrameSocket::read_exactly(char* to, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t n = ::recv(fd_, to, bytes, MSG_DONTWAIT);
    if (n > 0) {
      to += n;
      bytes -= static_cast<std::size_t>(n);
    } else if (n == 0 || errno == ECONNRESET) {
      return unreachable(peer_ + " closed the connection");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (auto waited = wait(POLLIN); !waited) return waited;
    } else if (errno != EINTR) {
      return unreachable("receiving from " + peer_ + " failed: " + error_text(errno));
    }
  }
  return {};
}

Result<std::string> FrameSocket::receive() {
  FramePrefix prefix{};
  char raw[kFramePrefixBytes] = {};
  if (auto read = read_exactly(raw, sizeof(raw)); !read) return tl::make_unexpected(read.error());
  std::memcpy(prefix.data(), raw, sizeof(raw));
  const std::uint32_t bytes = decode_prefix(prefix);
  if (bytes > kMaxMessageBytes) return fail(peer_ + " sent something that is not its protocol");
  std::string message(bytes, '\0');
  if (auto read = read_exactly(message.data(), bytes); !read) {
    return tl::make_unexpected(read.error());
  }
  return message;
}

}  // namespace lb::api
