#include "controlplane/view/rates.h"

#include <algorithm>
#include <map>
#include <utility>

#include "controlplane/view/format.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/enum_codec.h"

namespace lb::view {
namespace {

constexpr double kBitsPerByte = 8;

// The message of `list` for which `same` is true; an empty one, all counters 0, when there is none.
template <typename List, typename Same>
const auto& find_or_empty(const List& list, Same same) {
  const auto found = std::find_if(list.begin(), list.end(), same);
  return found == list.end() ? std::decay_t<decltype(*list.begin())>::default_instance() : *found;
}

class Difference {
 public:
  explicit Difference(double seconds) : seconds_(seconds) {}

  // A counter that went down belongs to something that is new under its old name.
  static double of(std::uint64_t before, std::uint64_t now) {
    return static_cast<double>(now >= before ? now - before : now);
  }
  double rate(std::uint64_t before, std::uint64_t now) const { return of(before, now) / seconds_; }
  double bits(std::uint64_t before, std::uint64_t now) const {
    return kBitsPerByte * rate(before, now);
  }

  TrafficRate traffic(const api::TrafficStats& before, const api::TrafficStats& now) const {
    return {.connections = rate(before.connections(), now.connections()),
            .packets_in = rate(before.packets_in(), now.packets_in()),
            .packets_out = rate(before.packets_out(), now.packets_out()),
            .bits_in = bits(before.bytes_in(), now.bytes_in()),
            .bits_out = bits(before.bytes_out(), now.bytes_out())};
  }

  ServiceRate service(const api::ServiceStats& before, const api::ServiceStats& now) const {
    ServiceRate out{.name = now.name(),
                    .protocol = name_in(now.protocol()),
                    .address = address_text(first_address(now).address()),
                    .port = first_address(now).first_port(),
                    .addresses = addresses_of(now),
                    .traffic = traffic(before.traffic(), now.traffic()),
                    .real_servers = {}};
    for (const api::RealServerStats& server : now.real_servers()) {
      const auto& old = find_or_empty(before.real_servers(), [&](const api::RealServerStats& s) {
        return s.address() == server.address() && s.port() == server.port();
      });
      out.real_servers.push_back({.address = address_text(server.address()),
                                  .port = server.port(),
                                  .traffic = traffic(old.traffic(), server.traffic())});
    }
    return out;
  }

  WorkerRate lcore(const api::LcoreStats& before, const api::LcoreStats& now) const {
    const double busy = of(before.busy_cycles(), now.busy_cycles());
    const double total = of(before.total_cycles(), now.total_cycles());
    const double packets = of(before.packets(), now.packets());
    const double bursts = of(before.bursts(), now.bursts());
    WorkerRate out{.worker = now.lcore(),
                   .cpu = now.cpu(),
                   .busy_percent = total > 0 ? 100 * busy / total : 0,
                   .packets = rate(before.packets(), now.packets()),
                   .bits = bits(before.bytes(), now.bytes()),
                   .forwarded = rate(before.forwarded(), now.forwarded()),
                   .punted = rate(before.punted(), now.punted()),
                   .dropped = rate(before.dropped(), now.dropped()),
                   .packets_per_burst = std::nullopt,
                   .cycles_per_packet = std::nullopt};
    if (bursts > 0) out.packets_per_burst = packets / bursts;
    if (packets > 0) out.cycles_per_packet = busy / packets;
    return out;
  }

  PortRate port(const api::PortStats& before, const api::PortStats& now) const {
    return {.name = now.name(),
            .rx_packets = rate(before.rx_packets(), now.rx_packets()),
            .rx_bits = bits(before.rx_bytes(), now.rx_bytes()),
            .tx_packets = rate(before.tx_packets(), now.tx_packets()),
            .tx_bits = bits(before.tx_bytes(), now.tx_bytes()),
            .rx_missed = rate(before.rx_missed(), now.rx_missed())};
  }

 private:
  double seconds_;
};

}  // namespace

std::optional<Rates> rates_between(const api::Stats& before, const api::Stats& now) {
  if (now.monotonic_ns() <= before.monotonic_ns() || now.uptime_ms() < before.uptime_ms()) {
    return std::nullopt;
  }
  Rates out;
  out.seconds = static_cast<double>(now.monotonic_ns() - before.monotonic_ns()) / 1e9;
  const Difference difference(out.seconds);
  out.connections = now.connections();
  out.connections_created =
      difference.rate(before.connections_created(), now.connections_created());
  out.connections_expired =
      difference.rate(before.connections_expired(), now.connections_expired());
  out.connections_shed = difference.rate(before.connections_shed(), now.connections_shed());
  for (const api::LcoreStats& lcore : now.lcores()) {
    out.lcores.push_back(difference.lcore(
        find_or_empty(before.lcores(),
                      [&](const api::LcoreStats& l) { return l.lcore() == lcore.lcore(); }),
        lcore));
  }
  for (const api::PortStats& port : now.ports()) {
    out.ports.push_back(difference.port(
        find_or_empty(before.ports(),
                      [&](const api::PortStats& p) { return p.name() == port.name(); }),
        port));
  }
  std::map<std::string_view, const api::ServiceStats*> old_services;
  for (const api::ServiceStats& service : before.services()) {
    old_services.emplace(service.name(), &service);
  }
  for (const api::ServiceStats& service : now.services()) {
    const auto old = old_services.find(service.name());
    out.services.push_back(difference.service(
        old == old_services.end() ? api::ServiceStats::default_instance() : *old->second, service));
  }
  for (const api::DropStats& drop : now.drops()) {
    const auto& old = find_or_empty(
        before.drops(), [&](const api::DropStats& d) { return d.reason() == drop.reason(); });
    out.drops.push_back({drop.reason(), difference.rate(old.packets(), drop.packets())});
  }
  return out;
}

WorkerRates worker_rates_of(const Rates& rates) {
  return {.seconds = rates.seconds, .lcores = rates.lcores};
}

}  // namespace lb::view
