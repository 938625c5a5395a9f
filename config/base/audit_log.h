// Who changed what: one line in the log for each change, and in its own file if there is one, which a
// thread of its own writes: no caller waits for the disk. Main thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "config/base/background.h"
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

  // Waits until the lines so far are in the file. False: not in time.
  [[nodiscard]] bool finish(std::chrono::milliseconds limit) const;

  // audit: by=lbcli uid=1000 user=alice pid=4711 command="flush conn --all" outcome="ok"
  // `by` is written as it is, but escaped. A file that was moved away is created again first. When the
  // disk hangs, some hundred lines wait; later ones are in the log alone, which says so.
  void write(const std::string& by, const std::string& command, const std::string& outcome);
  // The same for refusals because of missing rights: kMostRefusals lines in a minute, since
  // read-only users must not be able to fill the disk. The next line has the number of the others.
  void write_refused(const std::string& by, const std::string& command, const std::string& outcome,
                     Clock::time_point now = Clock::now());

  static constexpr unsigned kMostRefusals = 20;

 private:
  class File;
  explicit AuditLog(std::string program) : program_(std::move(program)) {}

  std::string program_;
  std::shared_ptr<File> file_;  // null: only the log; else the thread's
  std::unique_ptr<Background> thread_;
  Clock::time_point minute_;  // in which refusals are counted, from its start
  unsigned refusals_ = 0;     // in it
};

}  // namespace lb
