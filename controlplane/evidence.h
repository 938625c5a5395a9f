// Hears from the data plane whose clients' handshakes fail, so that the check of that real server
// need not wait for its turn. Asks several times a second: what the data plane answers is short,
// and nothing while all is well. Runs on the event loop.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>

#include "config/base/net.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

class DataplaneClient;

class Evidence {
 public:
  using Suspect =
      std::function<void(const std::string& service, Ipv4Endpoint vip, Ipv4Endpoint real_server)>;

  // The data plane's client outlives this.
  Evidence(boost::asio::io_context& io, DataplaneClient& dataplane, Suspect suspect);

  void start();
  void stop();

 private:
  void wait();
  void ask();

  DataplaneClient& dataplane_;
  Suspect suspect_;
  boost::asio::steady_timer timer_;
  bool running_ = false;
};

}  // namespace lb::controlplane
