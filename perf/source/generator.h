// What one lcore's source does between two bursts: which frames come next, and what the frames that
// were sent ask for. Knows frames and flows, nothing of DPDK.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "perf/source/frames.h"
#include "perf/source/page.h"

namespace lb::perf {

inline constexpr unsigned kClientSide = 0;  // the port towards clients
inline constexpr unsigned kServerSide = 1;  // the port towards real servers

// A linear congruence (Knuth's MMIX); its upper half is good enough to pick flows by, and quick.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15) {}
  // 32 bits.
  std::uint64_t next() {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return state_ >> 32;
  }

 private:
  std::uint64_t state_;
};

class Generator {
 public:
  // `lcore` counts from 0. `macs`: of the two ports.
  Generator(unsigned lcore, const std::uint8_t (&macs)[2][6], Page& page);

  // Takes over what the suite wrote, when it wrote something.
  void refresh(std::uint64_t now_tsc, std::uint64_t tsc_hz);

  // Writes the frames that the side has now, at most as many as there are buffers of at least 64
  // bytes, and their lengths; returns how many.
  unsigned emit(unsigned side, std::uint8_t* const* frames, std::uint16_t* lengths, unsigned room,
                std::uint64_t now_tsc);

  // Frames that the device under test sends.
  void sink(unsigned side, const std::uint8_t* const* frames, const std::uint16_t* lengths,
            unsigned count, std::uint64_t now_tsc);

 private:
  struct Answer {
    Ends ends;
    std::uint8_t proto = 0;
    std::uint8_t tcp_flags = 0;
  };
  // Answers that wait to be sent; first in, first out.
  class Answers {
   public:
    bool empty() const { return first_ == end_; }
    unsigned size() const { return end_ - first_; }
    bool add(const Answer& answer) {
      if (size() == kRoom) return false;
      ring_[end_++ % kRoom] = answer;
      return true;
    }
    const Answer& take() { return ring_[first_++ % kRoom]; }

   private:
    static constexpr unsigned kRoom = 4096;
    std::array<Answer, kRoom> ring_;
    unsigned first_ = 0;
    unsigned end_ = 0;
  };

  void make_templates();
  void make_zipf();
  bool is_plain(unsigned side) const;
  void write_plain(unsigned side, std::uint8_t* const* frames, std::uint16_t* lengths,
                   unsigned count);
  unsigned due(unsigned side, unsigned room, std::uint64_t now_tsc) const;
  std::uint16_t write(unsigned side, std::uint8_t* frame);
  static std::uint16_t put(std::uint8_t* frame, const FrameTemplate& form, const Ends& ends) {
    form.write(frame, ends);
    return form.frame_bytes();
  }
  std::uint64_t pick(std::uint64_t share);
  std::uint64_t reply_share() const {
    return now_.replies == Replies::kSameWorker ? lcore_ : (lcore_ + 1) % now_.workers;
  }
  bool is_fresh_due() { return now_.fresh_share != 0 && random_.next() >> 24 < now_.fresh_share; }
  const FrameTemplate& data_form(unsigned side);
  const FrameTemplate& answer_form(unsigned side, const Answer& answer) const;
  void answer(unsigned side, const Sunk& sunk);
  void add(unsigned side, const Ends& ends, std::uint8_t proto, std::uint8_t tcp_flags);
  void take_latency(const std::uint8_t* frame, std::uint64_t now_tsc);

  // The control words, without the one that both sides write and read.
  struct Settings {
    Phase phase = Phase::kSilent;
    std::uint64_t flows = 1, active = 1;
    Pick pick = Pick::kUniform;
    std::uint64_t proto = kUdp, bytes = 60;
    Replies replies = Replies::kNone;
    bool dr = false;
    std::uint64_t services = 1, fresh_share = 0;
    Fresh fresh = Fresh::kDatagram;
    std::uint64_t rate = 0, workers = 1;
  };

  const unsigned lcore_;
  Page& page_;
  Tally& tally_;
  std::uint8_t macs_[2][6];
  Settings now_;
  Random random_;

  static constexpr unsigned kSizes = 12;  // IMIX: 7 small, 4 middle, 1 large
  std::array<FrameTemplate, kSizes> data_[2];
  unsigned sizes_ = 1;
  unsigned next_size_ = 0;
  // By side and TCP flags.
  std::array<FrameTemplate, 32> tcp_[2];
  FrameTemplate udp_[2];

  static constexpr unsigned kZipfSteps = 4096;
  std::vector<std::uint32_t> zipf_;  // kZipfSteps + 1 flow numbers

  Answers answers_[2];
  std::uint64_t opening_ = 0;     // the next live flow to open
  std::uint64_t next_fresh_ = 0;  // of this lcore's new flows
  std::uint64_t bursts_ = 0;      // sunk

  std::uint64_t tsc_hz_ = 1;
  std::uint64_t interval_tsc_ = 0;  // between two frames at a limited rate
  std::uint64_t due_tsc_ = 0;       // of the next one
};

}  // namespace lb::perf
