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
#include "config/base/printable.h"

namespace lb {
namespace {

constexpr mode_t kMode = 0640;
constexpr std::size_t kMostLetters = 1000;  // of one value: clients name files and services
constexpr std::size_t kMostWaiting = 500;   // lines

// One line whatever is in it, and readable back.
std::string quoted_line(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kMostLetters)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return printable(out) + (text.size() > kMostLetters ? "...\"" : "\"");
}

std::string now() {
  using std::chrono::milliseconds;
  const auto time = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                     time.time_since_epoch().count() % 1000);
}

}  // namespace

// Its functions run one at a time.
class AuditLog::File {
 public:
  explicit File(std::string path) : path_(std::move(path)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  Result<void> follow();
  void append(const std::string& line);

 private:
  const std::string path_;
  int fd_ = -1;
};

// To the file at the path now: logrotate moves the file away without notice.
Result<void> AuditLog::File::follow() {
  struct stat there {};
  struct stat ours {};
  if (fd_ >= 0 && ::stat(path_.c_str(), &there) == 0 && ::fstat(fd_, &ours) == 0 &&
      there.st_dev == ours.st_dev && there.st_ino == ours.st_ino) {
    return {};
  }
  const auto failed = [this](const std::string& why) {
    return fail("the audit file " + path_ + " cannot be written to: " + why +
                "; make its folder, or name another file as audit_file");
  };
  // Does not wait for the reader of a pipe.
  const int fd = ::open(path_.c_str(),
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

void AuditLog::File::append(const std::string& line) {
  if (auto ready = follow(); !ready) {
    log::error("{}", ready.error().message);
    return;
  }
  // In one piece, so that two daemons' lines do not mix.
  const ssize_t written = ::write(fd_, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) {
    log::error("the audit file {} lacks a line: {}", path_,
               written < 0 ? std::strerror(errno) : "no room");
  }
}

Result<AuditLog> AuditLog::open(std::string program, std::string file) {
  AuditLog made(std::move(program));
  if (file.empty()) return made;
  made.file_ = std::make_shared<File>(std::move(file));
  if (auto ready = made.file_->follow(); !ready) return tl::make_unexpected(ready.error());
  made.thread_ = std::make_unique<Background>("audit", kMostWaiting);
  return made;
}

AuditLog::AuditLog(AuditLog&& other) noexcept = default;

AuditLog::~AuditLog() = default;

bool AuditLog::finish(std::chrono::milliseconds limit) const {
  return thread_ == nullptr || thread_->finish(limit);
}

void AuditLog::write(const std::string& by, const std::string& command,
                     const std::string& outcome) {
  const std::string line = "audit: " + printable(by) + " command=" + quoted_line(command) +
                           " outcome=" + quoted_line(outcome);
  log::info("{}", line);
  if (file_ == nullptr) return;
  const bool waits = thread_->run(
      [file = file_, whole = now() + ' ' + program_ + ": " + line + '\n'] { file->append(whole); });
  if (!waits) log::error("the audit file {} lacks a line: the disk hangs", file_->path());
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
