#include "config/model.h"

#include <algorithm>

namespace lb::config {

bool SorryServer::is_local() const {
  constexpr std::uint32_t kLoopbackNet = 127;
  const auto ipv4 = address.address.to_ipv4();
  return ipv4 && ipv4->host() >> 24 == kLoopbackNet;
}

std::optional<SorryServer> Service::stand_in() const {
  constexpr std::uint32_t kLocalhost = 0x7f000001;
  if (sorry_page.empty()) return sorry_server;
  SorryServer local;
  local.address = Endpoint(Ipv4Address::from_host(kLocalhost), only_port());
  return local;
}

std::uint16_t Service::only_port() const {
  if (addresses.empty()) return 0;  // of a file with a mistake
  const std::uint16_t first = addresses.front().first;
  const bool same = std::all_of(
      addresses.begin(), addresses.end(),
      [&](const EndpointRange& range) { return range.first == first && range.is_single(); });
  return same ? first : std::uint16_t{0};
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
