// One question that is asked at its interval, for all real servers of which it is asked. Internal
// to the Checker.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/health/probe.h"
#include "controlplane/health/request.h"
#include "controlplane/health/schedule.h"
#include "controlplane/health/subscriber.h"

namespace lb::health {

// Decides which useless answers of an agent are logged: not the same one again, and one a minute at
// most.
class UselessAnswers {
 public:
  bool is_news(const std::string& text, std::chrono::steady_clock::time_point now) {
    if (text == last_ || (!last_.empty() && now - logged_ < std::chrono::minutes(1))) return false;
    last_ = text;
    logged_ = now;
    return true;
  }

 private:
  std::string last_;
  std::chrono::steady_clock::time_point logged_;
};

struct Check {
  Check(boost::asio::io_context& io, std::uint64_t its_id, Request asked)
      : id(its_id), request(std::move(asked)), timer(io) {}

  std::uint64_t id;
  Request request;
  Schedule schedule{std::chrono::steady_clock::duration{1}, {}};
  Haste haste{std::chrono::steady_clock::duration(request.interval)};
  boost::asio::steady_timer timer;
  std::shared_ptr<Probe> probe;  // while one runs
  bool first_waits = false;      // in the queue of first checks
  bool first_runs = false;
  bool cut_off = false;   // paused
  bool hastened = false;  // the next run, or the one that is under way
  std::optional<std::chrono::steady_clock::time_point> wake;  // when the timer runs it
  std::uint32_t retries = 0;                                  // since the last result that counted
  std::string last_result;
  std::optional<std::chrono::steady_clock::time_point> last_at;
  UselessAnswers useless;  // of an agent
  std::vector<std::shared_ptr<Subscriber>> subscribers;
};

}  // namespace lb::health
