// Hears from the data plane whose clients' handshakes fail, so that the check of that real server
// need not wait for its turn. Asks several times a second: what the data plane answers is short,
// and nothing while all is well. Runs on the event loop.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>

#include "controlplane/service/ids.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

class DataplaneClient;
class Inventory;

class HandshakeFailurePoller {
 public:
  using Suspect = std::function<void(RealServerId)>;

  // What is handed in by reference outlives this.
  HandshakeFailurePoller(boost::asio::io_context& io, DataplaneClient& dataplane,
                         const Inventory& inventory, Suspect suspect);

  void start();
  void stop();

 private:
  void wait();
  void ask();

  DataplaneClient& dataplane_;
  const Inventory& inventory_;
  Suspect suspect_;
  boost::asio::steady_timer timer_;
  bool running_ = false;
};

}  // namespace lb::controlplane
