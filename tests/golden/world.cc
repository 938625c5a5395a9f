#include "tests/golden/world.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace lb::golden {

namespace {
constexpr std::size_t kHeadroom = 128;
constexpr std::size_t kTailroom = 64;

std::uint64_t sum(const std::vector<std::unique_ptr<WorkerCounters>>& workers, auto&& of) {
  std::uint64_t total = 0;
  for (const auto& w : workers) total += of(*w);
  return total;
}
}  // namespace

// One thread runs all workers in turn, so every worker is quiescent whenever somebody asks.
class World::Grace : public GracePeriod {
 public:
  std::uint64_t start() override { return 0; }
  bool passed(std::uint64_t) const override { return true; }
};

World::World(const WorldOptions& options)
    : grace_(std::make_unique<Grace>()), memory_(nullptr, std::free) {
  const unsigned workers = options.workers;
  const ConnTable::Options table{options.max_connections, workers, {options.hash_key, 2, 3, 4}};
  const std::size_t bytes =
      (ConnTable::memory_bytes(table) + kCacheLine - 1) / kCacheLine * kCacheLine;
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kCacheLine, bytes)));
  std::memset(memory_.get(), 0, bytes);
  table_ = std::make_unique<ConnTable>(table, std::span(memory_.get(), bytes), *grace_);
  fragments_ = std::make_unique<FragmentTable>(FragmentTable::Options{});
  persist_ =
      std::make_unique<PersistTable>(PersistTable::Options{.max_entries = options.max_persistence});

  proxied_ = std::make_unique<ProxiedConn[]>(table_->records());
  table_->set_proxied(proxied_.get());
  const std::uint64_t key = options.hash_key;
  secrets_ = std::make_unique<SynSecrets>(
      SynSecrets::Random{{{{key, 1}}, {{key, 2}}, {{key, 3}}, {{key, 4}}}}, now_);

  std::vector<const WorkerCounters*> all;
  for (unsigned i = 0; i < workers; ++i) {
    counters_.push_back(std::make_unique<WorkerCounters>());
    counters_.back()->make_slots(64);
    all.push_back(counters_.back().get());
  }
  load_ = std::make_unique<Load>(all);
  thresholds_ = std::make_unique<Thresholds>(*load_, 64);
  if (options.peer) marks_ = std::make_unique<RangeMarks>(table_->records());
  std::vector<ChangeLog*> logs;
  for (unsigned i = 0; i < workers; ++i) {
    if (options.peer) {
      logs_.push_back(std::make_unique<ChangeLog>(*marks_, options.log_entries));
      logs.push_back(logs_.back().get());
    }
    pipelines_.push_back(
        std::make_unique<Pipeline>(i, workers,
                                   Pipeline::Shared{*table_, *fragments_, *load_, *persist_, flush_,
                                                    *thresholds_, down_ports_, *secrets_},
                                   *counters_[i], options.peer ? logs.back() : nullptr));
  }
  if (options.peer)
    exporter_ = std::make_unique<Exporter>(*table_, logs, *marks_, *persist_, *secrets_);

  for (std::uint8_t i = 0; i < 2; ++i) {
    PortInfo port;
    port.name = i == 0 ? "wan" : "lan";
    port.mac = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(i + 1)};
    ports.push_back(port);
    const char* own = i == 0 ? "192.0.2.2" : "10.0.0.1";
    spec.port_addresses.push_back({port.name, 0, *Ipv4Address::parse(own)});
  }
  spec.timeouts = test::all_timeouts(600);
}

World::~World() = default;

void World::apply() {
  auto next = build_snapshot(spec, ports, snapshot_.get(), [&](std::uint32_t slot) {
    return load_->active(slot) + load_->inactive(slot) != 0;
  });
  if (!next) throw std::runtime_error(next.error().message);
  (*next)->generation = snapshot_ ? snapshot_->generation + 1 : 1;
  if ((*next)->any_persistence && !persist_->prepare()) throw std::bad_alloc();
  snapshot_ = std::move(*next);
}

Output World::send(unsigned port, const Bytes& frame, unsigned worker) {
  return send_burst(port, {frame}, worker)[0];
}

std::vector<Output> World::send_burst(unsigned port, const std::vector<Bytes>& frames,
                                      unsigned worker) {
  std::vector<std::unique_ptr<Held>> in;
  for (const Bytes& frame : frames) {
    auto held = std::make_unique<Held>();
    held->buffer.assign(kHeadroom + frame.size() + kTailroom, 0xee);
    std::memcpy(held->buffer.data() + kHeadroom, frame.data(), frame.size());
    held->offset = kHeadroom;
    held->len = frame.size();
    held->port = port;
    in.push_back(std::move(held));
  }
  return run(std::move(in), worker);
}

std::vector<Output> World::released(unsigned worker) {
  std::vector<std::unique_ptr<Held>> in;
  for (void* cookie : pipelines_[worker]->released()) {
    in.push_back(std::move(held_.at(cookie)));
    held_.erase(cookie);
  }
  pipelines_[worker]->released().clear();
  return run(std::move(in), worker);
}

std::vector<Output> World::own_segments(unsigned worker) {
  std::vector<Output> out;
  for (const Probe& own : pipelines_[worker]->segments()) out.push_back(written(own));
  pipelines_[worker]->segments().clear();
  return out;
}

Output World::written(const Probe& own) const {
  Output out{Verdict::kForward, DropReason::none, own.hop.port(), Bytes(128)};
  const auto& mac = snapshot_->ports[own.hop.port()].mac;
  out.frame.resize(
      write_segment_frame(out.frame.data(), own.tuple, own.segment, own.hop, mac.data()));
  return out;
}

std::vector<Output> World::run(std::vector<std::unique_ptr<Held>> frames, unsigned worker) {
  pipelines_[worker]->segments().clear();
  std::vector<Packet> burst(frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    burst[i].data = frames[i]->buffer.data() + frames[i]->offset;
    burst[i].len = static_cast<std::uint16_t>(frames[i]->len);
    burst[i].headroom = static_cast<std::uint16_t>(frames[i]->offset);
    burst[i].ingress = static_cast<std::uint8_t>(frames[i]->port);
    burst[i].cookie = frames[i].get();
  }
  process(burst, worker);

  std::vector<Output> out;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Packet& p = burst[i];
    Output o{p.verdict, p.reason, p.egress, {}};
    if (p.verdict == Verdict::kHeld) {
      held_[frames[i].get()] = std::move(frames[i]);
    } else if (p.verdict != Verdict::kDrop) {
      o.frame.assign(p.data, p.data + p.len);
    }
    out.push_back(std::move(o));
  }
  return out;
}

std::vector<Probe> World::advance(std::uint32_t ms) {
  now_ += ms / kTickMs;
  std::vector<Probe> probes;
  std::vector<void*> cookies;
  // Slices are bounded; this many see all of a small world's records, twice for what a grace period
  // held back.
  for (int slice = 0; slice < 256; ++slice) {
    for (auto& pipeline : pipelines_) {
      pipeline->expire(*snapshot_, now_);
      pipeline->maintain(*snapshot_, now_, probes, cookies);
    }
  }
  for (void* cookie : cookies) held_.erase(cookie);
  return probes;
}

bool World::move_hops(const std::vector<HopMove>& moves) {
  const bool moved = table_->hops().move(moves);
  if (moved && exporter_ != nullptr) exporter_->hops_moved();
  return moved;
}

std::vector<SyncEntry> World::exported() {
  std::string batch;
  while (exporter_->fill(batch, batch.size() + (std::size_t{1} << 20), *snapshot_, now_).more) {
  }
  return decode_batch(batch).value();
}

void World::receive(std::span<const SyncEntry> entries) {
  Importer& importer = pipelines_[0]->importer();
  while (!entries.empty()) {
    entries = entries.subspan(importer.import(entries, *snapshot_, now_));
    while (importer.sweeping()) importer.sweep(*snapshot_);
  }
}

std::uint64_t World::imported(ImportOutcome outcome) const {
  return sum(counters_, [&](const WorkerCounters& w) {
    return w.imports[static_cast<std::size_t>(outcome)].get();
  });
}

std::uint64_t World::dropped(DropReason reason) const {
  return sum(counters_, [&](const WorkerCounters& w) {
    return w.drops[static_cast<std::size_t>(reason)].get();
  });
}

std::uint64_t World::rs_counter(std::uint32_t rs_slot,
                                Counter<std::uint64_t> RealServerCounters::*which) const {
  return sum(counters_,
             [&](const WorkerCounters& w) { return (w.real_servers[rs_slot].*which).get(); });
}

std::uint64_t World::handshakes(std::uint32_t rs_slot,
                                Counter<std::uint64_t> HandshakeCounters::*which) const {
  return sum(counters_,
             [&](const WorkerCounters& w) { return (w.handshakes[rs_slot].*which).get(); });
}

std::uint64_t World::shed(ShedClass kind) const {
  return sum(counters_,
             [&](const WorkerCounters& w) { return w.shed[static_cast<std::size_t>(kind)].get(); });
}
std::uint64_t World::counter(Counter<std::uint64_t> WorkerCounters::*which) const {
  return sum(counters_, [&](const WorkerCounters& w) { return (w.*which).get(); });
}

std::uint32_t World::rs_slot(const std::string& address) const {
  const Ipv4Endpoint wanted = *Ipv4Endpoint::parse(address);
  for (std::uint32_t i = 0; i < snapshot_->real_servers.size(); ++i) {
    const RealServerEntry& e = snapshot_->real_servers[i];
    if (e.service != kNoSlot && e.address == wanted.address.be && e.port.host() == wanted.port)
      return i;
  }
  throw std::runtime_error("no real server " + address);
}

}  // namespace lb::golden
