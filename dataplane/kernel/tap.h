// A port's interface in the kernel: a TAP with the port's name and MAC address, made by this process and
// gone with it. One queue per worker; each packet has a virtio_net_hdr in front of it, by which
// either side hands over large TCP packets and checksums that are still to be computed. Free of
// DPDK. Opened, changed and closed by the main thread; a queue is read and written by its worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/base/net.h"
#include "config/base/result.h"

namespace lb {

class Tap {
 public:
  struct Options {
    std::string name;
    MacAddress mac;
    std::uint16_t mtu = 1500;
    unsigned queues = 1;
  };
  // Makes the interface and brings it up. Waits a moment for one of this name to vanish: the
  // kernel removes the interface of a killed process a little later than the process.
  static Result<std::unique_ptr<Tap>> open(const Options& options);
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  // A descriptor that does not block.
  int queue(unsigned index) const { return queues_[index]; }
  Result<void> set_mac(const MacAddress& mac);

 private:
  Tap() = default;
  Result<void> add_queue(const Options& options);
  Result<void> set_up(const Options& options);

  std::vector<int> queues_;
};

}  // namespace lb
