// The filters of a DPDK Ethernet device (reception.h). Main thread.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/lcore/reception.h"

namespace lb {

class EthFilters final : public DeviceFilters {
 public:
  // `id`: DPDK's port number, of a device that is started.
  EthFilters(std::uint16_t id, std::string driver) : id_(id), driver_(std::move(driver)) {}

  int enable_promiscuous() override;
  bool promiscuous() const override;
  int enable_allmulticast() override;
  bool allmulticast() const override;
  int set_groups(const std::vector<MacAddress>& groups) override;
  bool can_filter_vlans() const override;
  int enable_vlan_filter() override;
  bool vlan_filter() const override;
  int set_vlan(std::uint16_t vlan, bool admitted) override;
  int set_mac(const MacAddress& mac) override;
  std::optional<MacAddress> mac() const override;
  bool is_virtual_function() const override;
  int try_further_mac(const MacAddress& mac) override;
  std::string reason(int status) const override;

 private:
  const std::uint16_t id_;
  const std::string driver_;
};

// The reason of a DPDK call's failure: what the driver logged since dpdk_log::forget(), else the text
// of the error number.
std::string dpdk_reason(int status);

}  // namespace lb
