// A master without packets: a table with its workers' logs, and the exporter. The test plays the
// workers.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dataplane/conn/testing/test_table.h"
#include "dataplane/service/build.h"
#include "dataplane/service/testing/spec.h"
#include "dataplane/sync/exporter.h"

namespace lb::test {

inline constexpr std::uint32_t kVip = 0xc000020a;
inline constexpr std::uint32_t kServer = 0x0a00000b;
inline constexpr std::uint32_t kTimeout = 600;               // ticks, of every state
inline constexpr std::uint32_t kRefresh = kTimeout / 3;      // active ones are refreshed after
inline constexpr std::size_t kAmple = std::size_t{1} << 24;  // bytes

class Master {
 public:
  struct Options {
    std::uint32_t connections = 1'000;
    std::size_t log_entries = 1'024;
    unsigned workers = 2;
  };
  explicit Master(const Options& options)
      : table_({options.connections, options.workers, {1}}), marks_(table_->records()) {
    std::vector<ChangeLog*> logs;
    for (unsigned w = 0; w < options.workers; ++w) {
      logs_.push_back(std::make_unique<ChangeLog>(marks_, options.log_entries));
      logs.push_back(logs_.back().get());
    }
    exporter_ = std::make_unique<Exporter>(*table_, logs, marks_, persist_, secrets_);
    spec.timeouts = test::all_timeouts(kTimeout);
    for (const std::uint8_t proto : {kProtoTcp, kProtoUdp}) {
      ServiceSpec service;
      service.name = proto == kProtoTcp ? "tcp" : "udp";
      service.protocol = static_cast<Protocol>(proto);
      service.addresses = {{Ipv4Address::from_host(kVip), 80, 80}};
      service.real_servers.resize(1);
      service.real_servers[0].address = {Ipv4Address::from_host(kServer), 8'080};
      spec.services.push_back(service);
    }
    apply();
  }
  Master() : Master(Options{}) {}

  SnapshotSpec spec;  // services 0: TCP, 1: UDP
  void apply() {
    PortInfo wan;
    wan.name = "wan";
    auto built = build_snapshot(spec, {wan}, snapshot_.get(), [](std::uint32_t) { return true; });
    ASSERT_TRUE(built) << built.error().message;
    snapshot_ = std::move(*built);
  }

  // ---- the workers
  Record* open(std::uint16_t port, ConnState state = ConnState::kEstablished, unsigned worker = 0) {
    Record* record = make(port, state, worker, {});
    if (is_synchronized(state)) log(worker).changed(table_->handle_of(*record));
    return record;
  }
  Record* import(std::uint16_t port, ConnState state = ConnState::kEstablished) {
    NewConn imported;
    imported.import_epoch = 1;
    imported.sync_id = 77;
    return make(port, state, 0, imported);
  }
  void change(Record* record, ConnState to, unsigned worker = 0) {
    ASSERT_TRUE(ConnTable::change_state(*record, record->state, to));
    record->last_seen = now;
    if (is_synchronized(to)) log(worker).changed(table_->handle_of(*record));
  }
  void end(Record* record, unsigned worker = 0) {
    const ConnState state = table_->kill(worker, record);
    log(worker).ended(*record, table_->index_of(*record), state);
    table_.settle(now - (std::uint32_t{1} << 30));
  }
  ChangeLog& log(unsigned worker = 0) { return *logs_[worker]; }

  // ---- the main thread
  std::vector<SyncEntry> fill(std::size_t max_bytes = kAmple) {
    std::string batch;
    last = exporter_->fill(batch, max_bytes, *snapshot_, now);
    last_bytes = batch.size();
    return decode_batch(batch).value();
  }
  // Batch by batch until there is no more.
  std::vector<SyncEntry> fill_all(std::size_t max_bytes = kAmple) {
    std::vector<SyncEntry> all;
    do {
      const auto some = fill(max_bytes);
      all.insert(all.end(), some.begin(), some.end());
    } while (last.more);
    return all;
  }
  // A peer that has received everything.
  void join() {
    exporter_->begin();
    fill_all();
  }
  Exporter& exporter() { return *exporter_; }
  ConnTable& table() { return *table_; }
  SynSecrets& secrets() { return secrets_; }

  std::uint32_t now = 10'000;
  Exporter::Fill last;
  std::size_t last_bytes = 0;

 private:
  Record* make(std::uint16_t port, ConnState state, unsigned worker, NewConn conn) {
    const bool udp = is_udp(state);
    conn.tuple[0] = flow(0xc6336407, port, kVip, 80);
    conn.tuple[1] = flow(kServer, 8'080, 0xc6336407, port);
    conn.proto = udp ? kProtoUdp : kProtoTcp;
    conn.service = udp ? 1 : 0;
    conn.rs = udp ? 1 : 0;
    const auto created = table_.create(worker, conn, state, now, now + kTimeout);
    EXPECT_TRUE(created.is_new);
    return created.hit.record;
  }

  test::TestTable table_;
  RangeMarks marks_;
  std::vector<std::unique_ptr<ChangeLog>> logs_;
  PersistTable persist_{{}};
  SynSecrets secrets_{SynSecrets::Random{{{{1, 1}}, {{1, 2}}, {{1, 3}}, {{1, 4}}}}, 0};
  std::unique_ptr<Exporter> exporter_;
  std::unique_ptr<Snapshot> snapshot_;
};

// The clients' ports of the entries of this kind, in order.
inline std::vector<std::uint16_t> ports(const std::vector<SyncEntry>& entries,
                                        SyncKind kind = SyncKind::kConn) {
  std::vector<std::uint16_t> found;
  for (const SyncEntry& entry : entries) {
    if (entry.kind == kind) found.push_back(entry.tuple.sport.host());
  }
  return found;
}
inline std::set<std::uint16_t> port_set(const std::vector<SyncEntry>& entries) {
  const auto found = ports(entries);
  return {found.begin(), found.end()};
}
inline std::vector<SyncKind> kinds(const std::vector<SyncEntry>& entries) {
  std::vector<SyncKind> all;
  for (const SyncEntry& entry : entries) all.push_back(entry.kind);
  return all;
}
using Ports = std::vector<std::uint16_t>;

}  // namespace lb::test
