// Several pipelines over one table, for tests with threads: what the workers of a director share,
// and packets to send through one of them.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/conn/testing/test_table.h"
#include "dataplane/forward/pipeline.h"
#include "dataplane/packet/testing/builder.h"
#include "dataplane/service/build.h"
#include "dataplane/service/testing/spec.h"

namespace lb::test {

// A frame, and the port that it comes in by.
struct Frame {
  std::uint8_t port = 0;
  Bytes bytes;
};

// Numbers of a flow's segments of a kind: a SYN may be of any of three connections, each of which is
// beyond the one before, and the others are of all of them that were established.
inline std::vector<std::uint32_t> sequences_of(std::uint8_t flags) {
  constexpr std::uint32_t kThird = 0x5555'5555;
  if (flags == kSyn) return {1, 1 + kThird, 1 + 2 * kThird};
  return {1};
}
// What acknowledges the other side's SYN, and its FIN.
inline constexpr std::uint32_t kAckOfAll = 2;

// The memory of a worker's burst.
class Burst {
 public:
  void load(unsigned k, const Frame& frame) {
    std::memcpy(&buffers_[k][kHeadroom], frame.bytes.data(), frame.bytes.size());
    Packet& packet = packets_[k];
    packet = Packet{};
    packet.data = &buffers_[k][kHeadroom];
    packet.len = static_cast<std::uint16_t>(frame.bytes.size());
    packet.headroom = kHeadroom;
    packet.ingress = frame.port;
  }
  std::span<Packet> first(std::size_t size) { return {packets_.data(), size}; }

 private:
  static constexpr std::uint16_t kHeadroom = 64;
  std::array<std::array<std::uint8_t, 256>, kBurst> buffers_{};
  std::array<Packet, kBurst> packets_;
};

// Ports 0 and 1 with these MAC addresses.
inline constexpr Mac kPortMac[2] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

// A service with servers behind port 1.
inline ServiceSpec service_of(const std::string& address, std::uint8_t proto,
                              std::initializer_list<const char*> servers) {
  ServiceSpec service;
  service.name = address + (proto == kProtoTcp ? " tcp" : " udp");
  service.protocol = static_cast<Protocol>(proto);
  service.addresses = {single(address)};
  for (const char* server : servers) {
    RealServerSpec rs;
    rs.address = *Ipv4Endpoint::parse(server);
    rs.up = true;
    rs.next_hop = {"port1", 0, {{2, 0, 0, 0, 2, 1}}};
    service.real_servers.push_back(rs);
  }
  return service;
}

class Workers {
 public:
  Workers(unsigned workers, std::uint32_t max_connections, std::vector<ServiceSpec> services,
          std::uint32_t timeout_ticks)
      : table({max_connections, workers, {1, 2, 3, 4}}),
        counters(workers),
        fragments_(FragmentTable::Options{}) {
    SnapshotSpec spec;
    std::vector<PortInfo> ports;
    for (const Mac& mac : kPortMac) {
      PortInfo port;
      port.name = "port" + std::to_string(ports.size());
      port.mac = mac;
      ports.push_back(port);
    }
    spec.services = std::move(services);
    spec.timeouts = all_timeouts(timeout_ticks);
    auto built = build_snapshot(spec, ports, nullptr, [](std::uint32_t) { return false; });
    if (!built) throw std::runtime_error(built.error().message);
    snapshot = std::move(*built);
    if (snapshot->any_persistence && !persist.prepare()) throw std::bad_alloc();

    std::vector<const WorkerCounters*> all;
    for (WorkerCounters& one : counters) {
      one.make_slots(slots());
      all.push_back(&one);
    }
    load = std::make_unique<Load>(all);
    thresholds = std::make_unique<Thresholds>(*load, slots());
  }
  // `logs`: one per worker, or none.
  void make_pipelines(const std::vector<ChangeLog*>& logs = {}) {
    const auto count = static_cast<unsigned>(counters.size());
    for (unsigned w = 0; w < count; ++w) {
      pipelines.push_back(
          std::make_unique<Pipeline>(w, count,
                                     Pipeline::Shared{*table, fragments_, *load, persist, flush,
                                                      *thresholds, down_ports_, syn_secrets},
                                     counters[w], logs.empty() ? nullptr : logs[w]));
    }
  }

  std::uint32_t slots() const { return static_cast<std::uint32_t>(snapshot->real_servers.size()); }
  std::uint64_t sum(Counter<std::uint64_t> WorkerCounters::*which) const {
    std::uint64_t total = 0;
    for (const WorkerCounters& one : counters) total += (one.*which).get();
    return total;
  }
  std::uint64_t sum(Counter<std::uint64_t> RealServerCounters::*which) const {
    std::uint64_t total = 0;
    for (const WorkerCounters& one : counters) {
      for (std::uint32_t slot = 0; slot < slots(); ++slot) {
        total += (one.real_servers[slot].*which).get();
      }
    }
    return total;
  }
  std::uint64_t imported(ImportOutcome outcome) const {
    std::uint64_t total = 0;
    for (const WorkerCounters& one : counters) {
      total += one.imports[static_cast<std::size_t>(outcome)].get();
    }
    return total;
  }
  // Every live connection.
  std::vector<ConnTable::Copy> rows() {
    std::vector<ConnTable::Copy> all;
    for (std::uint32_t i = 0; i < table->records(); ++i) {
      ConnTable::Copy copy;
      if (table->read(i, copy)) all.push_back(copy);
    }
    return all;
  }
  // What the counts per real server and of connections say that the table's rows do not; empty:
  // nothing. While no worker runs.
  std::string wrong_counts();

  TestTable table;
  std::vector<WorkerCounters> counters;
  std::unique_ptr<Load> load;
  std::unique_ptr<Thresholds> thresholds;
  std::unique_ptr<Snapshot> snapshot;
  std::vector<std::unique_ptr<Pipeline>> pipelines;
  PersistTable persist{{.max_entries = 1'000}};
  FlushBoard flush;
  SynSecrets syn_secrets{SynSecrets::Random{{{{1, 1}}, {{1, 2}}, {{1, 3}}, {{1, 4}}}}, 0};

 private:
  FragmentTable fragments_;
  const std::atomic<std::uint32_t> down_ports_{0};
};

inline std::string Workers::wrong_counts() {
  std::vector<std::int64_t> active(slots());
  std::vector<std::int64_t> inactive(slots());
  const auto all = rows();
  for (const ConnTable::Copy& row : all) ++(is_active(row.state) ? active : inactive)[row.rs];
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    if (load->active(slot) != active[slot] || load->inactive(slot) != inactive[slot]) {
      return "slot " + std::to_string(slot) + " counts wrong";
    }
  }
  const std::uint64_t made = sum(&WorkerCounters::conns_created) +
                             imported(ImportOutcome::created) + imported(ImportOutcome::replaced);
  if (made - sum(&WorkerCounters::conns_expired) != all.size()) return "ends are counted wrong";
  if (sum(&WorkerCounters::conns_created) != sum(&RealServerCounters::connections)) {
    return "new connections are counted wrong";
  }
  return table->live() == all.size() ? "" : "the table counts wrong";
}

}  // namespace lb::test
