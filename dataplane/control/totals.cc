#include "dataplane/control/totals.h"

#include <algorithm>

namespace lb {

Traffic& Traffic::operator+=(const Traffic& other) {
  connections += other.connections;
  packets_in += other.packets_in;
  packets_out += other.packets_out;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  syn_unanswered += other.syn_unanswered;
  syn_refused += other.syn_refused;
  return *this;
}

Traffic& Traffic::operator-=(const Traffic& other) {
  connections -= other.connections;
  packets_in -= other.packets_in;
  packets_out -= other.packets_out;
  bytes_in -= other.bytes_in;
  bytes_out -= other.bytes_out;
  syn_unanswered -= other.syn_unanswered;
  syn_refused -= other.syn_refused;
  return *this;
}

Totals::Totals(std::vector<const WorkerCounters*> workers) : workers_(std::move(workers)) {}

void Totals::replaced(const Snapshot& before, const Snapshot& after) {
  base_.resize(std::max(base_.size(), before.real_servers.size()));
  retired_.resize(std::max(retired_.size(), before.services.size()));
  for (std::uint32_t slot = 0; slot < before.real_servers.size(); ++slot) {
    const std::uint32_t service = before.real_servers[slot].service;
    if (service == kNoSlot) continue;
    const bool freed =
        slot >= after.real_servers.size() || after.real_servers[slot].service == kNoSlot;
    if (!freed) continue;
    retired_[service] += real_server(slot);
    base_[slot] = counted(slot);
  }
  for (std::uint32_t slot = 0; slot < before.services.size(); ++slot) {
    const bool freed = slot >= after.services.size() || after.services[slot].proto == 0;
    if (freed) retired_[slot] = Traffic{};
  }
}

Traffic Totals::counted(std::uint32_t slot) const {
  Traffic sum;
  for (const WorkerCounters* worker : workers_) {
    const RealServerCounters& c = worker->real_servers[slot];
    const HandshakeCounters& handshakes = worker->handshakes[slot];
    sum += {c.connections.get(),         c.packets_in.get(),
            c.packets_out.get(),         c.bytes_in.get(),
            c.bytes_out.get(),           handshakes.syn_unanswered.get(),
            handshakes.syn_refused.get()};
  }
  return sum;
}

Traffic Totals::real_server(std::uint32_t slot) const {
  Traffic traffic = counted(slot);
  if (slot < base_.size()) traffic -= base_[slot];
  return traffic;
}

std::int64_t Totals::connections(std::uint32_t service_slot) const {
  std::int64_t sum = 0;
  for (const WorkerCounters* worker : workers_) {
    sum += worker->service_connections[service_slot].get();
  }
  return sum;
}

Occupancy Totals::occupancy(std::uint32_t slot) const {
  Occupancy sum;
  for (const WorkerCounters* worker : workers_) {
    sum.active += worker->real_servers[slot].active.get();
    sum.inactive +=
        worker->real_servers[slot].total.get() - worker->real_servers[slot].active.get();
    sum.half_open += worker->real_servers[slot].half_open.get();
  }
  return sum;
}

Traffic Totals::retired(std::uint32_t service_slot) const {
  return service_slot < retired_.size() ? retired_[service_slot] : Traffic{};
}

}  // namespace lb
