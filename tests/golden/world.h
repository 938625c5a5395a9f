// A director without NIC or EAL: the real pipeline between a snapshot and plain buffers. Tests send
// frames in and compare what comes out, byte for byte, and every counter.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/forward/pipeline.h"
#include "dataplane/packet/testing/builder.h"
#include "dataplane/service/build.h"
#include "dataplane/service/testing/spec.h"
#include "dataplane/sync/exporter.h"

namespace lb::golden {

using test::Bytes;

struct Output {
  Verdict verdict = Verdict::kDrop;
  DropReason reason = DropReason::none;
  unsigned egress = 0;
  Bytes frame;  // what would be sent or punted; empty for kDrop and kHeld
};

struct WorldOptions {
  unsigned workers = 1;
  std::uint32_t max_connections = 1024;
  bool peer = false;  // there may be another director, see join()
  std::size_t log_entries = 1024;
  std::uint32_t max_persistence = 1024;
  std::uint64_t hash_key = 1;
};

class World {
 public:
  explicit World(const WorldOptions& options = {});
  ~World();

  // 0 "wan" and 1 "lan", MTU 1500, MACs 02:00:00:00:00:01 and :02; change both before apply().
  std::vector<PortInfo> ports;
  SnapshotSpec spec;
  void apply();

  Output send(unsigned port, const Bytes& frame, unsigned worker = 0);
  std::vector<Output> send_burst(unsigned port, const std::vector<Bytes>& frames,
                                 unsigned worker = 0);
  // Packets in buffers of the caller's, as they are: for who counts or times the pipeline alone.
  void process(std::span<Packet> burst, unsigned worker = 0) {
    pipelines_[worker]->process(burst, *snapshot_, now_);
  }
  void set_link(unsigned port, bool up) {
    down_ports_ = up ? down_ports_ & ~(1U << port) : down_ports_ | 1U << port;
  }
  // What a SYN proxy sent beside the packets of the last send, as frames.
  std::vector<Output> own_segments(unsigned worker = 0);
  Output written(const Probe& own) const;
  SynSecrets& syn_secrets() { return *secrets_; }
  // The fragments that the last send let go, sent through again.
  std::vector<Output> released(unsigned worker = 0);

  // Time passes; every worker maintains itself until nothing more is due. Returns the probes.
  std::vector<Probe> advance(std::uint32_t ms);

  // As the main thread does it when the kernel's neighbours change.
  bool move_hops(const std::vector<HopMove>& moves);

  // What the HA peer is sent: after join() everything, then changes.
  void join() { exporter_->begin(); }
  void leave() { exporter_->end(); }
  std::vector<SyncEntry> exported();
  // One batch of it.
  Exporter::Fill fill(std::string& batch, std::size_t max_bytes) {
    return exporter_->fill(batch, max_bytes, *snapshot_, now_);
  }
  // Entries of the HA peer; the first worker imports them.
  void receive(std::span<const SyncEntry> entries);
  std::uint64_t imported(ImportOutcome outcome) const;

  const Snapshot& snapshot() const { return *snapshot_; }
  const ConnTable& table() const { return *table_; }
  PersistTable& persist() { return *persist_; }
  FlushBoard& flush() { return flush_; }
  std::uint64_t connections() const { return table_->live(); }
  // Sums over the workers.
  std::uint64_t dropped(DropReason reason) const;
  std::int64_t active(std::uint32_t rs_slot) const { return load_->active(rs_slot); }
  std::int64_t half_open(std::uint32_t rs_slot) const { return load_->half_open(rs_slot); }
  std::int64_t inactive(std::uint32_t rs_slot) const { return load_->inactive(rs_slot); }
  std::uint64_t rs_counter(std::uint32_t rs_slot,
                           Counter<std::uint64_t> RealServerCounters::*which) const;
  std::uint64_t handshakes(std::uint32_t rs_slot,
                           Counter<std::uint64_t> HandshakeCounters::*which) const;
  std::uint64_t counter(Counter<std::uint64_t> WorkerCounters::*which) const;
  std::uint64_t shed(ShedClass kind) const;
  // Slot of a real server by its address.
  std::uint32_t rs_slot(const std::string& address) const;
  std::uint32_t now() const { return now_; }

 private:
  struct Held {
    Bytes buffer;
    unsigned port = 0;
    std::size_t offset = 0;
    std::size_t len = 0;
  };
  class Grace;

  std::vector<Output> run(std::vector<std::unique_ptr<Held>> frames, unsigned worker);

  std::unique_ptr<Grace> grace_;
  std::unique_ptr<std::byte, void (*)(void*)> memory_;
  std::unique_ptr<ConnTable> table_;
  std::unique_ptr<ProxiedConn[]> proxied_;
  std::unique_ptr<SynSecrets> secrets_;
  std::unique_ptr<FragmentTable> fragments_;
  std::unique_ptr<PersistTable> persist_;
  FlushBoard flush_;
  std::atomic<std::uint32_t> down_ports_{0};
  std::vector<std::unique_ptr<WorkerCounters>> counters_;
  std::unique_ptr<Load> load_;
  std::unique_ptr<Thresholds> thresholds_;
  std::unique_ptr<RangeMarks> marks_;  // null: no peer
  std::vector<std::unique_ptr<ChangeLog>> logs_;
  std::unique_ptr<Exporter> exporter_;
  std::vector<std::unique_ptr<Pipeline>> pipelines_;
  std::unique_ptr<Snapshot> snapshot_;
  std::map<void*, std::unique_ptr<Held>> held_;
  std::uint32_t now_ = 1000;
};

}  // namespace lb::golden
