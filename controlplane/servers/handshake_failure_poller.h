// Polls the data plane for real servers with failing client handshakes, so that their checks run
// early. Polls several times a second: the answer is short, and empty as long as no handshake
// fails. Runs on the event loop.
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

  // The references must outlive this.
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
