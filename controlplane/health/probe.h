// One run of a check. Everything here belongs to the one thread that runs the io_context.
#pragma once

#include <functional>
#include <memory>

#include "controlplane/health/outcome.h"
#include "controlplane/health/request.h"

namespace boost::asio {
class io_context;
}

namespace lb::health {

// Called once, from the io_context, never from within the call that starts the probe.
using Done = std::function<void(const Outcome&)>;

class Probe {
 public:
  virtual ~Probe() = default;
  // Ends the probe at once; its Done is not called any more.
  virtual void cancel() = 0;
};

// Runs probes, and owns what they share.
class Prober {
 public:
  virtual ~Prober() = default;
  // The request's type is not kNone. The probe lives until its Done was called, even if the caller
  // drops the pointer.
  virtual std::shared_ptr<Probe> start(const Request& request, Done done) = 0;
};

// The real thing: sockets. The io_context must outlive it.
std::unique_ptr<Prober> make_socket_prober(boost::asio::io_context& io);

}  // namespace lb::health
