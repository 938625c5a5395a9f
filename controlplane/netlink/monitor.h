// Receives changes from the kernel: links, IPv4 addresses, neighbours, routes. Keeps State up to
// date and calls back once per batch of changes, from the event loop. After an overrun of the
// socket everything is read again and reported as changed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "config/base/result.h"
#include "controlplane/netlink/requests.h"
#include "controlplane/netlink/state.h"

namespace boost::asio {
class io_context;
}

namespace lb::netlink {

// What is watched.
enum class Scope : std::uint8_t {
  kAll,         // links, addresses, neighbours, routes
  kInterfaces,  // links and addresses
};

class Monitor {
 public:
  using OnChange = std::function<void(const Changes&)>;

  // `requests` is used for reading everything at start and after an overrun; it must outlive this.
  Monitor(boost::asio::io_context& io, Requests& requests, OnChange on_change,
          Scope scope = Scope::kAll);
  ~Monitor();

  // Subscribes and reads everything. The first call back comes later, from the event loop.
  Result<void> start();
  const State& state() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lb::netlink
