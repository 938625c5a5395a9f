#include "dataplane/lcore/ports.h"

#include <net/if.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "config/base/log.h"
#include "dataplane/lcore/device.h"
#include "dataplane/lcore/dpdk_log.h"
#include "dataplane/lcore/host_interface.h"
#include "dataplane/lcore/kernel_groups.h"
#include "dataplane/lcore/packet_socket.h"

namespace lb {

namespace {

constexpr std::uint16_t kWireDescriptors = 1024;
// Ethernet header, two VLAN tags, frame check sequence.
constexpr std::size_t kFrameOverhead = 14 + 2 * 4 + 4;
constexpr std::size_t kXdpHeadroom = 256;        // the kernel's, in each buffer
constexpr std::uint16_t kMaxAfPacketMtu = 1500;  // that its driver admits

}  // namespace

void QueueLock::lock() {
  unsigned spins = 0;
  while (held_.test_and_set(std::memory_order_acquire)) {  // pairs with unlock()
    // Workers that share a CPU: the holder cannot run while we spin.
    if (++spins % 1024 == 0) {
      sched_yield();
    } else {
      rte_pause();
    }
  }
}

// Enough for every descriptor of every queue, for fragments that wait, and for each worker's cache
// and bursts. A buffer holds a whole frame of the largest MTU, so that packets come in one piece.
Result<void> Ports::make_pool(const std::vector<PortOptions>& options, unsigned workers) {
  constexpr unsigned kHeld = 8192;
  constexpr unsigned kPerQueuePair = 2 * kWireDescriptors;
  constexpr unsigned kAfXdpFill = 4096;  // per queue, whatever number of descriptors is requested
  constexpr unsigned kPerWorker = 1024;
  constexpr unsigned kCache = 256;
  unsigned buffers = kHeld + workers * kPerWorker;
  for (const auto& port : options) {
    buffers += workers * kPerQueuePair;
    if (port.device.starts_with("net_af_xdp")) buffers += workers * kAfXdpFill;
  }

  std::size_t frame = 2048;
  for (const auto& port : options) {
    const bool af_xdp = port.device.starts_with("net_af_xdp");
    frame = std::max(frame, port.mtu + kFrameOverhead + (af_xdp ? kXdpHeadroom : 0));
    // The driver of AF_PACKET wants room for a whole slot of its ring.
    const std::string slot = argument_of(port.device, "framesz");
    frame = std::max<std::size_t>(frame, std::strtoul(slot.c_str(), nullptr, 10));
  }
  frame = (frame + 1023) / 1024 * 1024;  // NICs count their buffers' size in KB
  const auto room = static_cast<std::uint16_t>(frame + RTE_PKTMBUF_HEADROOM);

  dpdk_log::forget();
  pool_ = rte_pktmbuf_pool_create("packets", buffers, kCache, 0, room, SOCKET_ID_ANY);
  if (pool_ != nullptr) return {};
  return fail(
      fmt::format("no room for {} packet buffers of {} bytes ({}); raise memory_mb in "
                  "[dataplane]",
                  buffers, room, rte_strerror(rte_errno)));
}

Result<void> Ports::open_port(const PortOptions& options, unsigned workers) {
  const std::string label = "port " + options.name;
  const auto failed = [&](const Error& error) {
    return fail(label + " (" + options.device + "): " + error.message);
  };
  const std::string interface = interface_of(options.device);
  const bool with_stack = options.device.starts_with("net_af_packet");
  const bool of_host = with_stack || options.device.starts_with("net_af_xdp");
  if (of_host) {
    if (auto noted = host_.remember(interface, options.mtu, with_stack); !noted) {
      return failed(noted.error());
    }
  }
  const auto device = open_device(options.device);
  if (!device) return failed(device.error());

  Port& port = ports_.emplace_back();  // from here on the destructor closes it
  port.options = options;
  port.device = *device;
  port.host_index = if_nametoindex(interface.c_str());
  if (of_host && port.host_index == 0) {
    return failed(Error{"interface " + interface + ": " + std::strerror(errno)});
  }
  const std::uint16_t mtu = with_stack ? std::min(options.mtu, kMaxAfPacketMtu) : options.mtu;
  auto started = start_device(*device, label, {mtu, workers, kWireDescriptors, pool_});
  if (!started) return failed(started.error());
  if (mtu != options.mtu) {
    if (auto set = set_host_mtu(interface, options.mtu); !set) return failed(set.error());
  }
  port.driver = started->driver;
  if (with_stack) {
    keep_stack_off(interface, label);
    if (sockets_without_reassembly() == 0) {
      log::warning("{}: the kernel reassembles fragments, so large datagrams are lost", label);
    }
  }
  port.mac = port.current_mac = started->mac;
  port.mtu = options.mtu;
  port.plan = started->plan;
  port.filters = std::make_unique<EthFilters>(*device, port.driver);
  port.reception = std::make_unique<Reception>(*port.filters, label);
  port.reception->set_groups({});  // those of the kernel interface follow
  if (port.plan.tx_shared()) port.locks = std::make_unique<QueueLock[]>(port.plan.tx);

  if (auto opened = open_kernel_interface(port, workers); !opened) return failed(opened.error());
  log::info("{}: {} {}, MAC {}, MTU {}, {} rx and {} tx queue{}", label, port.driver,
            options.device, port.mac.to_string(), port.mtu, port.plan.rx, port.plan.tx,
            port.plan.rx + port.plan.tx == 2 ? "" : "s");
  return {};
}

Result<void> Ports::open_kernel_interface(Port& port, unsigned workers) {
  auto tap = Tap::open({port.options.name, port.mac, port.mtu, workers});
  if (!tap) return tl::make_unexpected(tap.error());
  port.tap = std::move(*tap);
  const auto index = static_cast<unsigned>(ports_.size() - 1);
  for (unsigned w = 0; w < workers; ++w) {
    const int queue = port.tap->queue(w);
    if (!readiness_[w]->add(queue, index)) {
      return fail("kernel interface " + port.options.name + ": epoll: " + std::strerror(errno));
    }
    port.kernel_queues.push_back(std::make_unique<KernelQueue>(queue, pool_));
  }
  return {};
}

Result<std::unique_ptr<Ports>> Ports::open(const std::vector<PortOptions>& options,
                                           unsigned workers, const std::string& run_dir) {
  if (options.empty()) return fail("there is no [[port]]");
  if (options.size() > kMaxPorts) {
    return fail(fmt::format("{} ports; at most {} are possible", options.size(), kMaxPorts));
  }
  std::unique_ptr<Ports> ports(new Ports(run_dir));
  if (auto made = ports->make_pool(options, workers); !made) {
    return tl::make_unexpected(made.error());
  }
  for (unsigned w = 0; w < workers; ++w) {
    ports->readiness_.push_back(std::make_unique<Readiness>());
  }
  for (const auto& port : options) {
    if (auto opened = ports->open_port(port, workers); !opened) {
      return tl::make_unexpected(opened.error());
    }
  }
  return ports;
}

Ports::~Ports() {
  for (const Port& port : ports_) close_device(port.device);
  ports_.clear();
  rte_mempool_free(pool_);
}

WorkerQueues Ports::queues(unsigned worker) const {
  WorkerQueues queues;
  queues.ports = static_cast<unsigned>(ports_.size());
  queues.readiness = readiness_[worker].get();
  const auto deal = [worker](const QueuePlan& plan, std::uint16_t device, std::size_t index,
                             QueueLock* locks, std::vector<RxQueue>& rx, TxQueue& tx) {
    for (std::uint16_t q = 0; q < plan.rx; ++q) {
      if (plan.poller(q, static_cast<unsigned>(index)) == worker) {
        rx.push_back({device, q, static_cast<std::uint8_t>(index)});
      }
    }
    const std::uint16_t q = plan.sender(worker);
    tx = {device, q, locks == nullptr ? nullptr : locks + q};
  };
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const Port& port = ports_[i];
    deal(port.plan, port.device, i, port.locks.get(), queues.wire_rx, queues.wire_tx[i]);
    queues.kernel[i] = port.kernel_queues[worker].get();
    queues.mtu[i] = port.mtu;
  }
  return queues;
}

void Ports::set_mac(std::size_t index, const MacAddress& mac) {
  Port& port = ports_[index];
  if (port.current_mac == mac) return;
  port.current_mac = mac;
  const bool is_of_host = !interface_of(port.options.device).empty();
  port.reception->set_mac({mac, mac == port.mac, is_of_host});
  if (auto set = port.tap->set_mac(mac); !set) {
    log::error("port {}: its kernel interface: {}", port.options.name, set.error().message);
  }
}

void Ports::set_vlans(std::size_t index, const std::set<std::uint16_t>& vlans) {
  ports_[index].reception->set_vlans(vlans);
}

void Ports::follow_groups() {
  GroupsByInterface groups;
  bool read = false;
  for (Port& port : ports_) {
    if (!port.reception->filters_groups()) continue;
    if (!std::exchange(read, true)) groups = read_kernel_groups("/proc/net/dev_mcast");
    port.reception->set_groups(groups[port.options.name]);
  }
}

PortLink Ports::link(std::size_t port) const {
  const Port& at = ports_[port];
  if (at.host_index != 0) {
    const auto interface = query_.name_of(at.host_index);
    if (!interface) return PortLink::kDown;  // unknown is not up
    if (interface->empty()) {
      const bool again = if_nametoindex(interface_of(at.options.device).c_str()) != 0;
      return again ? PortLink::kReplaced : PortLink::kGone;
    }
    if (!query_.has_carrier(*interface)) return PortLink::kDown;
  }
  rte_eth_link link{};
  const bool up =
      rte_eth_link_get_nowait(at.device, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
  return up ? PortLink::kUp : PortLink::kDown;
}

PortReading Ports::read(std::size_t port) const {
  PortReading reading;
  reading.link = link(port);
  const std::uint16_t id = ports_[port].device;
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id, &link) == 0) {
    if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN) reading.link_mbps = link.link_speed;
  }
  rte_eth_stats stats{};
  if (rte_eth_stats_get(id, &stats) == 0) {
    reading.rx_packets = stats.ipackets;
    reading.rx_bytes = stats.ibytes;
    reading.rx_missed = stats.imissed;
    reading.rx_errors = stats.ierrors;
    reading.tx_packets = stats.opackets;
    reading.tx_bytes = stats.obytes;
    reading.tx_errors = stats.oerrors;
  }
  return reading;
}

}  // namespace lb
