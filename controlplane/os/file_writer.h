// Writes files on a thread of its own, so that no event loop waits for a disk. Belongs to one loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/base/background.h"
#include "config/base/result.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

class FileWriter {
 public:
  using Done = std::function<void(const Result<void>&)>;

  using Write =
      std::function<Result<void>(const std::string& path, const std::optional<std::string>& text)>;

  // `io`: the caller's loop. `write`: for tests, what is done on the thread; null: as below.
  explicit FileWriter(boost::asio::io_context& io, Write write = nullptr);
  // Nothing is called back after it. A write that hangs is left behind.
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // Replaces the file as write_text() does; without a text, removes it. Of several texts for one
  // file only the last may be written. `done` is called once, later, on the loop.
  void write(const std::string& path, std::optional<std::string> text, Done done);
  // Waits until everything so far is written, or has failed. False: not in time.
  [[nodiscard]] bool finish(std::chrono::milliseconds limit);

 private:
  struct State;
  const std::shared_ptr<State> state_;  // also the thread's
  Background thread_;
};

}  // namespace lb::controlplane
