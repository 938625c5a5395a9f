// The end of a process: its VIPs go, also when its loops hang or the kernel has refused to remove
// them. Otherwise they would stay on the interfaces while the other director takes them over, and
// nobody would remove them.
#pragma once

#include <memory>
#include <mutex>
#include <string>
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

  // Not from a loop that may go on: removes them, and no thread of this process adds an address from
  // then on. Returns when none is left: what the kernel refuses is in the log, and tried again. The
  // caller limits the time.
  void run();

 private:
  explicit VipRemoval(netlink::Requests requests) : requests_(std::move(requests)) {}

  bool remove();
  void report(const Vip& vip, const std::string& why);

  std::mutex mutex_;  // of what follows
  netlink::Requests requests_;
  std::vector<Vip> vips_;
  std::vector<Vip> reported_;
};

}  // namespace lb::controlplane
