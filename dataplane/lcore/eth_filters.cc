#include "dataplane/lcore/eth_filters.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/lcore/dpdk_log.h"

namespace lb {

namespace {

rte_ether_addr to_dpdk(const MacAddress& mac) {
  rte_ether_addr address{};
  std::copy(mac.bytes.begin(), mac.bytes.end(), std::begin(address.addr_bytes));
  return address;
}

// DPDK has several numbers for a function that a driver does not have.
int unified(int status) {
  return status == -ENOSYS || status == -EOPNOTSUPP ? -ENOTSUP : status;
}

}  // namespace

std::string dpdk_reason(int status) {
  const int error = status < 0 ? -status : status;
  const std::string said = dpdk_log::last_line();
  std::string text = said.empty() ? rte_strerror(error) : said;
  if (error == EPERM && ::geteuid() != 0) text += "; run as root or with CAP_NET_ADMIN";
  return text;
}

int EthFilters::enable_promiscuous() {
  dpdk_log::forget();
  return unified(rte_eth_promiscuous_enable(id_));
}

bool EthFilters::promiscuous() const {
  return rte_eth_promiscuous_get(id_) == 1;
}

int EthFilters::enable_allmulticast() {
  dpdk_log::forget();
  return unified(rte_eth_allmulticast_enable(id_));
}

bool EthFilters::allmulticast() const {
  return rte_eth_allmulticast_get(id_) == 1;
}

int EthFilters::set_groups(const std::vector<MacAddress>& groups) {
  std::vector<rte_ether_addr> list;
  for (const MacAddress& group : groups) list.push_back(to_dpdk(group));
  dpdk_log::forget();
  return unified(
      rte_eth_dev_set_mc_addr_list(id_, list.data(), static_cast<std::uint32_t>(list.size())));
}

bool EthFilters::can_filter_vlans() const {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(id_, &info) != 0) return false;
  return (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) != 0;
}

int EthFilters::enable_vlan_filter() {
  dpdk_log::forget();
  const int now = rte_eth_dev_get_vlan_offload(id_);
  if (now < 0) return now;
  return unified(rte_eth_dev_set_vlan_offload(id_, now | RTE_ETH_VLAN_FILTER_OFFLOAD));
}

bool EthFilters::vlan_filter() const {
  const int now = rte_eth_dev_get_vlan_offload(id_);
  return now > 0 && (now & RTE_ETH_VLAN_FILTER_OFFLOAD) != 0;
}

int EthFilters::set_vlan(std::uint16_t vlan, bool admitted) {
  dpdk_log::forget();
  return unified(rte_eth_dev_vlan_filter(id_, vlan, admitted ? 1 : 0));
}

int EthFilters::set_mac(const MacAddress& mac) {
  rte_ether_addr address = to_dpdk(mac);
  dpdk_log::forget();
  return unified(rte_eth_dev_default_mac_addr_set(id_, &address));
}

std::optional<MacAddress> EthFilters::mac() const {
  rte_ether_addr address{};
  if (rte_eth_macaddr_get(id_, &address) != 0) return std::nullopt;
  MacAddress mac;
  std::copy(std::begin(address.addr_bytes), std::end(address.addr_bytes), mac.bytes.begin());
  return mac;
}

// net_ixgbe_vf, net_e1000_igb_vf, net_iavf, net_fm10k_vf, net_enetc_vf.
bool EthFilters::is_virtual_function() const {
  return driver_.ends_with("vf");
}

int EthFilters::try_further_mac(const MacAddress& mac) {
  rte_ether_addr address = to_dpdk(mac);
  dpdk_log::forget();
  const int status = rte_eth_dev_mac_addr_add(id_, &address, 0);
  if (status == 0) rte_eth_dev_mac_addr_remove(id_, &address);
  return unified(status);
}

std::string EthFilters::reason(int status) const {
  return dpdk_reason(status);
}

}  // namespace lb
