// Events to mails to the mail server, on its own thread: neither the disk nor the network blocks
// the event loop.
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
    std::size_t events = 0;  // not yet mailed
    std::size_t queue = 0;   // mails
    std::uint64_t sent = 0;
    std::uint64_t tries_failed = 0;
    std::uint64_t refused = 0;  // moved to failed/: the server refused them permanently
    std::uint64_t dropped = 0;  // from a full queue
    std::optional<std::chrono::system_clock::time_point> last_sent;
    std::optional<std::chrono::system_clock::time_point> last_error_at;
    std::string last_error;
    std::string disk_error;  // empty: the queue is on disk
  };

  // `folder` is created if necessary. `before`: another one's folder that this one takes over; null:
  // nobody's. All of it on the thread.
  Mailer(std::string director, config::AlertMail config, std::string folder,
         std::unique_ptr<Mailer> before = nullptr);
  // Unsent mail stays on disk. Waits for the end of the thread.
  ~Mailer();
  // Begins that end.
  void stop();
  Mailer(const Mailer&) = delete;
  Mailer& operator=(const Mailer&) = delete;

  void enqueue(Event event);
  // Sends now, without group_delay and without waiting for the next try.
  void send_now();
  // send_now(); then calls back, on the mailer's thread, when the queue is empty or the last try
  // has failed.
  void when_done(std::function<void()> done);
  Status status() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lb::controlplane::alert
