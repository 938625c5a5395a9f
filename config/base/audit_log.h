// Who changed what: one line in the log for each change, and in a file of its own if there is one.
// Main thread.
#pragma once

#include <string>

#include "config/base/result.h"

namespace lb {

class AuditLog {
 public:
  // `file`: is appended to, and made (mode 0640); empty: only the log. Fails when it cannot be
  // written to. `program` tells the daemons apart: both write to one file.
  static Result<AuditLog> open(std::string program, std::string file);
  AuditLog(AuditLog&& other) noexcept;
  AuditLog& operator=(AuditLog&&) = delete;
  ~AuditLog();

  // audit: by=lbcli uid=1000 user=alice pid=4711 command="flush conn --all" outcome="ok"
  // `by` is written as it is. A file that was moved away is made anew first.
  void write(const std::string& by, const std::string& command, const std::string& outcome);

 private:
  AuditLog(std::string program, std::string file)
      : program_(std::move(program)), file_(std::move(file)) {}
  Result<void> follow();

  std::string program_;
  std::string file_;
  int fd_ = -1;
};

}  // namespace lb
