// From which MAC addresses VRRP packets came, for reports: a raw IPv4 socket does not say it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "config/base/net.h"

namespace lb::vrrp {

class SenderMacs {
 public:
  SenderMacs() = default;
  ~SenderMacs() { close(); }
  SenderMacs(const SenderMacs&) = delete;
  SenderMacs& operator=(const SenderMacs&) = delete;

  // Without CAP_NET_RAW, or without memory, nothing is known.
  void open(int interface_index);
  void close();
  // Reads what has arrived. To be called as often as the adverts are read.
  void read();
  // Of the last packets.
  std::optional<MacAddress> find(Ipv4Address source) const;

 private:
  struct Sender {
    Ipv4Address source;
    MacAddress mac;
  };
  static constexpr std::size_t kKept = 16;

  int fd_ = -1;
  std::array<Sender, kKept> last_{};
  std::size_t next_ = 0;  // place of the next one
};

}  // namespace lb::vrrp
