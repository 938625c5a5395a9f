#include "config/model.h"

#include <algorithm>

namespace lb::config {

bool SorryServer::is_local() const {
  constexpr std::uint32_t kLoopbackNet = 127;
  const auto ipv4 = address.address.to_ipv4();
  return ipv4 && ipv4->host() >> 24 == kLoopbackNet;
}

std::vector<Address> Service::vips() const {
  std::vector<Address> out;
  for (const EndpointRange& range : addresses) {
    if (std::find(out.begin(), out.end(), range.address) == out.end()) {
      out.push_back(range.address);
    }
  }
  return out;
}

}  // namespace lb::config
