#include "dataplane/service/snapshot.h"

#include <bit>

namespace lb {

Be32 PortInfo::address_on(std::uint16_t vlan) const {
  for (const Address& own : addresses) {
    if (own.vlan == vlan) return own.address;
  }
  return {};
}

void Snapshot::build_index() {
  std::size_t configured = 0;
  for (const ServiceEntry& service : services) configured += service.configured ? 1 : 0;
  index.clear();
  if (configured == 0) return;

  index.resize(std::bit_ceil(2 * configured));
  const std::size_t mask = index.size() - 1;
  for (std::uint32_t slot = 0; slot < services.size(); ++slot) {
    const ServiceEntry& service = services[slot];
    if (!service.configured) continue;
    const std::uint64_t key = service_key(service.address, service.port, service.proto);
    std::size_t at = service_hash(key) & mask;
    while (index[at].slot != kNoSlot) at = (at + 1) & mask;
    index[at] = {key, slot};
  }
}

}  // namespace lb
