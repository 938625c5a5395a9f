#include "dataplane/sched/hashed.h"

#include "dataplane/service/stable_hash.h"

namespace lb {
namespace {

constexpr std::uint32_t kHashes = 64;

// sh, dh: any configured server, which is then refused in proportion to what its weight lacks to
// the heaviest's. A server that is down or has weight 0 is always refused. So a change of a weight
// or of health moves the clients of that server alone.
std::uint32_t by_weight(const ServiceEntry& service, std::uint64_t hash) {
  const std::size_t at = static_cast<std::size_t>(((hash >> 32) * service.sequence.size()) >> 32);
  const std::uint64_t lot = hash & 0xffff;
  const bool accepted = lot * service.heaviest < std::uint64_t{service.sequence_weights[at]} << 16;
  return accepted ? service.sequence[at] : kNoSlot;
}

std::uint32_t by_table(const ServiceEntry& service, std::uint64_t hash) {
  const std::vector<std::uint16_t>& table = *service.maglev;
  return service.candidates[table[hash % table.size()]];
}

// What no hash found, since the weights are very uneven or most servers may not be had: one of
// those that may, by their weights.
std::uint32_t among_others(const ServiceEntry& service, std::uint64_t hash, const Filter& filter) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < service.candidates.size(); ++i) {
    if (filter.accepts(service.candidates[i])) total += service.weights[i];
  }
  if (total == 0) return kNoSlot;
  std::uint64_t lot = hash % total;
  for (std::size_t i = 0; i < service.candidates.size(); ++i) {
    if (!filter.accepts(service.candidates[i])) continue;
    if (lot < service.weights[i]) return service.candidates[i];
    lot -= service.weights[i];
  }
  return kNoSlot;
}

}  // namespace

std::uint32_t pick_hashed(const ServiceEntry& service, const FlowTuple& from_client,
                          const Filter& filter) {
  if (service.candidates.empty()) return kNoSlot;
  const Be32 address = service.scheduler == Scheduler::kDh ? from_client.dst : from_client.src;
  for (std::uint32_t salt = 0; salt < kHashes; ++salt) {
    const std::uint64_t hash = stable_hash(address, salt);
    const std::uint32_t slot =
        service.scheduler == Scheduler::kMh ? by_table(service, hash) : by_weight(service, hash);
    if (slot != kNoSlot && filter.accepts(slot)) return slot;
  }
  return among_others(service, stable_hash(address, kHashes), filter);
}

}  // namespace lb
