#include "dataplane/conn/hop_table.h"

#include <algorithm>
#include <bit>

namespace lb {

std::uint32_t HopTable::entries_for(std::uint32_t max_connections) {
  constexpr std::uint32_t kLeast = 1024;
  return std::bit_ceil(std::clamp(max_connections, kLeast, kMost));
}

HopTable::HopTable(const Memory& memory, std::uint64_t key, GracePeriod& grace)
    : words_(memory.words),
      marks_(memory.marks),
      key_(key | 1),
      shift_(64U - static_cast<unsigned>(std::countr_zero(memory.words.size() / kSet))),
      grace_(grace) {
  marks_[kNone].store(kCondemned, std::memory_order_relaxed);
}

// ---- look-up

// Marks the entry in this epoch. False: it is not to be used.
bool HopTable::keep(std::uint32_t index, std::uint32_t epoch) {
  // Acquire: the entry is not condemned, or was marked before it could be.
  std::uint32_t mark = marks_[index].load(std::memory_order_acquire);
  // A mark never goes back: a worker that has not seen the new epoch yet must not undo what another
  // one did that has.
  while (mark < epoch && mark != kFree) {
    if (marks_[index].compare_exchange_weak(mark, epoch, std::memory_order_acq_rel)) return true;
  }
  return mark != kCondemned && mark != kFree;
}

std::uint32_t HopTable::find(ClientHop hop, std::uint32_t epoch) {
  const std::uint32_t first = set_of(hop);
  // Acquire: pairs with insert(), move() and free().
  const auto has_hop = [&](std::uint32_t i) {
    return words_[i].load(std::memory_order_acquire) == hop.word;
  };
  for (std::uint32_t i = first; i < first + kSet; ++i) {
    // Asked again when it is marked: before, it may have been freed, and made for another hop.
    if (has_hop(i) && keep(i, epoch) && has_hop(i)) return i;
  }
  return kNone;
}

std::uint32_t HopTable::insert(ClientHop hop, std::uint32_t places, std::uint32_t epoch) {
  const std::uint32_t first = set_of(hop);
  for (std::uint32_t i = first; i < first + places; ++i) {
    std::uint32_t mark = marks_[i].load(std::memory_order_relaxed);
    // Acquire: pairs with free(), whose store to the word came before.
    if (mark != kFree ||
        !marks_[i].compare_exchange_strong(mark, epoch, std::memory_order_acq_rel)) {
      continue;
    }
    words_[i].store(hop.word, std::memory_order_release);
    used_.fetch_add(1, std::memory_order_relaxed);
    return i;
  }
  return kNone;
}

std::uint32_t HopTable::look_up_whole_set(ClientHop hop, std::uint32_t epoch) {
  std::uint32_t index = find(hop, epoch);
  if (index == kNone) index = insert(hop, kSet - kReserved, epoch);
  // Written once, also while a stranger fills the table.
  if (index == kNone && !refused_.load(std::memory_order_relaxed)) {
    refused_.store(true, std::memory_order_relaxed);
  }
  return index;
}

// ---- moves

bool HopTable::move(std::span<const HopMove> moves) {
  bool any = false;
  for (std::uint32_t i = 1; i < size(); ++i) {
    std::uint64_t word = words_[i].load(std::memory_order_relaxed);
    if (word == 0) continue;
    const auto found =
        std::ranges::find(moves, word, [](const HopMove& move) { return move.from.word; });
    if (found == moves.end()) continue;
    // Fails when the entry was freed, and maybe entered for another hop, just now.
    any |= words_[i].compare_exchange_strong(word, found->to.word, std::memory_order_acq_rel);
  }
  if (any) unsettled_.store(true, std::memory_order_release);
  return any;
}

std::uint32_t HopTable::settle(std::uint32_t cursor, std::uint32_t budget) {
  const std::uint32_t epoch = epoch_.load(std::memory_order_relaxed);
  for (; budget > 0 && cursor < size(); --budget, ++cursor) {
    const ClientHop hop = at(cursor);
    if (hop.word == 0 || cursor - set_of(hop) < kSet) continue;
    const std::uint32_t mark = marks_[cursor].load(std::memory_order_acquire);
    if (mark == kFree || mark == kCondemned || find(hop, epoch) != kNone) continue;
    insert(hop, kSet, epoch);
  }
  return cursor < size() ? cursor : 0;
}

// ---- reclaim

// The sets do not fill evenly: some are full before the table is.
bool HopTable::is_crowded() const {
  return used() > size() / 2 || refused_.load(std::memory_order_relaxed);
}

void HopTable::begin_epoch() {
  refused_.store(false, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);  // pairs with look_up()
  token_ = grace_.start();
}

bool HopTable::grace_passed() const {
  return grace_.passed(token_);
}

std::uint32_t HopTable::condemn(std::uint32_t cursor, std::uint32_t budget) {
  const std::uint32_t epoch = epoch_.load(std::memory_order_relaxed);
  for (; budget > 0 && cursor < size(); --budget, ++cursor) {
    std::uint32_t mark = marks_[cursor].load(std::memory_order_relaxed);
    if (mark == kFree || mark >= epoch) continue;
    // Fails when somebody looked it up just now; then it is marked.
    marks_[cursor].compare_exchange_strong(mark, kCondemned, std::memory_order_acq_rel);
  }
  return cursor < size() ? cursor : 0;
}

// A worker may have found a connection that ended before the walk came to it, and read its hop.
void HopTable::begin_free() {
  token_ = grace_.start();
}

std::uint32_t HopTable::free(std::uint32_t cursor, std::uint32_t budget) {
  for (; budget > 0 && cursor < size(); --budget, ++cursor) {
    if (cursor == kNone || marks_[cursor].load(std::memory_order_relaxed) != kCondemned) continue;
    words_[cursor].store(0, std::memory_order_relaxed);
    used_.fetch_sub(1, std::memory_order_relaxed);
    marks_[cursor].store(kFree, std::memory_order_release);  // pairs with insert()
  }
  if (cursor < size()) return cursor;
  unsettled_.store(true, std::memory_order_relaxed);
  return 0;
}

}  // namespace lb
