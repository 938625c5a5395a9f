// Who changed what: one line in the log for each change, and in its own file if there is one.
// Main thread.
#pragma once

#include <chrono>
#include <string>

#include "config/base/result.h"

namespace lb {

class AuditLog {
 public:
  using Clock = std::chrono::steady_clock;

  // `file`: is appended to, and made (mode 0640); empty: only the log. Fails when it cannot be
  // written to. `program` distinguishes the daemons: both write to one file.
  static Result<AuditLog> open(std::string program, std::string file);
  AuditLog(AuditLog&& other) noexcept;
  AuditLog& operator=(AuditLog&&) = delete;
  ~AuditLog();

  // audit: by=lbcli uid=1000 user=alice pid=4711 command="flush conn --all" outcome="ok"
  // `by` is written as it is. A file that was moved away is created again first.
  void write(const std::string& by, const std::string& command, const std::string& outcome);
  // The same for refusals because of missing rights: kMostRefusals lines in a minute, since
  // read-only users must not be able to fill the disk. The next line has the number of the others.
  void write_refused(const std::string& by, const std::string& command, const std::string& outcome,
                     Clock::time_point now = Clock::now());

  static constexpr unsigned kMostRefusals = 20;

 private:
  AuditLog(std::string program, std::string file)
      : program_(std::move(program)), file_(std::move(file)) {}
  Result<void> follow();

  std::string program_;
  std::string file_;
  int fd_ = -1;
  Clock::time_point minute_;  // in which refusals are counted, from its start
  unsigned refusals_ = 0;     // in it
};

}  // namespace lb
