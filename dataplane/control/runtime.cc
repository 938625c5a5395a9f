#include "dataplane/control/runtime.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <sys/random.h>

#include <bitset>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "config/base/log.h"
#include "dataplane/lcore/dpdk_log.h"

namespace lb {

namespace {

ConnTable::Options table_options(const RuntimeOptions& options) {
  ConnTable::Options table;
  table.max_connections = options.max_connections;
  table.workers = static_cast<unsigned>(options.eal.worker_cpus.size());
  return table;
}

// The memory that was configured is for the connection table first; DPDK gets the rest.
Result<EalOptions> eal_options(const RuntimeOptions& options) {
  constexpr std::size_t kLeastMb = 32;
  const std::size_t table_mb =
      TableMemory::rounded(ConnTable::memory_bytes(table_options(options))) >> 20;
  EalOptions eal = options.eal;
  if (table_mb + kLeastMb > eal.memory_mb) {
    return fail(
        fmt::format("memory_mb = {} in [dataplane] is too small for max_connections = {}, "
                    "which take {} MB; write {} at least",
                    eal.memory_mb, options.max_connections, table_mb, table_mb + 2 * kLeastMb));
  }
  eal.memory_mb -= static_cast<std::uint32_t>(table_mb);
  return eal;
}

std::set<std::uint16_t> numbers(const std::bitset<4096>& vlans) {
  std::set<std::uint16_t> set;
  for (std::uint16_t vlan = 0; vlan < vlans.size(); ++vlan) {
    if (vlans.test(vlan)) set.insert(vlan);
  }
  return set;
}

int run_worker(void* worker) {
  static_cast<Worker*>(worker)->run();
  return 0;
}

}  // namespace

Result<std::unique_ptr<Runtime>> Runtime::create(const RuntimeOptions& options) {
  std::unique_ptr<Runtime> runtime(new Runtime(options));
  auto eal = eal_options(options);
  if (!eal) return tl::make_unexpected(eal.error());
  if (auto started = start_eal(*eal); !started) return tl::make_unexpected(started.error());
  runtime->eal_started_ = true;
  runtime->clock_ = {rte_rdtsc(), rte_get_tsc_hz()};
  const auto workers = static_cast<unsigned>(options.eal.worker_cpus.size());

  auto ports = Ports::open(options.ports, workers, options.eal.run_dir);
  if (!ports) return tl::make_unexpected(ports.error());
  runtime->ports_ = std::move(*ports);
  runtime->qsbr_ = std::make_unique<Qsbr>(workers);
  if (auto made = runtime->make_table(); !made) return tl::make_unexpected(made.error());
  if (auto made = runtime->make_persist(); !made) return tl::make_unexpected(made.error());
  if (auto made = runtime->make_own_flows(); !made) return tl::make_unexpected(made.error());
  if (auto made = runtime->make_syn_secrets(); !made) return tl::make_unexpected(made.error());
  runtime->make_workers();
  dpdk_log::show();
  return runtime;
}

Result<void> Runtime::make_table() {
  ConnTable::Options table = table_options(options_);
  // Unknown to clients, so that none can aim at one bucket.
  if (getrandom(table.hash_key, sizeof(table.hash_key), 0) !=
      static_cast<ssize_t>(sizeof(table.hash_key))) {
    return fail("the kernel gave no random numbers for the connection table");
  }
  auto memory = TableMemory::take(ConnTable::memory_bytes(table), options_.eal.hugepages);
  if (!memory) return tl::make_unexpected(memory.error());
  memory_.emplace(std::move(*memory));
  table_ = std::make_unique<ConnTable>(table, memory_->bytes(), *qsbr_);
  log::info("connection table: room for {} connections in {} MB", table.max_connections,
            memory_->bytes().size() >> 20);
  return {};
}

// Takes no memory yet.
Result<void> Runtime::make_persist() {
  PersistTable::Options persist;
  persist.max_entries = options_.max_persistence;
  if (getrandom(persist.hash_key, sizeof(persist.hash_key), 0) !=
      static_cast<ssize_t>(sizeof(persist.hash_key))) {
    return fail("the kernel gave no random numbers for the persistence table");
  }
  persist_ = std::make_unique<PersistTable>(persist);
  return {};
}

Result<void> Runtime::make_own_flows() {
  HashKey key;
  if (getrandom(&key, sizeof(key), 0) != static_cast<ssize_t>(sizeof(key))) {
    return fail("the kernel gave no random numbers for the limits of packets to it");
  }
  own_flows_ = std::make_unique<OwnFlows>(key);
  return {};
}

Result<void> Runtime::make_syn_secrets() {
  SynSecrets::Random random;
  if (getrandom(&random, sizeof(random), 0) != static_cast<ssize_t>(sizeof(random))) {
    return fail("the kernel gave no random numbers for SYN cookies");
  }
  syn_secrets_ = std::make_unique<SynSecrets>(random, now_tick());
  return {};
}

void Runtime::step_syn_secrets() {
  SipKey fresh;
  // Without random numbers the secrets stay as they are until the next call.
  if (getrandom(&fresh, sizeof(fresh), 0) != static_cast<ssize_t>(sizeof(fresh))) return;
  syn_secrets_->step(now_tick(), [&] { return fresh; });
}

Result<void> Runtime::prepare_proxied() {
  const std::size_t bytes = table_->records() * sizeof(ProxiedConn);
  auto memory = TableMemory::take(bytes, options_.eal.hugepages);
  if (!memory) {
    return fail(
        fmt::format("no memory for the SYN proxy, which needs {} MB for max_connections = "
                    "{}; lower that in [dataplane]",
                    bytes >> 20, options_.max_connections));
  }
  proxied_memory_.emplace(std::move(*memory));
  auto* const first = reinterpret_cast<ProxiedConn*>(proxied_memory_->bytes().data());
  std::uninitialized_default_construct_n(first, table_->records());
  table_->set_proxied(first);
  log::info("SYN proxy: {} MB for the connections that it opens", bytes >> 20);
  return {};
}

Result<void> Runtime::prepare(const Snapshot& next) {
  if (next.any_syn_proxy && !table_->can_proxy()) {
    if (auto prepared = prepare_proxied(); !prepared) return prepared;
  }
  if (!next.any_persistence || persist_->ready()) return {};
  if (!persist_->prepare()) {
    return fail(fmt::format(
        "no memory for {} clients with persistence; lower max_persistence in [dataplane]",
        options_.max_persistence));
  }
  log::info("persistence table: room for {} clients", options_.max_persistence);
  return {};
}

void Runtime::make_workers() {
  const auto workers = static_cast<unsigned>(options_.eal.worker_cpus.size());
  counters_ = std::make_unique<WorkerCounters[]>(workers);
  for (unsigned w = 0; w < workers; ++w) {
    counters_[w].make_slots(kMaxRealServerSlots);
    counter_views_.push_back(&counters_[w]);
  }
  fragments_ = std::make_unique<FragmentTable>(FragmentTable::Options{});
  load_ = std::make_unique<Load>(counter_views_);
  thresholds_ = std::make_unique<Thresholds>(*load_, kMaxRealServerSlots);
  shared_.reset(new Pipeline::Shared{*table_, *fragments_, *load_, *persist_, flush_, *thresholds_,
                                     down_ports_, *syn_secrets_});
  make_logs(workers);
  for (unsigned w = 0; w < workers; ++w) {
    ChangeLog* const log = logs_.empty() ? nullptr : logs_[w].get();
    ImportQueue* const imports = options_.sync && w == 0 ? &imports_ : nullptr;
    workers_.push_back(std::make_unique<Worker>(
        WorkerSetup{w, workers, ports_->queues(w), ports_->pool(), *shared_, counters_[w], visible_,
                    qsbr_->raw(), clock_, options_.sleeps_when_idle, options_.punt_limits,
                    *own_flows_, log, imports}));
  }
}

void Runtime::set_link(std::size_t port, bool up) {
  const std::uint32_t bit = 1U << port;
  // Relaxed: says nothing about other memory.
  if (up) {
    down_ports_.fetch_and(~bit, std::memory_order_relaxed);
  } else {
    down_ports_.fetch_or(bit, std::memory_order_relaxed);
  }
}

void Runtime::make_logs(unsigned workers) {
  if (!options_.sync) return;
  marks_.emplace(table_->records());
  std::vector<ChangeLog*> views;
  for (unsigned w = 0; w < workers; ++w) {
    logs_.push_back(std::make_unique<ChangeLog>(*marks_));
    views.push_back(logs_.back().get());
  }
  exporter_.emplace(*table_, views, *marks_, *persist_, *syn_secrets_);
}

Result<void> Runtime::start() {
  for (unsigned w = 0; w < workers_.size(); ++w) rte_rcu_qsbr_thread_register(qsbr_->raw(), w);
  running_ = true;
  for (unsigned w = 0; w < workers_.size(); ++w) {
    const int status = rte_eal_remote_launch(run_worker, workers_[w].get(), w + 1);
    if (status != 0) return fail("worker " + std::to_string(w) + " did not start");
  }
  return {};
}

void Runtime::stop() {
  if (!running_) return;
  running_ = false;
  for (const auto& worker : workers_) worker->stop();
  rte_eal_mp_wait_lcore();
  for (unsigned w = 0; w < workers_.size(); ++w) rte_rcu_qsbr_thread_unregister(qsbr_->raw(), w);
  std::vector<void*> held;
  fragments_->drain(held);
  for (void* packet : held) rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
}

Runtime::~Runtime() {
  stop();
  workers_.clear();
  ports_.reset();
  if (eal_started_) stop_eal();
}

void Runtime::publish(std::unique_ptr<const Snapshot> next) {
  std::unique_ptr<const Snapshot> before = std::exchange(current_, std::move(next));
  visible_.store(current_.get(), std::memory_order_release);  // pairs with Worker::run()
  for (std::size_t i = 0; i < current_->ports.size(); ++i) {
    ports_->set_mac(i, MacAddress{current_->ports[i].mac});
    if (const auto& vlans = current_->policies[i].vlans) ports_->set_vlans(i, numbers(*vlans));
  }
  if (before != nullptr) replaced_.push_back({qsbr_->start(), std::move(before)});
  reclaim();
}

void Runtime::reclaim() {
  while (!replaced_.empty() && qsbr_->passed(replaced_.front().token)) replaced_.pop_front();
}

void Runtime::wait_until_seen() {
  using namespace std::chrono_literals;
  for (reclaim(); !replaced_.empty(); reclaim()) std::this_thread::sleep_for(50us);
}

std::uint32_t Runtime::now_tick() const {
  return clock_.tick_at(rte_rdtsc());
}

std::vector<PortInfo> Runtime::port_infos() const {
  std::vector<PortInfo> infos;
  for (const Port& port : ports_->list()) {
    PortInfo info;
    info.name = port.options.name;
    info.mac = port.mac.bytes;
    info.mtu = port.mtu;
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace lb
