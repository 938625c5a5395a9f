#include "config/base/stderr_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace lb::log {
namespace {

constexpr int kLookMs = 20;  // between two looks whether the time is up

}  // namespace

StderrSink::StderrSink(bool waits) : waits_(waits), fd_(STDERR_FILENO) {
  struct stat status {};
  if (waits || fstat(STDERR_FILENO, &status) != 0) return;
  is_socket_ = S_ISSOCK(status.st_mode);
  if (!S_ISFIFO(status.st_mode) && isatty(STDERR_FILENO) == 0) return;
  // O_NONBLOCK belongs to the open pipe or terminal, which other processes share: it is opened once
  // more. poll() alone does not help: a line may be longer than the room that it reports.
  const int own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (own >= 0) fd_ = own;
}

StderrSink::~StderrSink() {
  if (fd_ != STDERR_FILENO) close(fd_);
}

StderrSink::Clock::time_point StderrSink::end_by(Clock::time_point time) {
  end_ = std::min(end_.load(), time.time_since_epoch().count());
  return Clock::time_point(Clock::duration(end_.load()));
}

void StderrSink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  const bool written = write_all({line.data(), line.size()});
  if (!written) ++lost_;
  last_was_lost_ = !written;
  ++lines_;
}

bool StderrSink::write_all(std::string_view text) {
  while (!text.empty()) {
    if (!waits_ && !wait_for_room()) return false;
    const ssize_t wrote = is_socket_
                              ? send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                              : write(fd_, text.data(), text.size());
    if (wrote < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (wrote <= 0) return false;  // the reader has gone, the disk is full
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

bool StderrSink::wait_for_room() const {
  pollfd room{fd_, POLLOUT, 0};
  while (Clock::now().time_since_epoch().count() < end_) {
    if (poll(&room, 1, kLookMs) > 0) return true;
  }
  return false;
}

}  // namespace lb::log
