// Polls the data plane for what floods cause: packets for the kernel that it dropped, connections that
// ended because the table is full, new ones that found no room, SYN proxies that began. Reports begin and end by log and
// alert. Without a connection to the data plane it waits for the next one. Runs on the event loop.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "controlplane/servers/flood_watch.h"

namespace boost::asio {
class io_context;
}

namespace lb::api {
class Stats;
}

namespace lb::controlplane {

class Alerts;
class DataplaneClient;

class FloodPoller {
 public:
  // The references must outlive this; the loop does not run any more when this ends.
  FloodPoller(boost::asio::io_context& io, DataplaneClient& dataplane, Alerts& alerts);

  void start();

 private:
  void ask();
  void report(const api::Stats& stats);
  void report_punts(const FloodWatch::Change& change);
  void report_table(const FloodWatch::Change& change);
  void report_syn_proxy(const FloodWatch::Change& change);

  DataplaneClient& dataplane_;
  Alerts& alerts_;
  boost::asio::steady_timer timer_;
  FloodWatch watch_;
};

}  // namespace lb::controlplane
