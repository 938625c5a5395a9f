// Which frames a device hands over: those of the port's VLANs, of the multicast groups that the
// kernel interface is in, and of the port's MAC address. Drivers refuse parts of this, and some
// accept what they do not do: each request is followed by a question for the result, and the result
// is one log line. Pure: the device is behind an interface.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/base/net.h"

namespace lb {

// The filters of one device. Requests give 0 or a negative error number, -ENOTSUP when the driver
// has no such function.
class DeviceFilters {
 public:
  virtual ~DeviceFilters() = default;

  virtual int enable_promiscuous() = 0;
  virtual bool promiscuous() const = 0;

  virtual int enable_allmulticast() = 0;
  virtual bool allmulticast() const = 0;
  virtual int set_groups(const std::vector<MacAddress>& groups) = 0;  // instead of those before

  virtual bool can_filter_vlans() const = 0;  // by what the driver says
  virtual int enable_vlan_filter() = 0;
  virtual bool vlan_filter() const = 0;
  virtual int set_vlan(std::uint16_t vlan, bool admitted) = 0;

  virtual int set_mac(const MacAddress& mac) = 0;
  virtual std::optional<MacAddress> mac() const = 0;
  // A virtual function has the addresses that its host's driver grants. DPDK's drivers of virtual
  // functions ignore the answer to set_mac(), but not to a request for a further address: this one
  // makes such a request and takes it back.
  virtual bool is_virtual_function() const = 0;
  virtual int try_further_mac(const MacAddress& mac) = 0;

  // Of the last request that failed: what the driver logged, or the text of the error number.
  virtual std::string reason(int status) const = 0;
};

class Reception {
 public:
  // `label` begins log lines.
  Reception(DeviceFilters& device, std::string label) : device_(device), label_(std::move(label)) {}

  // Multicast: by the device's list of groups, else all multicast, else promiscuous. Again whenever
  // the groups have changed; those of VRRP are always among them.
  void set_groups(std::set<std::array<std::uint8_t, 6>> groups);
  // Whether the groups matter, because the device filters by them.
  bool filters_groups() const { return multicast_ == Multicast::kList; }

  // VLANs: by the device's filter, else promiscuous. A device that says that it has no filter is left
  // as it is.
  void set_vlans(const std::set<std::uint16_t>& vlans);

  // Unicast: by the MAC address of the device, else promiscuous. False: neither, so that the port does
  // not receive what is for this address. `own`: it is the device's own. `keep`: the device is an
  // interface of the host, which must not keep a foreign address when this process dies.
  struct Mac {
    MacAddress address;
    bool own = false;
    bool keep = false;
  };
  bool set_mac(const Mac& mac);

 private:
  enum class Multicast : std::uint8_t { kUnset, kList, kAll, kPromiscuous, kUnfiltered, kFailed };

  // Empty: it is promiscuous now. Otherwise why not.
  std::string make_promiscuous();
  Multicast choose_multicast(std::string& why);
  std::string filter_vlans(const std::set<std::uint16_t>& vlans);
  std::string assign_mac(const MacAddress& mac, bool own);

  DeviceFilters& device_;
  const std::string label_;
  std::set<std::array<std::uint8_t, 6>> groups_;
  Multicast multicast_ = Multicast::kUnset;
  std::set<std::uint16_t> vlans_;     // as they were requested
  std::set<std::uint16_t> admitted_;  // by the filter
};

}  // namespace lb
