#include "dataplane/service/snapshot.h"

#include <algorithm>
#include <bit>

namespace lb {

Be32 PortInfo::address_on(std::uint16_t vlan) const {
  for (const Address& own : addresses) {
    if (own.vlan == vlan) return own.address;
  }
  return {};
}

void Snapshot::insert(std::vector<IndexEntry>& index, std::uint64_t key, std::uint32_t slot) {
  const std::size_t mask = index.size() - 1;
  std::size_t at = key_hash(key) & mask;
  while (index[at].slot != kNoSlot) at = (at + 1) & mask;
  index[at] = {key, slot};
}

void Snapshot::build_index() {
  const auto configured = std::ranges::count_if(services, &ServiceEntry::configured);
  index.assign(configured == 0 ? 0 : std::bit_ceil(2 * static_cast<std::size_t>(configured)), {});
  for (std::uint32_t slot = 0; slot < services.size(); ++slot) {
    const ServiceEntry& service = services[slot];
    if (!service.configured) continue;
    insert(index, service_key(service.address, service.port, service.proto), slot);
  }
  const auto servers = std::ranges::count_if(
      real_servers, [](const RealServerEntry& rs) { return rs.service != kNoSlot; });
  real_server_index.assign(servers == 0 ? 0 : std::bit_ceil(2 * static_cast<std::size_t>(servers)),
                           {});
  for (std::uint32_t slot = 0; slot < real_servers.size(); ++slot) {
    const RealServerEntry& rs = real_servers[slot];
    if (rs.service == kNoSlot) continue;
    insert(real_server_index, real_server_key(rs.service, rs.address, rs.port), slot);
  }
}

}  // namespace lb
