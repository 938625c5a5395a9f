#include "perf/source/generator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace lb::perf {

namespace {

constexpr std::uint8_t kPeerMac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 1, 1}};
constexpr std::uint16_t kSmallBytes = 60;
constexpr std::uint64_t kVerifyEvery = 4;  // bursts

unsigned latency_bucket(std::uint64_t ns) {
  if (ns < 2 * kSubBuckets) return static_cast<unsigned>(ns);
  const unsigned octave = static_cast<unsigned>(std::bit_width(ns)) - 6;
  const auto bucket = static_cast<unsigned>(octave * kSubBuckets + (ns >> octave));
  return bucket < kLatencyBuckets ? bucket : kLatencyBuckets - 1;
}

}  // namespace

Generator::Generator(unsigned lcore, const std::uint8_t (&macs)[2][6], Page& page)
    : lcore_(lcore), page_(page), tally_(page.lcores[lcore]), random_(lcore + 1) {
  std::memcpy(macs_, macs, sizeof(macs_));
}

void Generator::refresh(std::uint64_t now_tsc, std::uint64_t tsc_hz) {
  const Control& control = page_.control;
  // Acquire: the other words were written before.
  const std::uint64_t sequence = control.sequence.load(std::memory_order_acquire);
  if (sequence == tally_.confirmed) return;
  if (control.phase == Phase::kOpen && now_.phase != Phase::kOpen) opening_ = lcore_;
  now_ = {control.phase, control.flows,   control.active,  control.pick,     control.proto,
          control.bytes, control.replies, control.dr != 0, control.services, control.fresh_share,
          control.fresh, control.rate,    control.workers};
  tsc_hz_ = tsc_hz;
  interval_tsc_ = now_.rate == 0 ? 0 : tsc_hz / now_.rate;
  due_tsc_ = now_tsc;
  make_templates();
  if (now_.pick == Pick::kZipf) make_zipf();
  tally_.confirmed = sequence;
}

void Generator::make_templates() {
  for (unsigned side = 0; side < 2; ++side) {
    const auto form = [&](std::uint8_t proto, std::uint8_t flags, std::uint64_t bytes) {
      return FrameTemplate(macs_[side], kPeerMac[side], proto, flags,
                           static_cast<std::uint16_t>(bytes));
    };
    const auto proto = static_cast<std::uint8_t>(now_.proto);
    sizes_ = now_.bytes == 0 ? kSizes : 1;
    for (unsigned i = 0; i < sizes_; ++i) {
      const std::uint64_t imix = i == 0 ? 1514 : i % 3 == 0 ? 590 : kSmallBytes;
      data_[side][i] = form(proto, kAck, now_.bytes == 0 ? imix : now_.bytes);
    }
    for (unsigned flags = 0; flags < tcp_[side].size(); ++flags) {
      tcp_[side][flags] = form(kTcp, static_cast<std::uint8_t>(flags), kSmallBytes);
    }
    udp_[side] = form(kUdp, 0, now_.bytes == 0 ? kSmallBytes : now_.bytes);
  }
}

// Zipf with exponent 1 over the active flows, as its continuous form: the inverse of its
// distribution is N^u, tabulated and drawn evenly between the points.
void Generator::make_zipf() {
  zipf_.resize(kZipfSteps + 1);
  const double flows = static_cast<double>(now_.active / now_.workers);
  for (unsigned i = 0; i <= kZipfSteps; ++i) {
    zipf_[i] = static_cast<std::uint32_t>(std::pow(flows, static_cast<double>(i) / kZipfSteps)) - 1;
  }
}

// A live flow of the share-th part of them: flow modulo workers.
std::uint64_t Generator::pick(std::uint64_t share) {
  std::uint64_t flow = 0;
  if (now_.pick == Pick::kUniform) {
    flow = random_.next() * (now_.active / now_.workers) >> 32;
  } else if (now_.pick == Pick::kZipf) {
    const std::uint64_t step = random_.next() * kZipfSteps >> 32;
    const std::uint64_t from = zipf_[step];
    flow = from + (random_.next() * (zipf_[step + 1] - from + 1) >> 32);
  }
  return flow * now_.workers + share;
}

unsigned Generator::due(unsigned side, unsigned room, std::uint64_t now_tsc) const {
  if (!answers_[side].empty()) return std::min(answers_[side].size(), room);
  if (now_.phase == Phase::kSilent) return 0;
  if (side == kServerSide) {
    const bool replies =
        now_.replies == Replies::kSameWorker || now_.replies == Replies::kOtherWorker;
    return now_.phase == Phase::kRun && replies ? room : 0;
  }
  // Answers of the other side come first: they must not pile up.
  if (now_.phase == Phase::kOpen) {
    const std::uint64_t left =
        opening_ < now_.flows ? (now_.flows - opening_ + now_.workers - 1) / now_.workers : 0;
    return static_cast<unsigned>(std::min<std::uint64_t>(left, room));
  }
  if (interval_tsc_ == 0) return room;
  if (now_tsc < due_tsc_) return 0;
  return static_cast<unsigned>(
      std::min<std::uint64_t>((now_tsc - due_tsc_) / interval_tsc_ + 1, room));
}

const FrameTemplate& Generator::data_form(unsigned side) {
  if (sizes_ == 1) return data_[side][0];
  next_size_ = next_size_ + 1 == sizes_ ? 0 : next_size_ + 1;
  return data_[side][next_size_];
}

const FrameTemplate& Generator::answer_form(unsigned side, const Answer& answer) const {
  return answer.proto == kTcp ? tcp_[side][answer.tcp_flags & 31] : udp_[side];
}

// Data of live flows in one size, as fast as it is taken: what most figures are made with.
bool Generator::is_plain(unsigned side) const {
  return answers_[side].empty() && now_.phase == Phase::kRun && now_.pick == Pick::kUniform &&
         sizes_ == 1 && interval_tsc_ == 0 && (side == kServerSide || now_.fresh_share == 0);
}

// The same frames that write() makes, with all that does not change kept in registers.
void Generator::write_plain(unsigned side, std::uint8_t* const* frames, std::uint16_t* lengths,
                            unsigned count) {
  const FrameTemplate& form = data_[side][0];
  const std::uint64_t flows = now_.active / now_.workers;
  const std::uint64_t workers = now_.workers;
  const std::uint64_t services = now_.services;
  const std::uint64_t share = side == kServerSide ? reply_share() : lcore_;
  Random random = random_;
  for (unsigned i = 0; i < count; ++i) {
    const std::uint64_t flow = (random.next() * flows >> 32) * workers + share;
    const Ends ends = side == kServerSide ? reply_ends(flow, services) : live_ends(flow, services);
    lengths[i] = put(frames[i], form, ends);
  }
  random_ = random;
}

unsigned Generator::emit(unsigned side, std::uint8_t* const* frames, std::uint16_t* lengths,
                         unsigned room, std::uint64_t now_tsc) {
  const unsigned count = due(side, room, now_tsc);
  if (is_plain(side)) {
    write_plain(side, frames, lengths, count);
  } else {
    for (unsigned i = 0; i < count; ++i) lengths[i] = write(side, frames[i]);
  }
  tally_.emitted += count;
  return count;
}

std::uint16_t Generator::write(unsigned side, std::uint8_t* frame) {
  if (!answers_[side].empty()) {
    const Answer& answer = answers_[side].take();
    return put(frame, answer_form(side, answer), answer.ends);
  }
  if (side == kServerSide) {
    return put(frame, data_form(side), reply_ends(pick(reply_share()), now_.services));
  }
  if (now_.phase == Phase::kOpen) {
    const Ends ends = live_ends(opening_, now_.services);
    opening_ += now_.workers;
    ++tally_.opened;
    return put(frame, now_.proto == kTcp ? tcp_[side][kSyn] : data_form(side), ends);
  }
  const std::uint64_t stamp = due_tsc_;
  due_tsc_ += interval_tsc_;
  if (is_fresh_due()) {
    const std::uint64_t flow = kFirstFresh + next_fresh_++ * now_.workers + lcore_;
    ++tally_.fresh;
    const bool is_udp = now_.fresh == Fresh::kDatagram || now_.fresh == Fresh::kQuery;
    return put(frame, is_udp ? udp_[side] : tcp_[side][kSyn], ends_of(flow, kFreshPort));
  }
  const std::uint16_t bytes = put(frame, data_form(side), live_ends(pick(lcore_), now_.services));
  if (interval_tsc_ != 0) {
    std::memcpy(frame + kStampOffset, &stamp, sizeof(stamp));
    std::memset(frame + 40, 0, 2);  // no UDP checksum: the time is not in it
  }
  return bytes;
}

void Generator::sink(unsigned side, const std::uint8_t* const* frames, const std::uint16_t* lengths,
                     unsigned count, std::uint64_t now_tsc) {
  unsigned others = 0;
  for (unsigned i = 0; i < count; ++i) others += is_ipv4(frames[i]) ? 0U : 1U;
  tally_.sunk_other += others;
  tally_.sunk += count - others;
  if (++bursts_ % kVerifyEvery == 0 && is_ipv4(frames[0])) {
    ++tally_.verified;
    if (!is_sound(frames[0], lengths[0])) ++tally_.wrong;
  }
  const bool answers =
      now_.replies == Replies::kEcho || now_.proto == kTcp || now_.fresh != Fresh::kDatagram;
  if (!answers && interval_tsc_ == 0) return;
  for (unsigned i = 0; i < count; ++i) {
    if (!is_ipv4(frames[i])) continue;
    if (interval_tsc_ != 0) take_latency(frames[i], now_tsc);
    if (answers) answer(side, read_frame(frames[i]));
  }
}

void Generator::take_latency(const std::uint8_t* frame, std::uint64_t now_tsc) {
  std::uint64_t stamp = 0;
  std::memcpy(&stamp, frame + kStampOffset, sizeof(stamp));
  if (stamp == 0 || stamp > now_tsc) return;
  const double ns = static_cast<double>(now_tsc - stamp) * 1e9 / static_cast<double>(tsc_hz_);
  ++page_.latency[latency_bucket(static_cast<std::uint64_t>(ns))];
}

void Generator::add(unsigned side, const Ends& ends, std::uint8_t proto, std::uint8_t tcp_flags) {
  if (!answers_[side].add({ends, proto, tcp_flags})) ++tally_.answers_lost;
}

// As the real server on its side, as the client on the other. Data of live connections bears no PSH
// and needs no answer; in DR mode the server's answer goes past the director, so that the client
// goes on at once.
void Generator::answer(unsigned side, const Sunk& sunk) {
  const Ends back = sunk.ends.reversed();
  if (sunk.proto == kUdp) {
    const bool is_answered = now_.replies == Replies::kEcho || now_.fresh == Fresh::kQuery;
    if (side == kServerSide && is_answered) add(side, back, kUdp, 0);
    return;
  }
  const bool is_flood = now_.fresh == Fresh::kFlood && now_.phase == Phase::kRun;
  const bool goes_on = now_.fresh == Fresh::kLife && now_.phase == Phase::kRun;
  if (side == kServerSide && !now_.dr) {
    if (is_flood) return;
    if (sunk.tcp_flags == kSyn) add(side, back, kTcp, kSyn | kAck);
    if (sunk.tcp_flags == (kPsh | kAck) || sunk.tcp_flags == (kFin | kAck)) {
      add(side, back, kTcp, sunk.tcp_flags);
    }
    return;
  }
  // The client's next step after the server's answer; in DR mode, after its own last one.
  const Ends on = now_.dr ? sunk.ends : back;
  const std::uint8_t answered = sunk.tcp_flags == kSyn ? kSyn | kAck : sunk.tcp_flags;
  if (answered == (kSyn | kAck) && !is_flood) {
    if (goes_on || now_.phase == Phase::kOpen) add(kClientSide, on, kTcp, kAck);
    if (goes_on) add(kClientSide, on, kTcp, kPsh | kAck);
  } else if (answered == (kPsh | kAck)) {
    add(kClientSide, on, kTcp, kFin | kAck);
  } else if (answered == (kFin | kAck)) {
    add(kClientSide, on, kTcp, kAck);
    ++tally_.lives;
  }
}

}  // namespace lb::perf
