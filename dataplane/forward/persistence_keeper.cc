#include "dataplane/forward/persistence_keeper.h"

#include "dataplane/forward/persist.h"

namespace lb {

namespace {
constexpr std::size_t kSlice = 128;        // records read per call
constexpr std::uint32_t kPauseTicks = 50;  // from the beginning of a walk to the next, at least
}  // namespace

// A walk over this worker's connections. All have been seen after some seconds, up to ten with a
// million of them.
void PersistenceKeeper::confirm(const Snapshot& snapshot, std::uint32_t now) {
  if (confirm_cursor_ == 0) {
    if (now - confirm_began_ < kPauseTicks) return;
    confirm_began_ = now;
  }
  confirm_cursor_ = conns_.walk(confirm_cursor_, kSlice, [&](const Record& record) {
    const ConnState state = record.state.load(std::memory_order_relaxed);
    if (!is_active(state) && !is_udp(state)) return;
    const Persistence& persistence = snapshot.services[record.service].persistence;
    if (persistence.ticks == 0) return;
    persist_.confirm(persist_use(persistence, record.service, record.tuple[0].src,
                                 snapshot.real_servers[record.rs]),
                     now);
  });
}

void PersistenceKeeper::remove_expired(std::uint32_t now) {
  expired_cursor_ = persist_.sweep(expired_cursor_, now, [](const PersistRow&) { return false; });
}

}  // namespace lb
