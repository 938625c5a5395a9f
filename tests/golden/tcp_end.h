// One end of a TCP connection as RFC 9293 and RFC 5961 have it, as far as segments go: states,
// sequence numbers, retransmission, challenge ACKs. Without timers and buffers: a test says when
// something is repeated, and what came out of order is thrown away. Pure; shares nothing with the
// data plane.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/packet/testing/builder.h"

namespace lb::golden {

struct EndSegment {
  std::uint8_t flags = 0;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint32_t size = 0;

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  std::uint32_t end() const {
    return seq + size + (has(test::kSyn) ? 1 : 0) + (has(test::kFin) ? 1 : 0);
  }
};

class TcpEnd {
 public:
  enum class State : std::uint8_t {
    kClosed,
    kListen,
    kSynSent,
    kSynReceived,
    kEstablished,
    kFinWait1,
    kFinWait2,
    kCloseWait,
    kClosing,
    kLastAck,
    kTimeWait
  };
  using Out = std::vector<EndSegment>;

  State state() const { return state_; }
  bool is_over() const {
    return state_ == State::kClosed || state_ == State::kTimeWait || state_ == State::kListen;
  }
  // Both directions are open as this end sees it.
  bool is_open() const { return state_ == State::kEstablished; }
  std::uint32_t next() const { return next_; }
  std::uint32_t awaited() const { return awaited_; }
  bool has_unacknowledged() const { return unacknowledged_ != next_; }

  // ---- what the program does
  void listen(std::uint32_t isn) {
    *this = TcpEnd();
    state_ = State::kListen;
    isn_ = isn;
  }
  void connect(std::uint32_t isn, Out& out) {
    *this = TcpEnd();
    begin(isn, State::kSynSent);
    emit(out, test::kSyn, isn_, 0);
  }
  bool can_send() const { return state_ == State::kEstablished || state_ == State::kCloseWait; }
  void send(std::uint32_t size, Out& out) {
    if (next_ - unacknowledged_ > kWindow / 2) return;
    emit(out, test::kAck | test::kPsh, next_, size);
    next_ += size;
  }
  void close(Out& out) {
    state_ = state_ == State::kEstablished ? State::kFinWait1 : State::kLastAck;
    fin_ = next_++;
    has_fin_ = true;
    emit(out, test::kFin | test::kAck, fin_, 0);
  }
  void abort(Out& out) {
    emit(out, test::kRst | test::kAck, next_, 0);
    state_ = State::kClosed;
  }
  void keep_alive(Out& out) const { emit(out, test::kAck, next_ - 1, 0); }

  // ---- what its timer does
  void repeat(Out& out) const {
    if (state_ == State::kSynSent) return emit(out, test::kSyn, isn_, 0);
    if (state_ == State::kSynReceived && unacknowledged_ == isn_) {
      return emit(out, test::kSyn | test::kAck, isn_, 0);
    }
    if (is_over() || !has_unacknowledged()) return;
    const std::uint32_t data_end = has_fin_ ? fin_ : next_;
    const std::uint32_t left = data_end - unacknowledged_;
    const std::uint32_t size = left < kMost ? left : kMost;
    const bool reaches_fin = has_fin_ && size == left;
    emit(out, test::kAck | (reaches_fin ? test::kFin : 0), unacknowledged_, size);
  }

  void receive(const EndSegment& in, Out& out) {
    switch (state_) {
      case State::kClosed:
        return refuse(in, out);
      case State::kListen:
        return receive_listening(in, out);
      case State::kSynSent:
        return receive_syn_sent(in, out);
      default:
        return receive_synchronized(in, out);
    }
  }

 private:
  static constexpr std::uint32_t kWindow = 65'536;
  static constexpr std::uint32_t kMost = 1'400;

  static bool is_after(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) > 0;
  }

  void begin(std::uint32_t isn, State state) {
    isn_ = unacknowledged_ = isn;
    next_ = isn + 1;
    state_ = state;
  }
  void emit(Out& out, int flags, std::uint32_t seq, std::uint32_t size) const {
    const auto bits = static_cast<std::uint8_t>(flags);
    out.push_back({bits, seq, (bits & test::kAck) != 0 ? awaited_ : 0, size});
  }
  void acknowledge(Out& out) const { emit(out, test::kAck, next_, 0); }

  // RFC 9293 3.10.7.1.
  static void refuse(const EndSegment& in, Out& out) {
    if (in.has(test::kRst)) return;
    if (in.has(test::kAck)) {
      out.push_back({test::kRst, in.ack, 0, 0});
    } else {
      out.push_back({test::kRst | test::kAck, 0, in.end(), 0});
    }
  }
  void receive_listening(const EndSegment& in, Out& out) {
    if (in.has(test::kRst)) return;
    if (in.has(test::kAck)) return refuse(in, out);
    if (!in.has(test::kSyn) || in.has(test::kFin)) return;
    begin(isn_, State::kSynReceived);
    awaited_ = in.seq + 1;
    emit(out, test::kSyn | test::kAck, isn_, 0);
  }
  void receive_syn_sent(const EndSegment& in, Out& out) {
    const bool acceptable = in.has(test::kAck) && in.ack == next_;
    if (in.has(test::kAck) && !acceptable) return refuse(in, out);
    if (in.has(test::kRst)) {
      if (acceptable) state_ = State::kClosed;
      return;
    }
    if (!in.has(test::kSyn) || !acceptable) return;
    awaited_ = in.seq + 1;
    unacknowledged_ = in.ack;
    state_ = State::kEstablished;
    acknowledge(out);
  }
  void receive_synchronized(const EndSegment& in, Out& out);
  // False: the segment ends here.
  bool take_ack(const EndSegment& in, Out& out);
  void take_data(const EndSegment& in, Out& out);

  State state_ = State::kClosed;
  std::uint32_t isn_ = 0;
  std::uint32_t unacknowledged_ = 0;
  std::uint32_t next_ = 0;
  std::uint32_t awaited_ = 0;
  std::uint32_t fin_ = 0;
  bool has_fin_ = false;
};

// RFC 9293 3.10.7.4, with RFC 5961 3.2 and 4.2.
inline void TcpEnd::receive_synchronized(const EndSegment& in, Out& out) {
  const std::uint32_t off = in.seq - awaited_;
  const bool in_window = off < kWindow || (in.size != 0 && in.end() - awaited_ - 1 < kWindow);
  if (in.has(test::kSyn) && !in.has(test::kAck) && state_ == State::kTimeWait &&
      is_after(in.seq, awaited_)) {
    listen((next_ + (1U << 27)) & ~7U);
    return receive_listening(in, out);
  }
  if (in.has(test::kSyn)) {
    const bool again = state_ == State::kSynReceived && in.seq + 1 == awaited_;
    return again ? emit(out, test::kSyn | test::kAck, isn_, 0) : acknowledge(out);
  }
  if (!in_window) {
    if (!in.has(test::kRst)) acknowledge(out);
    return;
  }
  if (in.has(test::kRst)) {
    if (state_ == State::kTimeWait) return;  // RFC 1337
    if (off == 0) {
      state_ = State::kClosed;
    } else {
      acknowledge(out);
    }
    return;
  }
  if (!in.has(test::kAck) || !take_ack(in, out)) return;
  take_data(in, out);
}

inline bool TcpEnd::take_ack(const EndSegment& in, Out& out) {
  if (state_ == State::kSynReceived) {
    if (in.ack != next_) {
      refuse(in, out);
      return false;
    }
    state_ = State::kEstablished;
  }
  if (is_after(in.ack, next_)) {
    acknowledge(out);
    return false;
  }
  if (is_after(in.ack, unacknowledged_)) unacknowledged_ = in.ack;
  if (!has_fin_ || unacknowledged_ != fin_ + 1) return true;
  if (state_ == State::kFinWait1) state_ = State::kFinWait2;
  if (state_ == State::kClosing) state_ = State::kTimeWait;
  if (state_ == State::kLastAck) state_ = State::kClosed;
  return state_ != State::kClosed;
}

inline void TcpEnd::take_data(const EndSegment& in, Out& out) {
  if (in.size == 0 && !in.has(test::kFin)) return;
  // In order, and what is new of it; the rest is sent again.
  if (!is_after(in.seq, awaited_) && is_after(in.end(), awaited_)) {
    awaited_ = in.end();
    if (in.has(test::kFin)) {
      if (state_ == State::kEstablished) state_ = State::kCloseWait;
      if (state_ == State::kFinWait1) state_ = State::kClosing;
      if (state_ == State::kFinWait2) state_ = State::kTimeWait;
    }
  }
  acknowledge(out);
}

}  // namespace lb::golden
