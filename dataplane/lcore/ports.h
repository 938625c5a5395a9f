// The ports, each with its device (a NIC or a DPDK vdev) and its interface in the kernel, and the
// queues of both dealt out to the workers. Opened and closed by the main thread; in between the
// plain members do not change and any thread may read them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/base/cache_line.h"
#include "config/base/interface_query.h"
#include "config/base/net.h"
#include "config/base/result.h"
#include "dataplane/kernel/readiness.h"
#include "dataplane/kernel/tap.h"
#include "dataplane/lcore/eth_filters.h"
#include "dataplane/lcore/host_interface.h"
#include "dataplane/lcore/kernel_queue.h"
#include "dataplane/lcore/queue_plan.h"
#include "dataplane/lcore/reception.h"
#include "dataplane/service/snapshot.h"

struct rte_mempool;

namespace lb {

struct PortOptions {
  std::string name;    // also of the kernel interface
  std::string device;  // PCI address or vdev, with arguments
  std::uint16_t mtu = 1500;
};

// Guards a tx queue that has more than one worker. A line of its own.
class alignas(kCacheLine) QueueLock {
 public:
  void lock();
  void unlock() { held_.clear(std::memory_order_release); }

 private:
  std::atomic_flag held_;
};

struct RxQueue {
  std::uint16_t device = 0;  // DPDK's port number
  std::uint16_t queue = 0;
  std::uint8_t port = 0;  // our port index
};

struct TxQueue {
  std::uint16_t device = 0;
  std::uint16_t queue = 0;
  QueueLock* lock = nullptr;  // null: no other worker uses the queue
};

// One worker's part.
struct WorkerQueues {
  std::vector<RxQueue> wire_rx;
  std::array<TxQueue, kMaxPorts> wire_tx;        // by port index
  std::array<KernelQueue*, kMaxPorts> kernel{};  // of the ports' kernel interfaces
  Readiness* readiness = nullptr;                // of those
  std::array<std::uint16_t, kMaxPorts> mtu{};    // largest IP packet
  unsigned ports = 0;
};

struct Port {
  PortOptions options;
  std::string driver;
  MacAddress mac;          // the device's own
  MacAddress current_mac;  // the same, or a virtual router's
  std::uint16_t mtu = 0;
  std::uint16_t device = 0;  // DPDK's port number
  unsigned host_index = 0;   // of the host's interface that the device is on; 0: it is on none
  QueuePlan plan;
  std::unique_ptr<QueueLock[]> locks;  // by tx queue; null when no queue is shared
  std::unique_ptr<EthFilters> filters;
  std::unique_ptr<Reception> reception;
  std::unique_ptr<Tap> tap;                                 // the kernel interface
  std::vector<std::unique_ptr<KernelQueue>> kernel_queues;  // by worker
};

enum class PortLink : std::uint8_t {
  kUp,
  kDown,      // or unknown
  kGone,      // its interface of the host does not exist any more
  kReplaced,  // the same, and there is another one of its name, which only a restart uses
};

// The present state of a device.
struct PortReading {
  PortLink link = PortLink::kDown;
  std::uint32_t link_mbps = 0;  // 0: unknown
  std::uint64_t rx_packets = 0, rx_bytes = 0, rx_missed = 0, rx_errors = 0;
  std::uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0;
};

class Ports {
 public:
  // Opens every port and its kernel interface. After start_eal().
  // What is changed on interfaces of the host is noted in `run_dir`.
  static Result<std::unique_ptr<Ports>> open(const std::vector<PortOptions>& options,
                                             unsigned workers, const std::string& run_dir);
  // Stops and closes, and restores the interfaces; no worker may run any more.
  ~Ports();
  Ports(const Ports&) = delete;
  Ports& operator=(const Ports&) = delete;

  const std::vector<Port>& list() const { return ports_; }
  rte_mempool* pool() const { return pool_; }
  WorkerQueues queues(unsigned worker) const;
  // Main thread.
  PortReading read(std::size_t port) const;
  // DPDK's drivers of host interfaces say "up" whatever happens to those: the kernel is asked.
  PortLink link(std::size_t port) const;
  // Gives the port and its kernel interface this MAC address. Main thread; does nothing when they
  // have it already.
  void set_mac(std::size_t port, const MacAddress& mac);
  // What the port must receive beside that: these VLANs, and the multicast groups that its kernel
  // interface is in. Main thread; does nothing when nothing has changed.
  void set_vlans(std::size_t port, const std::set<std::uint16_t>& vlans);
  void follow_groups();

 private:
  explicit Ports(const std::string& run_dir) : host_(run_dir) {}
  Result<void> make_pool(const std::vector<PortOptions>& options, unsigned workers);
  Result<void> open_port(const PortOptions& options, unsigned workers);
  Result<void> open_kernel_interface(Port& port, unsigned workers);

  HostInterfaces host_;
  std::vector<Port> ports_;
  std::vector<std::unique_ptr<Readiness>> readiness_;  // of the kernel interfaces, by worker
  rte_mempool* pool_ = nullptr;                        // of every packet buffer
  const InterfaceQuery query_;
};

}  // namespace lb
