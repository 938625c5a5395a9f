#include "dataplane/control/report.h"

#include <algorithm>

#include "dataplane/api/address_codec.h"
#include "dataplane/api/enum_codec.h"
#include "dataplane/api/snapshot_codec.h"
#include "dataplane/stats/drop_reason.h"

namespace lb {

namespace {

void fill(const Traffic& traffic, api::TrafficStats& out) {
  out.set_connections(traffic.connections);
  out.set_packets_in(traffic.packets_in);
  out.set_packets_out(traffic.packets_out);
  out.set_bytes_in(traffic.bytes_in);
  out.set_bytes_out(traffic.bytes_out);
  out.set_syn_unanswered(traffic.syn_unanswered);
  out.set_syn_refused(traffic.syn_refused);
}

// Returns the server's traffic.
Traffic add_real_server(const Snapshot& snapshot, const Totals& totals,
                        const Thresholds& thresholds, std::uint32_t slot,
                        api::ServiceStats& service) {
  const RealServerEntry& rs = snapshot.real_servers[slot];
  const Occupancy occupancy = totals.occupancy(slot);
  const Traffic traffic = totals.real_server(slot);
  auto& out = *service.add_real_servers();
  out.set_address(to_bytes({rs.address}));
  out.set_port(rs.port.host());
  out.set_weight(rs.weight);
  out.set_max_connections(rs.max_connections);
  out.set_resume_connections(rs.resume_connections);
  out.set_mode(to_api(rs.mode));
  out.set_full(thresholds.is_full(slot, rs));
  out.set_up(rs.up);
  out.set_removed(rs.removed);
  out.set_next_hop_resolved(rs.next_hop.resolved() || rs.next_hop.local);
  out.set_local(rs.next_hop.local);
  // A connection that is just changing its state may be missed in one count and so make the sum
  // negative for a moment.
  out.set_active_connections(std::max<std::int64_t>(occupancy.active, 0));
  out.set_inactive_connections(std::max<std::int64_t>(occupancy.inactive, 0));
  fill(traffic, *out.mutable_traffic());
  return traffic;
}

void fill(const ServiceEntry& service, const Totals& totals, api::SynProxyStats& out) {
  const SynProxyCounts counts = service.syn_proxy->counts();
  std::int64_t half_open = 0;
  for (const std::uint32_t rs : service.real_servers) half_open += totals.occupancy(rs).half_open;
  out.set_mode(to_api(service.syn_proxy->mode()));
  out.set_active(service.syn_proxy->is_active());
  out.set_timestamps(service.syn_proxy->promises_timestamps());
  out.set_half_open(std::max<std::int64_t>(half_open, 0));
  out.set_cookies(counts.cookies);
  out.set_proven(counts.proven);
  out.set_refused(counts.refused);
}

void fill(const ServiceEntry& service, api::ServiceStats& out) {
  out.set_name(service.name);
  out.set_protocol(to_api(static_cast<Protocol>(service.proto)));
  if (service.addresses.empty()) *out.add_addresses() = to_api(service.first_address());
  for (const Ipv4EndpointRange& range : service.addresses) *out.add_addresses() = to_api(range);
  if (service.gate != nullptr) {
    const Refused refused = service.gate->refused();
    auto& to = *out.mutable_refused();
    to.set_denied(refused.denied);
    to.set_client_rate_limited(refused.client_rate_limited);
    to.set_service_rate_limited(refused.service_rate_limited);
  }
  out.set_mode(to_api(service.mode));
  out.set_scheduler(to_api(service.scheduler));
  out.set_one_packet(service.one_packet);
}

}  // namespace

void report_workers(const std::vector<const WorkerCounters*>& workers,
                    const std::vector<std::uint32_t>& cpus, api::Stats& stats) {
  std::array<std::uint64_t, kDropReasons> drops{};
  std::uint64_t created = 0, expired = 0, hops_kept = 0;
  for (std::size_t w = 0; w < workers.size(); ++w) {
    const WorkerCounters& c = *workers[w];
    auto& out = *stats.add_lcores();
    out.set_lcore(static_cast<std::uint32_t>(w));
    out.set_cpu(cpus[w]);
    out.set_polls(c.polls.get());
    out.set_bursts(c.bursts.get());
    out.set_packets(c.packets.get());
    out.set_bytes(c.bytes.get());
    out.set_busy_cycles(c.busy_cycles.get());
    out.set_total_cycles(c.total_cycles.get());
    out.set_forwarded(c.forwarded.get());
    out.set_punted(c.punted.get());
    out.set_dropped(c.dropped.get());
    out.set_answered(c.answered.get());
    out.set_held(c.held.get());
    for (std::size_t r = 0; r < kDropReasons; ++r) drops[r] += c.drops[r].get();
    created += c.conns_created.get();
    expired += c.conns_expired.get();
    hops_kept += c.client_hops_kept.get();
  }
  for (std::size_t r = 1; r < kDropReasons; ++r) {  // 0 is "none"
    auto& out = *stats.add_drops();
    out.set_reason(std::string(kDropReasonTexts[r].name));
    out.set_description(std::string(kDropReasonTexts[r].description));
    out.set_packets(drops[r]);
  }
  stats.set_connections_created(created);
  stats.set_connections_expired(expired);
  stats.set_client_hops_kept(hops_kept);
}

void report_punts(const std::vector<const WorkerCounters*>& workers,
                  const std::vector<std::string>& ports, api::Stats& stats) {
  for (std::size_t port = 0; port < ports.size(); ++port) {
    for (std::size_t kind = 0; kind < kPuntClasses; ++kind) {
      std::uint64_t passed = 0, dropped = 0;
      for (const WorkerCounters* worker : workers) {
        passed += worker->ports[port].punts[kind].passed.get();
        dropped += worker->ports[port].punts[kind].dropped.get();
      }
      auto& out = *stats.add_punts();
      out.set_port(ports[port]);
      out.set_kind(std::string(kPuntClassTexts[kind].name));
      out.set_description(std::string(kPuntClassTexts[kind].description));
      out.set_passed(passed);
      out.set_dropped(dropped);
    }
  }
}

void report_syn_proxies(const Snapshot& snapshot, api::Stats& stats) {
  if (!snapshot.any_syn_proxy) return;
  for (const ServiceEntry& service : snapshot.services) {
    const SynProxy* const proxy = service.syn_proxy.get();
    if (proxy == nullptr || proxy->mode() != SynProxyMode::kAdaptive) continue;
    auto& out = *stats.add_adaptive_syn_proxies();
    out.set_service(service.name);
    out.set_cookies(proxy->counts().cookies);
  }
}

void report_shed(const std::vector<const WorkerCounters*>& workers, api::Stats& stats) {
  std::uint64_t all = 0;
  for (std::size_t kind = 0; kind < kShedClasses; ++kind) {
    std::uint64_t shed = 0;
    for (const WorkerCounters* worker : workers) shed += worker->shed[kind].get();
    auto& out = *stats.add_shed();
    out.set_kind(std::string(kShedClassTexts[kind].name));
    out.set_description(std::string(kShedClassTexts[kind].description));
    out.set_connections(shed);
    all += shed;
  }
  stats.set_connections_shed(all);
  std::uint64_t refused = 0;
  for (const WorkerCounters* worker : workers) {
    refused += worker->drops[static_cast<std::size_t>(DropReason::table_full)].get();
  }
  stats.set_table_full(refused);
}

void report_services(const Snapshot& snapshot, const Totals& totals, const Thresholds& thresholds,
                     std::uint32_t max_connections, api::Stats& stats) {
  std::vector<std::vector<std::uint32_t>> removed(snapshot.services.size());
  for (std::uint32_t slot = 0; slot < snapshot.real_servers.size(); ++slot) {
    const RealServerEntry& rs = snapshot.real_servers[slot];
    if (rs.service != kNoSlot && rs.removed) removed[rs.service].push_back(slot);
  }
  for (std::uint32_t slot = 0; slot < snapshot.services.size(); ++slot) {
    const ServiceEntry& service = snapshot.services[slot];
    if (!service.configured && removed[slot].empty()) continue;
    auto& out = *stats.add_services();
    fill(service, out);
    out.set_table_connections(
        static_cast<std::uint64_t>(std::max<std::int64_t>(totals.connections(slot), 0)));
    out.set_table_kept(std::uint64_t{max_connections} * service.table_share_ppm / 1'000'000);
    if (service.syn_proxy != nullptr) fill(service, totals, *out.mutable_syn_proxy());
    Traffic traffic = totals.retired(slot);
    for (const std::uint32_t rs : service.real_servers) {
      traffic += add_real_server(snapshot, totals, thresholds, rs, out);
    }
    for (const std::uint32_t rs : removed[slot]) {
      // Without connections it is gone but for the bookkeeping of the next moment.
      if (totals.occupancy(rs).none()) {
        traffic += totals.real_server(rs);
      } else {
        traffic += add_real_server(snapshot, totals, thresholds, rs, out);
      }
    }
    fill(traffic, *out.mutable_traffic());
  }
}

}  // namespace lb
