#include "dataplane/lcore/device.h"

#include <net/if.h>
#include <rte_bus_vdev.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "config/base/log.h"
#include "dataplane/lcore/dpdk_log.h"
#include "dataplane/lcore/eal.h"
#include "dataplane/lcore/eth_filters.h"

namespace lb {

namespace {

tl::unexpected<Error> failed(const std::string& what, int status) {
  return fail(what + ": " + dpdk_reason(status));
}

Result<void> make_vdev(const std::string& device) {
  const std::size_t comma = std::min(device.find(','), device.size());
  const std::string name = device.substr(0, comma);
  const std::string arguments = comma < device.size() ? device.substr(comma + 1) : std::string();
  dpdk_log::forget();
  const int status = rte_vdev_init(name.c_str(), arguments.c_str());
  if (status == 0) return {};
  if (status == -EEXIST) {
    return fail("vdev " + name + " is in use already; give it another number");
  }
  const std::string interface = interface_of(device);
  const bool existing = name.starts_with("net_af_packet") || name.starts_with("net_af_xdp");
  if (existing && !interface.empty() && if_nametoindex(interface.c_str()) == 0) {
    return fail("there is no interface " + interface + "; see 'ip link' for those that are");
  }
  if (dpdk_log::last_line().empty() && status == -1) {
    return fail("no DPDK driver accepts the vdev " + name +
                "; its name begins with the driver's, as in net_af_packet0 or net_af_xdp0");
  }
  return failed("vdev " + name + " could not be created", status);
}

struct Capabilities {
  rte_eth_dev_info info{};
  std::string_view driver;
};

// Software drivers verify nothing that is not verified here, and virtio with checksum offload hands
// over packets whose checksum its own host never filled in.
bool checks_in_hardware(std::string_view driver) {
  return !driver.starts_with("net_virtio") && !driver.starts_with("net_vhost") &&
         !driver.starts_with("net_tap");
}

rte_eth_conf configuration(const Capabilities& device, const DeviceSetup& setup,
                           std::uint16_t rx_queues) {
  rte_eth_conf conf{};
  conf.rxmode.mtu = std::clamp(setup.mtu, device.info.min_mtu, device.info.max_mtu);
  if (checks_in_hardware(device.driver)) {
    conf.rxmode.offloads =
        device.info.rx_offload_capa & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM |
                                       RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
  }
  // Every buffer is from one pool, whole and has one owner.
  conf.txmode.offloads = device.info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
  const std::uint64_t hashes =
      device.info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
  if (rx_queues > 1 && hashes != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = hashes;
  }
  return conf;
}

Result<void> set_up_queues(std::uint16_t id, const QueuePlan& plan, const DeviceSetup& setup) {
  std::uint16_t rx_descriptors = setup.descriptors;
  std::uint16_t tx_descriptors = setup.descriptors;
  int status = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx_descriptors, &tx_descriptors);
  if (status != 0) return failed("descriptors", status);
  const int socket = rte_eth_dev_socket_id(id);
  const auto node =
      socket < 0 ? static_cast<unsigned>(SOCKET_ID_ANY) : static_cast<unsigned>(socket);
  for (std::uint16_t q = 0; q < plan.rx; ++q) {
    status = rte_eth_rx_queue_setup(id, q, rx_descriptors, node, nullptr, setup.pool);
    if (status != 0) return failed("rx queue " + std::to_string(q), status);
  }
  for (std::uint16_t q = 0; q < plan.tx; ++q) {
    status = rte_eth_tx_queue_setup(id, q, tx_descriptors, node, nullptr);
    if (status != 0) return failed("tx queue " + std::to_string(q), status);
  }
  return {};
}

void set_mtu(std::uint16_t id, const std::string& label, std::uint16_t mtu) {
  const int status = rte_eth_dev_set_mtu(id, mtu);
  if (status == 0 || (status == -ENOTSUP && mtu == 1500)) return;
  log::warning("{}: MTU {} could not be set on the device: {}", label, mtu, dpdk_reason(status));
}

}  // namespace

std::string argument_of(const std::string& device, const std::string& key) {
  const std::string before = ',' + key + '=';
  const std::size_t at = device.find(before);
  if (at == std::string::npos) return {};
  const std::size_t start = at + before.size();
  return device.substr(start, device.find(',', start) - start);
}

std::string interface_of(const std::string& device) {
  return argument_of(device, "iface");
}

Result<std::uint16_t> open_device(const std::string& device) {
  std::string name = device.substr(0, device.find(','));
  if (is_pci_device(device)) {
    if (name.find(':') == name.rfind(':')) name.insert(0, "0000:");
  } else {
    if (auto made = make_vdev(device); !made) return tl::make_unexpected(made.error());
  }
  std::uint16_t id = 0;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &id) == 0) return id;
  if (is_pci_device(device)) {
    return fail("no DPDK driver accepted PCI device " + name +
                "; bind it: dpdk-devbind.py --bind=vfio-pci " + name);
  }
  return fail(name + " is not a network device; see the drivers that begin with net_");
}

Result<StartedDevice> start_device(std::uint16_t id, const std::string& label,
                                   const DeviceSetup& setup) {
  dpdk_log::forget();
  Capabilities device;
  int status = rte_eth_dev_info_get(id, &device.info);
  if (status != 0) return failed("device information", status);
  device.driver = device.info.driver_name;

  const bool fans_out = device.driver == "net_af_packet" || device.driver == "net_af_xdp";
  const QueuePlan plan = QueuePlan::make(
      {device.info.max_rx_queues, device.info.max_tx_queues, fans_out}, setup.workers);
  if (plan.rx < setup.workers) {
    log::info("{}: {} rx queue{} for {} workers, so not every worker receives from it", label,
              plan.rx, plan.rx == 1 ? "" : "s", setup.workers);
  }
  if (plan.tx_shared()) {
    log::info("{}: {} tx queue{} for {} workers, shared under a lock", label, plan.tx,
              plan.tx == 1 ? "" : "s", setup.workers);
  }

  const rte_eth_conf conf = configuration(device, setup, plan.rx);
  status = rte_eth_dev_configure(id, plan.rx, plan.tx, &conf);
  if (status != 0) return failed("configuration", status);
  set_mtu(id, label, setup.mtu);
  if (auto queues = set_up_queues(id, plan, setup); !queues) {
    return tl::make_unexpected(queues.error());
  }
  status = rte_eth_dev_start(id);
  if (status != 0) return failed("start", status);

  StartedDevice started;
  started.driver = device.driver;
  started.plan = plan;
  started.mtu = setup.mtu;
  rte_ether_addr mac{};
  status = rte_eth_macaddr_get(id, &mac);
  if (status != 0) return failed("MAC address", status);
  std::copy(std::begin(mac.addr_bytes), std::end(mac.addr_bytes), started.mac.bytes.begin());
  return started;
}

void close_device(std::uint16_t id) {
  rte_eth_dev_stop(id);
  rte_eth_dev_close(id);
}

}  // namespace lb
