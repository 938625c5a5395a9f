#include "config/model.h"

#include <algorithm>

namespace lb::config {

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
