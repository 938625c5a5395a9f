#include "dataplane/service/gate.h"

#include <algorithm>
#include <bit>

#include "dataplane/conn/record.h"

namespace lb {
namespace {

constexpr std::uint64_t kUnitsPerMs = 16'000'000;
constexpr std::uint64_t kClockSlack = 1'000 * kUnitsPerMs;

std::uint64_t spread(std::uint64_t key) {
  key ^= key >> 29;
  key *= 0x9e3779b97f4a7c15;
  return key ^ key >> 32;
}

}  // namespace

// Time comes in ticks, so what a bucket gains from one to the next must fit in.
Rate::Rate(std::uint32_t per_second, std::chrono::milliseconds burst)
    : interval_(per_second == 0 ? 0 : 1'000 * kUnitsPerMs / per_second),
      depth_(std::max(static_cast<std::uint64_t>(burst.count()) * kUnitsPerMs,
                      kTickMs * kUnitsPerMs + interval_ - 1)) {}

std::uint64_t Rate::time_of(std::uint32_t tick) {
  return std::uint64_t{tick} * kTickMs * kUnitsPerMs;
}

bool Rate::take(std::atomic<std::uint64_t>& full_at, std::uint64_t now) const {
  // Relaxed: nothing else is published with this word.
  std::uint64_t before = full_at.load(std::memory_order_relaxed);
  while (true) {
    std::uint64_t from = std::max(before, now);
    // Further ahead than this rate goes, and not because another worker's clock is ahead: it was
    // another rate's.
    if (from > now + depth_ + kClockSlack) from = now + depth_;
    const bool taken = from + interval_ <= now + depth_;
    if (!taken && from == std::max(before, now)) return false;
    const std::uint64_t after = taken ? from + interval_ : from;
    if (full_at.compare_exchange_weak(before, after, std::memory_order_relaxed)) return taken;
  }
}

bool Rate::has(const std::atomic<std::uint64_t>& full_at, std::uint64_t now) const {
  const std::uint64_t from = std::max(full_at.load(std::memory_order_relaxed), now);
  // As in take(): another rate's.
  return from > now + depth_ + kClockSlack || from + interval_ <= now + depth_;
}

ClientBuckets::ClientBuckets(std::size_t clients)
    : sets_(std::bit_ceil(std::max<std::size_t>(clients / kWays, 1))) {}

bool ClientBuckets::take(std::uint32_t service_slot, std::uint32_t client, const Rate& rate,
                         std::uint64_t now) {
  const std::uint64_t key = key_of(service_slot, client);
  Set& set = sets_[spread(key) & (sets_.size() - 1)];
  Entry* fullest = &set.entries[0];
  std::uint64_t earliest = ~std::uint64_t{0};
  for (Entry& entry : set.entries) {
    // Relaxed, here and below: key and time need not fit together exactly; a mistake is a
    // connection too much or too few.
    if (entry.key.load(std::memory_order_relaxed) == key) return rate.take(entry.full_at, now);
    const std::uint64_t full_at = entry.full_at.load(std::memory_order_relaxed);
    if (full_at < earliest) {
      earliest = full_at;
      fullest = &entry;
    }
  }
  fullest->key.store(key, std::memory_order_relaxed);
  fullest->full_at.store(now + rate.interval(), std::memory_order_relaxed);
  return true;
}

bool ClientBuckets::has(std::uint32_t service_slot, std::uint32_t client, const Rate& rate,
                        std::uint64_t now) const {
  const std::uint64_t key = key_of(service_slot, client);
  for (const Entry& entry : sets_[spread(key) & (sets_.size() - 1)].entries) {
    if (entry.key.load(std::memory_order_relaxed) == key) return rate.has(entry.full_at, now);
  }
  return true;
}

Gate::Gate(std::uint32_t service_slot, std::shared_ptr<const AccessList> access,
           const ConnLimits& limits, std::shared_ptr<ClientBuckets> clients, const Gate* before)
    : service_slot_(service_slot),
      access_(std::move(access)),
      limits_(limits),
      service_rate_(limits.new_per_second, limits.burst),
      client_rate_(limits.new_per_second_per_client, limits.burst),
      client_mask_(Ipv4Prefix{{}, limits.client_prefix}.mask()),
      clients_(limits.new_per_second_per_client == 0 ? nullptr : std::move(clients)),
      state_(before != nullptr ? before->state_ : std::make_shared<State>()) {}

DropReason Gate::admit(Be32 client, std::uint32_t tick, unsigned worker) const {
  State::Counts& counts = state_->counts[worker % state_->counts.size()];
  if (access_ != nullptr && !access_->allows(client)) {
    counts.denied.fetch_add(1, std::memory_order_relaxed);
    return DropReason::denied;
  }
  if (!limits_.any()) return DropReason::none;
  const std::uint64_t now = Rate::time_of(tick);
  // A client beyond its own limit does not use up the service's.
  if (clients_ != nullptr &&
      !clients_->take(service_slot_, client.host() & client_mask_, client_rate_, now)) {
    counts.client_rate_limited.fetch_add(1, std::memory_order_relaxed);
    return DropReason::client_rate_limited;
  }
  if (limits_.new_per_second != 0 && !service_rate_.take(state_->full_at, now)) {
    counts.service_rate_limited.fetch_add(1, std::memory_order_relaxed);
    return DropReason::service_rate_limited;
  }
  return DropReason::none;
}

DropReason Gate::preview(Be32 client, std::uint32_t tick, unsigned worker) const {
  State::Counts& counts = state_->counts[worker % state_->counts.size()];
  if (access_ != nullptr && !access_->allows(client)) {
    counts.denied.fetch_add(1, std::memory_order_relaxed);
    return DropReason::denied;
  }
  const std::uint64_t now = Rate::time_of(tick);
  if (clients_ != nullptr &&
      !clients_->has(service_slot_, client.host() & client_mask_, client_rate_, now)) {
    counts.client_rate_limited.fetch_add(1, std::memory_order_relaxed);
    return DropReason::client_rate_limited;
  }
  if (limits_.new_per_second != 0 && !service_rate_.has(state_->full_at, now)) {
    counts.service_rate_limited.fetch_add(1, std::memory_order_relaxed);
    return DropReason::service_rate_limited;
  }
  return DropReason::none;
}

Refused Gate::refused() const {
  Refused sum;
  for (const State::Counts& counts : state_->counts) {
    sum.denied += counts.denied.load(std::memory_order_relaxed);
    sum.service_rate_limited += counts.service_rate_limited.load(std::memory_order_relaxed);
    sum.client_rate_limited += counts.client_rate_limited.load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace lb
