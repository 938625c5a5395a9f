#include "config/model.h"

#include <algorithm>

namespace lb::config {

std::vector<Ipv4Address> Service::vips() const {
  std::vector<Ipv4Address> out;
  for (const Ipv4EndpointRange& range : addresses) {
    if (std::find(out.begin(), out.end(), range.address) == out.end()) {
      out.push_back(range.address);
    }
  }
  return out;
}

}  // namespace lb::config
