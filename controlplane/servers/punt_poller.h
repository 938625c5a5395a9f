// Polls the data plane for packets for the kernel that it dropped, and reports begin and end by log
// and alert. Without a connection to the data plane it waits for the next one. Runs on the event loop.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "controlplane/servers/punt_watch.h"

namespace boost::asio {
class io_context;
}

namespace lb::api {
class Stats;
}

namespace lb::controlplane {

class Alerts;
class DataplaneClient;

class PuntPoller {
 public:
  // The references must outlive this; the loop does not run any more when this ends.
  PuntPoller(boost::asio::io_context& io, DataplaneClient& dataplane, Alerts& alerts);

  void start();

 private:
  void ask();
  void report(const api::Stats& stats);
  void report(const PuntWatch::Change& change);

  DataplaneClient& dataplane_;
  Alerts& alerts_;
  boost::asio::steady_timer timer_;
  PuntWatch watch_;
};

}  // namespace lb::controlplane
