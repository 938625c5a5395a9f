#include "dataplane/service/build.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "dataplane/service/build_ports.h"
#include "dataplane/service/choice.h"

namespace lb {
namespace {

constexpr std::uint32_t kPpmOfPercent = 10'000;

using SlotsByKey = std::unordered_map<std::uint64_t, std::uint32_t>;

using ServiceKey = std::pair<std::uint8_t, Ipv4EndpointRange>;

ServiceKey service_key(const ServiceEntry& service) {
  return {service.proto, service.first_address()};
}

// Service slots have 14 bits.
std::uint64_t real_server_key(const RealServerEntry& rs) {
  return rs.address.raw | std::uint64_t{rs.port.raw} << 32 | std::uint64_t{rs.service} << 48;
}

// Whether connections to its servers that are down end here. A standby leaves that to the master;
// when it becomes master itself they are news.
bool resets(const ServiceEntry& service) {
  return service.on_server_down == OnServerDown::kReset && !service.standby;
}

// Of the services without a share of their own: they divide the default evenly.
std::uint32_t default_share_ppm(const std::vector<ServiceSpec>& services) {
  const auto without = std::ranges::count_if(services, [](const ServiceSpec& service) {
    return !service.table_share && !service.one_packet;
  });
  const auto count = static_cast<std::uint32_t>(without);
  return kDefaultTableShare * kPpmOfPercent / std::max(count, 1U);
}

class Builder {
 public:
  Builder(const SnapshotSpec& spec, const std::vector<PortInfo>& ports, const Snapshot& previous,
          const std::function<bool(std::uint32_t)>& in_use)
      : spec_(spec),
        previous_(previous),
        in_use_(in_use),
        next_(std::make_unique<Snapshot>()),
        default_share_ppm_(default_share_ppm(spec.services)) {
    next_->ports = ports_of(spec, ports);
    next_->policies = policies_of(spec, ports);
  }

  Result<std::unique_ptr<Snapshot>> build();

 private:
  void index_previous();
  std::uint32_t take_service_slot(const ServiceEntry& service);
  std::uint32_t take_real_server_slot(const RealServerEntry& rs);
  bool add_service(const ServiceSpec& spec);
  void add_gate(const ServiceSpec& spec, std::uint32_t slot);
  void add_syn_proxy(const ServiceSpec& spec, std::uint32_t slot);
  std::shared_ptr<const AccessList> compile(const SharedAccessList& list);
  bool add_real_server(const RealServerSpec& spec, std::uint32_t service_slot,
                       std::optional<std::uint8_t> tos);
  void set_timeouts(std::uint32_t service_slot, const TimeoutTicks& ticks);
  void keep_removed();
  std::uint32_t scope_of(const ServiceEntry& service, const ServiceEntry* before);
  void prepare_persistence(const ServiceSpec& spec, ServiceEntry& service,
                           const ServiceEntry* before);
  void prepare_groups();
  std::uint32_t table_share_ppm_of(const ServiceSpec& spec) const;
  bool any_newly_reset() const;
  bool any_taken_over() const;

  const SnapshotSpec& spec_;
  const Snapshot& previous_;
  const std::function<bool(std::uint32_t)>& in_use_;
  std::unique_ptr<Snapshot> next_;
  std::map<ServiceKey, std::uint32_t> service_slots_;  // of previous_, kept ones too
  SlotsByKey real_server_slots_;                       // likewise
  std::unordered_map<std::string, std::uint32_t> group_scopes_;
  // Below these no slot is left that was free in previous_.
  std::uint32_t free_service_ = 0;
  std::uint32_t free_real_server_ = 0;
  const std::uint32_t default_share_ppm_;
};

void Builder::index_previous() {
  for (std::uint32_t slot = 0; slot < previous_.services.size(); ++slot) {
    const ServiceEntry& service = previous_.services[slot];
    if (service.proto != 0) service_slots_.emplace(service_key(service), slot);
    const Persistence& persistence = service.persistence;
    if (persistence.scope != 0 && !persistence.group.empty()) {
      group_scopes_.emplace(persistence.group, persistence.scope);
    }
  }
  for (std::uint32_t slot = 0; slot < previous_.real_servers.size(); ++slot) {
    const RealServerEntry& rs = previous_.real_servers[slot];
    if (rs.service != kNoSlot) real_server_slots_.emplace(real_server_key(rs), slot);
  }
}

// The slot that the service has in previous_, or else one that is free there; kNoSlot: none is.
std::uint32_t Builder::take_service_slot(const ServiceEntry& service) {
  if (const auto it = service_slots_.find(service_key(service)); it != service_slots_.end()) {
    return it->second;
  }
  const auto& before = previous_.services;
  while (free_service_ < before.size() && before[free_service_].proto != 0) ++free_service_;
  if (free_service_ == kMaxServiceSlots) return kNoSlot;
  if (free_service_ >= next_->services.size()) next_->services.emplace_back();
  return free_service_++;
}

std::uint32_t Builder::take_real_server_slot(const RealServerEntry& rs) {
  if (const auto it = real_server_slots_.find(real_server_key(rs));
      it != real_server_slots_.end()) {
    return it->second;
  }
  const auto& before = previous_.real_servers;
  while (free_real_server_ < before.size() && before[free_real_server_].service != kNoSlot) {
    ++free_real_server_;
  }
  if (free_real_server_ == kMaxRealServerSlots) return kNoSlot;
  if (free_real_server_ >= next_->real_servers.size()) next_->real_servers.emplace_back();
  return free_real_server_++;
}

bool Builder::add_service(const ServiceSpec& spec) {
  ServiceEntry service;
  service.name = spec.name;
  service.address = ipv4(spec.primary_endpoint().address).be;
  service.port = Be16::from_host(spec.primary_endpoint().port);
  if (!spec.has_single_endpoint()) {
    for (const EndpointRange& range : spec.addresses) {
      service.addresses.push_back({ipv4(range.address), range.first, range.last});
    }
  }
  service.proto = static_cast<std::uint8_t>(spec.protocol);
  service.mode = spec.mode;
  service.scheduler = spec.scheduler;
  service.on_server_down = spec.on_server_down;
  service.sync = spec.sync;
  service.standby = spec.standby;
  service.one_packet = spec.one_packet;
  service.configured = true;
  service.table_share_ppm = table_share_ppm_of(spec);
  next_->table_share_ppm += service.table_share_ppm;
  if (service.is_stateless_nat() && next_->return_paths == nullptr) {
    next_->return_paths = previous_.return_paths != nullptr ? previous_.return_paths
                                                            : std::make_shared<ReturnPaths>();
  }
  const std::uint32_t slot = take_service_slot(service);
  if (slot == kNoSlot) return false;
  next_->services[slot] = std::move(service);
  add_gate(spec, slot);
  add_syn_proxy(spec, slot);

  for (const RealServerSpec& rs : spec.real_servers) {
    if (!add_real_server(rs, slot, spec.tos)) return false;
  }
  if (spec.timeouts) set_timeouts(slot, to_ticks(*spec.timeouts));
  const bool known = slot < previous_.services.size();
  const ServiceEntry* const before = known ? &previous_.services[slot] : nullptr;
  prepare_choice(next_->services[slot], next_->real_servers, before);
  if (spec.persistence.count() != 0) prepare_persistence(spec, next_->services[slot], before);
  return true;
}

// Datagrams that go each on its own take no place.
std::uint32_t Builder::table_share_ppm_of(const ServiceSpec& spec) const {
  if (spec.one_packet) return 0;
  return spec.table_share ? *spec.table_share * kPpmOfPercent : default_share_ppm_;
}

// The state of the service's limits is kept, and so is that of its clients.
void Builder::add_gate(const ServiceSpec& spec, std::uint32_t slot) {
  if (!spec.access && !spec.limits.any()) return;
  if (spec.limits.new_per_second_per_client != 0 && next_->clients == nullptr) {
    next_->clients =
        previous_.clients != nullptr ? previous_.clients : std::make_shared<ClientBuckets>();
  }
  const bool known = slot < previous_.services.size();
  const Gate* const before = known ? previous_.services[slot].gate.get() : nullptr;
  next_->services[slot].gate =
      std::make_shared<const Gate>(slot, compile(spec.access), spec.limits, next_->clients, before);
}

// What it has counted and found is kept.
void Builder::add_syn_proxy(const ServiceSpec& spec, std::uint32_t slot) {
  if (spec.syn_proxy == SynProxyMode::kOff) return;
  const bool known = slot < previous_.services.size();
  const SynProxy* const before = known ? previous_.services[slot].syn_proxy.get() : nullptr;
  next_->services[slot].syn_proxy =
      std::make_shared<const SynProxy>(spec.syn_proxy, spec.syn_proxy_threshold, before);
  next_->any_syn_proxy = true;
}

// Equal lists are kept once, and one that was there before is not compiled again.
std::shared_ptr<const AccessList> Builder::compile(const SharedAccessList& list) {
  if (!list) return nullptr;
  const auto [at, is_new] = next_->access_lists.try_emplace(list);
  if (!is_new) return at->second;
  const auto known = previous_.access_lists.find(list);
  at->second = known != previous_.access_lists.end() ? known->second
                                                     : std::make_shared<const AccessList>(*list);
  return at->second;
}

bool Builder::add_real_server(const RealServerSpec& spec, std::uint32_t service_slot,
                              std::optional<std::uint8_t> tos) {
  ServiceEntry& service = next_->services[service_slot];
  RealServerEntry rs;
  rs.address = ipv4(spec.address.address).be;
  rs.port = Be16::from_host(spec.address.port);
  rs.weight = spec.weight;
  rs.max_connections = spec.max_connections;
  rs.resume_connections = spec.resume_connections;
  service.limited |= rs.max_connections != 0;
  rs.service = service_slot;
  rs.mode = spec.mode.value_or(service.mode);
  rs.up = spec.up;
  rs.down = !spec.up && !spec.keep_connections;
  rs.next_hop.local = spec.local;
  rs.reset = (rs.down && resets(service)) || (spec.end_connections && !service.standby);
  if (spec.next_hop) {
    rs.next_hop = next_hop(*spec.next_hop, next_->ports, tos);
    rs.place = Place::make(spec.next_hop->vlan, rs.next_hop.port);
    service.mtu = service.mtu == 0 ? rs.next_hop.mtu : std::min(service.mtu, rs.next_hop.mtu);
  }

  const std::uint32_t slot = take_real_server_slot(rs);
  if (slot == kNoSlot) return false;
  next_->real_servers[slot] = rs;
  service.real_servers.push_back(slot);
  if (rs.up && rs.weight > 0) {
    service.candidates.push_back(slot);
    service.weights.push_back(rs.weight);
    service.local |= spec.local;
  }
  return true;
}

// Equal ones are kept once: services with own timeouts mostly have the same.
void Builder::set_timeouts(std::uint32_t service_slot, const TimeoutTicks& ticks) {
  std::vector<TimeoutTicks>& sets = next_->own_timeouts;
  const auto known = std::ranges::find(sets, ticks);
  const auto number = static_cast<std::uint16_t>(known - sets.begin() + 1);
  if (known == sets.end()) sets.push_back(ticks);
  if (next_->own_timeouts_of.empty()) next_->own_timeouts_of.resize(kMaxServiceSlots);
  next_->own_timeouts_of[service_slot] = number;
}

// Takes over the removed real servers that may still have connections, and their services.
void Builder::keep_removed() {
  for (std::uint32_t slot = 0; slot < previous_.real_servers.size(); ++slot) {
    const RealServerEntry& before = previous_.real_servers[slot];
    RealServerEntry& rs = next_->real_servers[slot];
    if (before.service == kNoSlot || rs.service != kNoSlot) continue;
    if (before.removed && !in_use_(slot)) continue;

    ServiceEntry& service = next_->services[before.service];
    if (service.proto == 0) {
      const ServiceEntry& old = previous_.services[before.service];
      service.name = old.name;
      service.address = old.address;
      service.port = old.port;
      service.addresses = old.addresses;
      service.proto = old.proto;
      service.mode = old.mode;
      service.scheduler = old.scheduler;
      service.on_server_down = old.on_server_down;
      service.sync = old.sync;
      service.standby = old.standby;
      if (const TimeoutTicks* own = previous_.own_timeouts_at(before.service)) {
        set_timeouts(before.service, *own);
      }
    }
    rs = before;
    rs.weight = 0;
    rs.up = false;
    rs.down = true;
    rs.removed = true;
    rs.reset = resets(service);
    if (rs.next_hop.port >= next_->ports.size()) {
      rs.next_hop = {};
      rs.place = Place::none();
    }
  }
}

// The number that the service or its group had, so that its clients stay where they are; else a new
// one.
std::uint32_t Builder::scope_of(const ServiceEntry& service, const ServiceEntry* before) {
  const std::string& group = service.persistence.group;
  if (!group.empty()) {
    const auto [at, is_new] = group_scopes_.emplace(group, next_->scopes + 1);
    if (is_new) ++next_->scopes;
    return at->second;
  }
  const bool same = before != nullptr && before->persistence.scope != 0 &&
                    before->persistence.group.empty() &&
                    service_key(*before) == service_key(service);
  return same ? before->persistence.scope : ++next_->scopes;
}

void Builder::prepare_persistence(const ServiceSpec& spec, ServiceEntry& service,
                                  const ServiceEntry* before) {
  Persistence& persistence = service.persistence;
  persistence.ticks = to_ticks(spec.persistence);
  persistence.prefix = spec.persistence_prefix;
  persistence.mask = Be32::from_host(~std::uint32_t{0} << (32 - spec.persistence_prefix)).raw;
  persistence.group = spec.group;
  persistence.scope = scope_of(service, before);
  persistence.by_address = service.real_servers;
  std::ranges::stable_sort(persistence.by_address, {}, [this](std::uint32_t slot) {
    return next_->real_servers[slot].address.raw;
  });
  next_->any_persistence = true;
}

void Builder::prepare_groups() {
  std::unordered_map<std::uint32_t, std::shared_ptr<std::vector<std::uint32_t>>> by_scope;
  for (ServiceEntry& service : next_->services) {
    Persistence& persistence = service.persistence;
    if (persistence.group.empty()) continue;
    auto& addresses = by_scope[persistence.scope];
    if (addresses == nullptr) addresses = std::make_shared<std::vector<std::uint32_t>>();
    persistence.group_addresses = addresses;
    for (const std::uint32_t slot : service.real_servers) {
      addresses->push_back(next_->real_servers[slot].address.raw);
    }
  }
  for (const auto& [scope, addresses] : by_scope) std::ranges::sort(*addresses);
}

bool Builder::any_newly_reset() const {
  for (std::uint32_t slot = 0; slot < previous_.real_servers.size(); ++slot) {
    const RealServerEntry& before = previous_.real_servers[slot];
    if (before.service != kNoSlot && !before.reset && next_->real_servers[slot].reset) return true;
  }
  return false;
}

bool Builder::any_taken_over() const {
  for (std::uint32_t slot = 0; slot < previous_.services.size(); ++slot) {
    const ServiceEntry& before = previous_.services[slot];
    const ServiceEntry& now = next_->services[slot];
    if (before.configured && before.standby && now.configured && !now.standby) return true;
  }
  return false;
}

Result<std::unique_ptr<Snapshot>> Builder::build() {
  next_->generation = previous_.generation + 1;
  next_->timeout_ticks = to_ticks(spec_.timeouts);
  for (const Address& own : spec_.own_addresses) next_->own_addresses.push_back(ipv4(own).be);
  std::ranges::sort(next_->own_addresses, {}, &Be32::raw);
  for (const Address& held : spec_.held_addresses) next_->held_addresses.push_back(ipv4(held).be);
  next_->source_routes = source_routes(spec_, next_->ports);
  next_->scopes = previous_.scopes;
  next_->services.resize(previous_.services.size());
  next_->real_servers.resize(previous_.real_servers.size());

  index_previous();
  for (const ServiceSpec& service : spec_.services) {
    if (!add_service(service)) {
      return fail("service " + service.name + ": no slot is left for it or its real servers, " +
                  "since removed ones keep theirs while they have connections; apply the " +
                  "removals first and the additions later");
    }
  }
  keep_removed();
  prepare_groups();
  next_->takeovers = previous_.takeovers + (any_taken_over() ? 1 : 0);
  next_->reset_epoch = previous_.reset_epoch + (any_newly_reset() ? 1 : 0);
  next_->build_index();
  return std::move(next_);
}

}  // namespace

Result<std::unique_ptr<Snapshot>> build_snapshot(
    const SnapshotSpec& spec, const std::vector<PortInfo>& ports, const Snapshot* previous,
    const std::function<bool(std::uint32_t rs_slot)>& in_use) {
  if (Result<void> checked = check(spec, ports); !checked) {
    return tl::make_unexpected(checked.error());
  }
  const Snapshot none;
  return Builder(spec, ports, previous != nullptr ? *previous : none, in_use).build();
}

}  // namespace lb
