// Events to mails to the mail server, on a thread of its own: neither the disk nor the network
// holds up the event loop.
//
//   enqueue() -> notes on disk -> group_delay -> Spool -> Smtp, one at a time, in order
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/model.h"
#include "controlplane/alert/event.h"

namespace lb::controlplane::alert {

class Mailer {
 public:
  struct Status {
    std::size_t events = 0;  // that are no mail yet
    std::size_t queue = 0;   // mails
    std::uint64_t sent = 0;
    std::uint64_t tries_failed = 0;
    std::uint64_t refused = 0;  // put aside, as the server refused them for good
    std::uint64_t dropped = 0;  // for want of room
    std::optional<std::chrono::system_clock::time_point> last_sent;
    std::optional<std::chrono::system_clock::time_point> last_error_at;
    std::string last_error;
    std::string disk_error;  // empty: all that waits is on disk
  };

  // `folder` is made when it is not there.
  Mailer(std::string director, config::AlertMail config, const std::string& folder);
  // What is not sent stays on disk.
  ~Mailer();
  Mailer(const Mailer&) = delete;
  Mailer& operator=(const Mailer&) = delete;

  void enqueue(Event event);
  // No more waiting for company, nor for the next try.
  void send_now();
  // Calls back, on the mailer's thread, when nothing can be sent any more: the queue is empty, or
  // the last try has failed. send_now() is in it.
  void when_done(std::function<void()> done);
  Status status() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lb::controlplane::alert
