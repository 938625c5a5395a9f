// The end of a process whose loops hang: its VIPs go all the same. Otherwise they would stay on the
// interfaces while the other director takes them over, and nobody would remove them.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "config/base/result.h"
#include "controlplane/netlink/requests.h"
#include "controlplane/network/topology.h"

namespace lb::controlplane {

// Any thread.
class VipRemoval {
 public:
  // With a netlink socket of its own: at the end there may be no free descriptor.
  static Result<std::shared_ptr<VipRemoval>> open();

  // The VIPs that this process may have: all_vips() of its configuration.
  void set(std::vector<Vip> vips);
  // Those of a configuration that is about to be applied, until set() follows.
  void add(const std::vector<Vip>& vips);

  // Once, and not from a loop that may go on: removes them, and no thread of this process adds an
  // address from then on. What could not be removed is in the log.
  void run();

 private:
  explicit VipRemoval(netlink::Requests requests) : requests_(std::move(requests)) {}

  void remove();

  netlink::Requests requests_;
  std::mutex mutex_;  // of what follows
  std::vector<Vip> vips_;
};

}  // namespace lb::controlplane
