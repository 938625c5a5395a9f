// Everything that forwards, put together: EAL, ports, connection table, workers. Created, started
// and destroyed by the main thread, which is also the only one to publish.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "config/base/result.h"
#include "dataplane/conn/table.h"
#include "dataplane/control/apply.h"
#include "dataplane/control/table_memory.h"
#include "dataplane/lcore/clock.h"
#include "dataplane/lcore/eal.h"
#include "dataplane/lcore/ports.h"
#include "dataplane/lcore/qsbr.h"
#include "dataplane/lcore/worker.h"
#include "dataplane/packet/fragment_table.h"
#include "dataplane/persist/table.h"
#include "dataplane/sched/scheduler.h"
#include "dataplane/service/syn_secrets.h"
#include "dataplane/sync/exporter.h"
#include "dataplane/sync/import_queue.h"

namespace lb {

struct RuntimeOptions {
  EalOptions eal;
  std::vector<PortOptions> ports;
  std::uint32_t max_connections = 1'000'000;
  std::uint32_t max_persistence = 250'000;
  bool sleeps_when_idle = true;
  PuntLimits punt_limits;
  bool sync = false;  // with an HA peer
};

class Runtime final : public Publisher {
 public:
  // Starts DPDK, opens the ports with their kernel interfaces, allocates the table's memory. One
  // per process.
  static Result<std::unique_ptr<Runtime>> create(const RuntimeOptions& options);
  // Stops the workers, closes the ports, frees everything.
  ~Runtime() override;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Sets the workers going. A snapshot must have been published.
  Result<void> start();
  // Waits for the workers to end.
  void stop();

  Result<void> prepare(const Snapshot& next) override;
  void publish(std::unique_ptr<const Snapshot> next) override;
  void wait_until_seen() override;
  const Snapshot& current() const override { return *current_; }
  const Thresholds& thresholds() const { return *thresholds_; }
  // Frees snapshots that no worker can be reading any more; to be called now and then.
  void reclaim();

  const RuntimeOptions& options() const { return options_; }
  const Ports& ports() const { return *ports_; }
  const ConnTable& table() const { return *table_; }
  HopTable& hops() { return table_->hops(); }
  PersistTable& persist() const { return *persist_; }
  FlushBoard& flush() { return flush_; }
  // Connections follow their clients away from a port without a link. Main thread.
  void set_link(std::size_t port, bool up);
  // Devices let in the multicast groups of the kernel interfaces; to be called some times a second.
  void follow_groups() { ports_->follow_groups(); }
  SynSecrets& syn_secrets() { return *syn_secrets_; }
  const Load& load() const { return *load_; }
  // Replaces secrets whose time is over; to be called some times a second.
  void step_syn_secrets();
  const std::vector<const WorkerCounters*>& counters() const { return counter_views_; }
  std::uint32_t now_tick() const;
  std::uint64_t tsc_hz() const { return clock_.tsc_hz; }
  // The ends of what goes to the HA peer and comes from it; null without `sync`.
  Exporter* exporter() { return exporter_ ? &*exporter_ : nullptr; }
  ImportQueue& imports() { return imports_; }

  // What snapshots are built on: the ports without addresses.
  std::vector<PortInfo> port_infos() const;

 private:
  explicit Runtime(const RuntimeOptions& options) : options_(options) {}
  Result<void> make_table();
  Result<void> make_persist();
  Result<void> make_own_flows();
  Result<void> make_syn_secrets();
  Result<void> prepare_proxied();
  void make_workers();
  void make_logs(unsigned workers);

  const RuntimeOptions options_;
  bool eal_started_ = false;
  TickClock clock_;
  std::unique_ptr<Ports> ports_;
  std::unique_ptr<Qsbr> qsbr_;
  std::optional<TableMemory> memory_;
  std::unique_ptr<ConnTable> table_;
  std::optional<TableMemory> proxied_memory_;  // with the first service that has a SYN proxy
  std::unique_ptr<SynSecrets> syn_secrets_;
  std::unique_ptr<FragmentTable> fragments_;
  std::unique_ptr<PersistTable> persist_;
  FlushBoard flush_;
  std::atomic<std::uint32_t> down_ports_{0};  // bit per port
  std::unique_ptr<OwnFlows> own_flows_;
  std::unique_ptr<WorkerCounters[]> counters_;
  std::vector<const WorkerCounters*> counter_views_;
  std::unique_ptr<Load> load_;
  std::unique_ptr<Thresholds> thresholds_;
  std::unique_ptr<Pipeline::Shared> shared_;
  std::optional<RangeMarks> marks_;
  std::vector<std::unique_ptr<ChangeLog>> logs_;  // one per worker, or none
  std::optional<Exporter> exporter_;
  ImportQueue imports_;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool running_ = false;

  std::unique_ptr<const Snapshot> current_;
  std::atomic<const Snapshot*> visible_{nullptr};
  struct Replaced {
    std::uint64_t token;
    std::unique_ptr<const Snapshot> snapshot;
  };
  std::deque<Replaced> replaced_;  // oldest first
};

}  // namespace lb
