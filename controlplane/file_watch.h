// Whether a file has changed since it was read last. Polls: the file may be a link, be replaced, or be
// on a file system without notifications.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "controlplane/os/text_file.h"

namespace lb::controlplane {

class FileWatch {
 public:
  explicit FileWatch(std::string path) : path_(std::move(path)) {}

  // It is being read, or has been written by us.
  void read() { seen_ = latest_ = FileStamp::of(path_); }

  // To be called every now and then. A file that is being written has not settled.
  bool changed() {
    const FileStamp now = FileStamp::of(path_);
    if (now != latest_) {
      latest_ = now;
      since_ = Clock::now();
    }
    return latest_ != seen_ && latest_.exists && Clock::now() - since_ >= kSettled;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kSettled{900};  // unchanged for this long

  const std::string path_;
  FileStamp seen_;
  FileStamp latest_;
  Clock::time_point since_;
};

}  // namespace lb::controlplane
