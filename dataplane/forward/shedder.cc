#include "dataplane/forward/shedder.h"

#include <algorithm>

#include "dataplane/sync/refresh.h"

namespace lb {

namespace {

// The workers' clocks may be a tick apart.
std::uint32_t idle_of(const Record& record, std::uint32_t now) {
  const std::uint32_t seen = record.last_seen.load(std::memory_order_relaxed);
  return is_later(seen, now) ? 0 : now - seen;
}

// Of a connection that the HA peer has as well, its packets may be known by refreshes only.
bool is_silent_for(const Record& record, std::uint32_t ticks, std::uint32_t idle) {
  const bool is_copy = record.import_epoch.load(std::memory_order_relaxed) != 0;
  return idle >= ticks + (is_copy ? kLongestRefresh : 0);
}

}  // namespace

std::optional<Shedder::Rank> Shedder::rank_of(const Record& record, ConnState state,
                                              std::uint32_t idle) {
  const bool young = idle < kYoungTicks;
  switch (shed_class(record, state)) {
    case ShedClass::half_open:
      return young ? Rank::kYoung : Rank::kHalfOpen;
    case ShedClass::udp_unanswered:
      return young ? Rank::kYoung : Rank::kUdp;
    case ShedClass::handshake:
      return young ? Rank::kYoung : Rank::kHandshake;
    case ShedClass::closed:
      if (state != ConnState::kFinWait || is_silent_for(record, kClosedTicks, idle)) {
        return Rank::kClosed;
      }
      return std::nullopt;
    default:
      if (is_silent_for(record, kIdleTicks, idle)) return Rank::kIdle;
      return std::nullopt;
  }
}

Shedder::Shedder(unsigned worker, unsigned workers, ConnTable& table, const TableShares& shares)
    : table_(table),
      shares_(shares),
      hand_(static_cast<std::uint32_t>(std::uint64_t{table.records()} * worker / workers)) {
  found_.reserve(kBlocks * kBlock);
}

std::optional<Shedder::Victim> Shedder::choose(std::uint32_t service, std::uint32_t now) {
  if (tick_ != now) {
    // What was found may be in use again, and there may be something that goes before it.
    tick_ = now;
    vain_ = 0;
    found_.clear();
    next_ = 0;
  }
  if (const auto victim = take_found(service)) return victim;
  return search(service, now) ? take_found(service) : std::nullopt;
}

// Others may have ended it, or confirmed it, since it was found.
std::optional<Shedder::Victim> Shedder::take_found(std::uint32_t service) {
  while (next_ < found_.size()) {
    if (next_ + kAhead < found_.size()) {
      if (const Record* later = table_.at(found_[next_ + kAhead].handle)) {
        table_.prefetch_keys(*later);
      }
    }
    Record* const record = table_.at(found_[next_++].handle);
    if (record == nullptr || !shares_.may_lose(record->service, service)) continue;
    const ConnState state = record->state.load(std::memory_order_acquire);
    if (is_live(state) && rank_of(*record, state, idle_of(*record, tick_)) == rank_) {
      return Victim{record, shed_class(*record, state)};
    }
  }
  return std::nullopt;
}

// False: there is nothing.
bool Shedder::search(std::uint32_t service, std::uint32_t now) {
  if (vain_ == kVainPerTick) return false;
  found_.clear();
  next_ = 0;
  rank_ = Rank::kIdle;
  std::size_t blocks = 0;
  while (blocks < kMostBlocks) {
    read_block(service, now);
    ++blocks;
    if (!found_.empty() && (rank_ < Rank::kYoung || blocks >= kBlocks)) break;
  }
  if (found_.size() < blocks) ++vain_;
  if (found_.empty()) return false;
  std::sort(found_.begin(), found_.end(), [](const Candidate& a, const Candidate& b) {
    return a.idle != b.idle ? a.idle > b.idle : a.place < b.place;
  });
  const std::size_t kept = rank_ == Rank::kIdle ? 1 : (found_.size() + 1) / 2;
  found_.resize(kept);
  return true;
}

void Shedder::read_block(std::uint32_t service, std::uint32_t now) {
  const std::uint32_t records = table_.records_in_use();
  if (hand_ >= records) hand_ = 0;
  const std::uint32_t end = hand_ + std::min<std::uint32_t>(kBlock, records - hand_);
  for (std::uint32_t index = hand_; index < end; ++index) table_.prefetch_record_at(index);
  hand_ = table_.walk_all(hand_, end - hand_, [&](Record& record) {
    const ConnState state = record.state.load(std::memory_order_acquire);
    if (!is_live(state)) return;
    const std::uint32_t idle = idle_of(record, now);
    const auto rank = rank_of(record, state, idle);
    if (!rank || *rank > rank_ || !shares_.may_lose(record.service, service)) return;
    if (*rank < rank_) {
      found_.clear();
      rank_ = *rank;
    }
    found_.push_back({table_.handle_of(record), idle, static_cast<std::uint32_t>(found_.size())});
  });
}

}  // namespace lb
