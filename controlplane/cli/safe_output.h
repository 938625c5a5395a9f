// The output of lbcli on its way to a terminal: whatever text of daemons, files and strangers is in
// it, only printable characters and line ends pass (config/base/printable.h).
#pragma once

#include <ostream>
#include <streambuf>
#include <string>

namespace lb::cli {

class SafeBuffer final : public std::streambuf {
 public:
  explicit SafeBuffer(std::ostream& to) : to_(to) {}

 private:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize bytes) override;
  int sync() override;

  std::ostream& to_;
  std::string cut_;  // the beginning of a character whose other bytes have not come yet
};

// What is written appears at once in `to`, which outlives this; only a character whose bytes are
// not all there waits for them, or for flush().
class SafeOutput final : public std::ostream {
 public:
  explicit SafeOutput(std::ostream& to) : std::ostream(nullptr), buffer_(to) { rdbuf(&buffer_); }
  ~SafeOutput() override { flush(); }
  SafeOutput(const SafeOutput&) = delete;
  SafeOutput& operator=(const SafeOutput&) = delete;

 private:
  SafeBuffer buffer_;
};

}  // namespace lb::cli
