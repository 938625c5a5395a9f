#include "config/base/audit_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "config/base/log.h"

namespace lb {
namespace {

constexpr mode_t kMode = 0640;
constexpr std::size_t kMostLetters = 1000;  // of one value: clients name files and services

// One line whatever is in it, and readable back.
std::string quoted_line(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kMostLetters)) {
    if (c == '"' || c == '\\') out += '\\';
    out += (c >= 0 && c < ' ') || c == '\x7f' ? '?' : c;
  }
  return out + (text.size() > kMostLetters ? "...\"" : "\"");
}

std::string now() {
  using std::chrono::milliseconds;
  const auto time = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                     time.time_since_epoch().count() % 1000);
}

}  // namespace

Result<AuditLog> AuditLog::open(std::string program, std::string file) {
  AuditLog made(std::move(program), std::move(file));
  if (auto ready = made.follow(); !ready) return tl::make_unexpected(ready.error());
  return made;
}

AuditLog::AuditLog(AuditLog&& other) noexcept
    : program_(std::move(other.program_)),
      file_(std::move(other.file_)),
      fd_(std::exchange(other.fd_, -1)) {}

AuditLog::~AuditLog() {
  if (fd_ >= 0) ::close(fd_);
}

// To the file at the path now: logrotate moves the file away without notice.
Result<void> AuditLog::follow() {
  if (file_.empty()) return {};
  struct stat there {};
  struct stat ours {};
  if (fd_ >= 0 && ::stat(file_.c_str(), &there) == 0 && ::fstat(fd_, &ours) == 0 &&
      there.st_dev == ours.st_dev && there.st_ino == ours.st_ino) {
    return {};
  }
  const auto failed = [this](const std::string& why) {
    return fail("the audit file " + file_ + " cannot be written to: " + why +
                "; make its folder, or name another file as audit_file");
  };
  // Does not wait for the reader of a pipe.
  const int fd = ::open(file_.c_str(),
                        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, kMode);
  if (fd < 0) return failed(std::strerror(errno));
  if (::fstat(fd, &ours) != 0 || !S_ISREG(ours.st_mode)) {
    ::close(fd);
    return failed("it is not a plain file");
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  // The umask may have taken away what the group is to have.
  if (ours.st_size == 0 && ours.st_uid == ::geteuid()) ::fchmod(fd, kMode);
  return {};
}

void AuditLog::write(const std::string& by, const std::string& command,
                     const std::string& outcome) {
  const std::string line =
      "audit: " + by + " command=" + quoted_line(command) + " outcome=" + quoted_line(outcome);
  log::info("{}", line);
  if (file_.empty()) return;
  if (auto ready = follow(); !ready) {
    log::error("{}", ready.error().message);
    return;
  }
  const std::string whole = now() + ' ' + program_ + ": " + line + '\n';
  // In one piece, so that two daemons' lines do not mix.
  const ssize_t written = ::write(fd_, whole.data(), whole.size());
  if (written != static_cast<ssize_t>(whole.size())) {
    log::error("the audit file {} lacks a line: {}", file_,
               written < 0 ? std::strerror(errno) : "no room");
  }
}

void AuditLog::write_refused(const std::string& by, const std::string& command,
                             const std::string& outcome, Clock::time_point now) {
  if (refusals_ == 0 || now - minute_ >= std::chrono::minutes(1)) {
    if (refusals_ > kMostRefusals) {
      write("by=" + program_, "",
            fmt::format("{} more refusals were not logged", refusals_ - kMostRefusals));
    }
    minute_ = now;
    refusals_ = 0;
  }
  if (++refusals_ <= kMostRefusals) write(by, command, outcome);
}

}  // namespace lb
