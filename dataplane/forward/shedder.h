// Which connection ends when the table has no room for a new one. Never one that carried data
// lately and may be alive: of those that are left the order is that of ShedClass, and among equals
// the longest without a packet. In its first second one that is not confirmed may be an honest
// client's: those go by age alone, after the older ones of the first three classes. Else a flood of
// UDP would end every handshake before the client's answer arrives.
//
// The whole table cannot be searched for a packet. A hand goes round it, in blocks of records: a
// block is read at once, and of what may go in it the older half is kept for the packets that
// follow in the same tick. The younger half stays: honest clients may be on their way there. Places
// that get free are taken by new connections, so that those which the hand meets next are the
// oldest. Work is bounded: some blocks per packet, and when nothing can go, some blocks per tick.
//
// A worker's own object; the table is shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/conn/table.h"
#include "dataplane/forward/table_shares.h"
#include "dataplane/forward/tcp_progress.h"
#include "dataplane/stats/shed_class.h"

namespace lb {

// Of a live connection in this state.
inline ShedClass shed_class(const Record& record, ConnState state) {
  switch (state) {
    case ConnState::kSynSent:
      // The client of a SYN proxy has received something, and waits.
      return is_proxied(record) ? ShedClass::handshake : ShedClass::half_open;
    case ConnState::kSynReceived:
      return ShedClass::half_open;
    case ConnState::kUdpUnanswered:
      return ShedClass::udp_unanswered;
    case ConnState::kHandshake:
      return ShedClass::handshake;
    case ConnState::kTimeWait:
      return ShedClass::closed;
    case ConnState::kFinWait:
      // In DR mode nothing more of most of them will come by.
      return record.keys == 1 ? ShedClass::closed : ShedClass::idle;
    case ConnState::kClosed:
      // Refused by the server, or closed by both; others may have been reset by a stranger.
      return record.keys != 1 && !progress_of(record, 1).is_known() ? ShedClass::closed
                                                                    : ShedClass::idle;
    default:
      return ShedClass::idle;
  }
}

class Shedder {
 public:
  // Without a packet for so long a connection that has carried data may go.
  static constexpr std::uint32_t kIdleTicks = 30'000 / kTickMs;
  // See above.
  static constexpr std::uint32_t kYoungTicks = 1'000 / kTickMs;
  // A client that has closed in DR mode and receives nothing more for so long.
  static constexpr std::uint32_t kClosedTicks = 3'000 / kTickMs;

  // Both outlive this object. Workers begin at different places of the table.
  Shedder(unsigned worker, unsigned workers, ConnTable& table, const TableShares& shares);

  struct Victim {
    Record* record = nullptr;
    ShedClass kind{};
  };
  // A connection to end so that one of the service gets its place; nullopt: none was found. The
  // caller ends it now.
  std::optional<Victim> choose(std::uint32_t service, std::uint32_t now);

 private:
  static constexpr std::size_t kBlock = 64;  // records: a wait for memory for all of them
  // A search ends after so many if it has found something, and after so many anyway.
  static constexpr std::size_t kBlocks = 4;
  static constexpr std::size_t kMostBlocks = 16;
  // Searches that found next to nothing: half a millisecond.
  static constexpr std::size_t kVainPerTick = 64;
  static constexpr std::size_t kAhead = 2;

  enum class Rank : std::uint8_t { kHalfOpen, kUdp, kHandshake, kYoung, kClosed, kIdle };
  // nullopt: it does not go.
  static std::optional<Rank> rank_of(const Record& record, ConnState state, std::uint32_t idle);

  struct Candidate {
    Handle handle;
    std::uint32_t idle = 0;   // ticks
    std::uint32_t place = 0;  // in the order of the hand
  };

  std::optional<Victim> take_found(std::uint32_t service);
  bool search(std::uint32_t service, std::uint32_t now);
  void read_block(std::uint32_t service, std::uint32_t now);

  ConnTable& table_;
  const TableShares& shares_;
  std::uint32_t hand_ = 0;        // record
  std::vector<Candidate> found_;  // all of this rank:
  Rank rank_ = Rank::kIdle;
  std::size_t next_ = 0;    // in found_
  std::uint32_t tick_ = 0;  // of found_ and vain_
  std::size_t vain_ = 0;
};

}  // namespace lb
