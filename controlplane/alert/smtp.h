// One SMTP transaction at a time, by libcurl, without blocking: run() waits for it and for wake().
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "config/model.h"
#include "controlplane/alert/compose.h"
#include "controlplane/alert/smtp_talk.h"

namespace lb::controlplane::alert {

class Smtp {
 public:
  Smtp();
  ~Smtp();
  Smtp(const Smtp&) = delete;
  Smtp& operator=(const Smtp&) = delete;

  // `more`: the connection will be used for another mail. Only when not busy().
  void begin(const config::AlertMail& config, const std::string& password, const Mail& mail,
             bool more);
  bool busy() const;
  // Waits for at most `limit`, or until wake(). Returns the result when the transaction ended.
  std::optional<Sent> run(std::chrono::milliseconds limit);
  // From any thread: run() returns now, or does not begin to wait.
  void wake();
  // From any thread: cuts the connections, at whatever they wait for, and allows no more. Taking
  // leave of a server (QUIT) is waited for inside the library, by run() and by the destructor.
  void abort();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lb::controlplane::alert
