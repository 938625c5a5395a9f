// How far one direction of a TCP connection has come, in 16 bits: enough to tell its segments from
// stale and forged ones, and so rough that an established connection's changes once in 256 KB.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/conn/record.h"
#include "dataplane/packet/tcp_segment.h"

namespace lb {

//   1eee eeee eeee eeee  ended: its FIN was accepted, and the number behind the FIN is e, modulo 2^15
//   01gg gggg gggg gggg  at: its numbers are about g * 256 KB
//   001s ssss ssss ssss  opening: no progress. A SYN of the client went to the server of a connection
//                        that may be over; the number behind the SYN is s, modulo 2^13
//   0000 0000 0000 0000  unknown
class Progress {
 public:
  constexpr Progress() = default;  // unknown
  constexpr explicit Progress(std::uint16_t word) : word_(word) {}
  static constexpr Progress at(std::uint32_t seq) { return make(kAt, seq >> kGranuleBits); }
  static constexpr Progress ended(std::uint32_t end) { return make(kEnded, end & (kEnded - 1)); }
  static constexpr Progress opening(std::uint32_t end) {
    return make(kOpening, end & (kOpening - 1));
  }

  constexpr std::uint16_t word() const { return word_; }
  constexpr bool is_ended() const { return word_ >= kEnded; }
  constexpr bool is_at() const { return word_ >= kAt && word_ < kEnded; }
  constexpr bool is_known() const { return word_ >= kAt; }
  constexpr bool is_opening() const { return word_ >= kOpening && word_ < kAt; }

  // Within 8 MB of it, on either side.
  constexpr bool is_near(std::uint32_t seq) const {
    return is_at() && ((granules_to(seq) + kWindow) & kGranuleMask) <= 2 * kWindow;
  }
  // `seq` is later, by at least a granule and at most half of all numbers.
  constexpr bool is_before(std::uint32_t seq) const {
    return is_at() && granules_to(seq) - 1U < kGranuleMask / 2U;
  }
  // The other side's segment cannot have acknowledged that number of this direction, as far as is
  // known.
  constexpr bool contradicts(std::uint32_t ack) const { return is_at() && !is_near(ack); }
  // The segment is one of this direction's, as far as is known; of an ended one, which has
  // nothing new to say, a bare one behind the FIN or the FIN again.
  constexpr bool admits(const TcpSegment& segment) const {
    return is_near(segment.seq) || *this == ended(segment.seq) || *this == ended(segment.end);
  }
  // With an ordinary segment of this direction. A stale or a forged one does not move it: only
  // forward, and not out of the window.
  constexpr Progress after(std::uint32_t seq) const {
    if (is_ended()) return *this;
    return !is_known() || (is_near(seq) && is_before(seq)) ? at(seq) : *this;
  }

  constexpr bool operator==(const Progress&) const = default;

 private:
  static constexpr unsigned kGranuleBits = 18;  // 256 KB
  static constexpr std::uint16_t kEnded = 0x8000;
  static constexpr std::uint16_t kAt = 0x4000;
  static constexpr std::uint16_t kOpening = 0x2000;
  static constexpr std::uint16_t kGranuleMask = kAt - 1;
  static constexpr std::uint16_t kWindow = (8U << 20) >> kGranuleBits;

  static constexpr Progress make(std::uint16_t kind, std::uint32_t value) {
    return Progress(static_cast<std::uint16_t>(kind | value));
  }
  // Modulo 2^14.
  constexpr std::uint32_t granules_to(std::uint32_t seq) const {
    return ((seq >> kGranuleBits) - word_) & kGranuleMask;
  }

  std::uint16_t word_ = 0;
};

// [0] of the client's segments, [1] of the real server's.
using TcpProgress = std::array<Progress, 2>;

// What is kept of a connection; of one that a SYN proxy opened by the server's numbers. Relaxed, and apart
// from the state: each direction has its own number, and another worker that sees the new state with an
// old one takes it for less proven than it is, which leaves the connection as it was.
inline Progress progress_of(const Record& record, unsigned dir) {
  const std::uint16_t word = record.seq[dir].load(std::memory_order_relaxed);
  return Progress(static_cast<std::uint16_t>(word ^ seq_mask(record.mode)));
}
inline void set_progress(Record& record, unsigned dir, Progress progress) {
  record.seq[dir].store(static_cast<std::uint16_t>(progress.word() ^ seq_mask(record.mode)),
                        std::memory_order_relaxed);
}

}  // namespace lb
