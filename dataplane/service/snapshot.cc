#include "dataplane/service/snapshot.h"

#include <algorithm>
#include <bit>
#include <utility>

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

void Snapshot::build_reply_server_index() {
  std::vector<IndexEntry> answers;
  for (const ServiceEntry& service : services) {
    if (!service.configured || !service.is_stateless_nat()) continue;
    for (const std::uint32_t slot : service.real_servers) {
      const RealServerEntry& rs = real_servers[slot];
      if (rs.next_hop.local) continue;
      answers.push_back({service_key(rs.address, rs.port_for(service.port), kProtoUdp), slot});
    }
  }
  reply_server_index.assign(answers.empty() ? 0 : std::bit_ceil(2 * answers.size()), {});
  for (const IndexEntry& answer : answers) insert(reply_server_index, answer.key, answer.slot);
}

namespace {

void add_vips(const ServiceEntry& service, std::vector<Be32>& addresses) {
  addresses.push_back(service.address);
  for (const Ipv4EndpointRange& range : service.addresses) addresses.push_back(range.address.be);
}

void sort_uniquely(std::vector<Be32>& addresses) {
  std::ranges::sort(addresses, {}, &Be32::raw);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

}  // namespace

void Snapshot::build_local_addresses() {
  local_addresses = own_addresses;
  for (const ServiceEntry& service : services) {
    if (service.configured) add_vips(service, local_addresses);
  }
  sort_uniquely(local_addresses);
}

void Snapshot::build_held_index() {
  std::vector<Be32> held = held_addresses;
  for (const ServiceEntry& service : services) {
    if (service.configured && !service.standby) add_vips(service, held);
  }
  sort_uniquely(held);
  held_index.assign(held.empty() ? 0 : std::bit_ceil(2 * held.size()), {});
  for (const Be32 address : held) insert(held_index, address.raw, 0);
}

void Snapshot::build_server_index() {
  std::vector<IndexEntry> servers;
  for (std::uint32_t slot = 0; slot < real_servers.size(); ++slot) {
    const RealServerEntry& rs = real_servers[slot];
    if (rs.service == kNoSlot || rs.removed || rs.place == Place::none()) continue;
    servers.push_back({rs.address.raw, slot});
  }
  std::ranges::sort(servers, {}, &IndexEntry::key);
  const auto is_same = [](const IndexEntry& a, const IndexEntry& b) { return a.key == b.key; };
  servers.erase(std::unique(servers.begin(), servers.end(), is_same), servers.end());
  server_index.assign(servers.empty() ? 0 : std::bit_ceil(2 * servers.size()), {});
  for (const IndexEntry& server : servers) insert(server_index, server.key, server.slot);
}

void Snapshot::build_index() {
  build_local_addresses();
  build_held_index();
  build_server_index();
  std::vector<IndexEntry> singles;
  std::vector<PortRanges::Range> several;
  for (std::uint32_t slot = 0; slot < services.size(); ++slot) {
    const ServiceEntry& service = services[slot];
    if (!service.configured) continue;
    const auto add = [&](const Ipv4EndpointRange& range) {
      if (range.is_single()) {
        singles.push_back(
            {service_key(range.address.be, Be16::from_host(range.first), service.proto), slot});
      } else {
        several.push_back({range, service.proto, slot});
      }
    };
    if (service.addresses.empty()) add(service.first_address());
    std::ranges::for_each(service.addresses, add);
  }
  index.assign(singles.empty() ? 0 : std::bit_ceil(2 * singles.size()), {});
  for (const IndexEntry& single : singles) insert(index, single.key, single.slot);
  ranges = PortRanges(std::move(several));

  build_reply_server_index();

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

std::optional<Ipv4Endpoint> Snapshot::name_of_service(std::uint32_t slot) const {
  const ServiceEntry& service = services[slot];
  const auto leads_there = [&](Ipv4Address address, std::uint32_t port) {
    const Be16 be = Be16::from_host(static_cast<std::uint16_t>(port));
    return find_service(address.be, be, service.proto) == slot;
  };
  if (service.addresses.empty()) {
    const Ipv4Endpoint only = service.first_address().front();
    return leads_there(only.address, only.port) ? std::optional(only) : std::nullopt;
  }
  for (const Ipv4EndpointRange& range : service.addresses) {
    for (std::uint32_t port = range.first; port <= range.last; ++port) {
      if (leads_there(range.address, port)) {
        return Ipv4Endpoint{range.address, static_cast<std::uint16_t>(port)};
      }
    }
  }
  return std::nullopt;
}

}  // namespace lb
