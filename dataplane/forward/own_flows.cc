#include "dataplane/forward/own_flows.h"

#include "dataplane/conn/record.h"

namespace lb {

namespace {

// A word: 41 bits of the hash, three flags, the second of the flow's last packet modulo 2^20 (12
// days). The bucket is chosen by lower bits than those. 0: the entry is empty.
constexpr std::uint64_t kSecond = 0xfffff;
constexpr std::uint64_t kOpened = 1 << 20;
constexpr std::uint64_t kClosed = 1 << 21;
constexpr std::uint64_t kDatagram = 1 << 22;
constexpr std::uint64_t kTag = ~(kSecond | kOpened | kClosed | kDatagram);
constexpr std::uint32_t kTicksPerSecond = 1000 / kTickMs;

std::uint64_t tag_of(std::uint64_t flow) {
  const std::uint64_t tag = flow & kTag;
  return tag != 0 ? tag : kDatagram << 1;
}

std::uint64_t second_of(std::uint32_t now) {
  return now / kTicksPerSecond & kSecond;
}

// Since the flow's last packet. The workers' clocks may be a tick apart, and one may have noted the
// next second already.
std::uint64_t age(std::uint64_t word, std::uint64_t second) {
  const std::uint64_t seconds = (second - word) & kSecond;
  return seconds == kSecond ? 0 : seconds;
}

// Which entry of a full bucket goes first: the greatest.
std::uint64_t rank(std::uint64_t word, std::uint64_t second) {
  if (word == 0) return ~std::uint64_t{0};
  return age(word, second) | (word & kClosed);
}

bool is_known(std::uint64_t word, std::uint64_t second) {
  const std::uint64_t seconds = age(word, second);
  if ((word & kClosed) != 0) return seconds < OwnFlows::kClosedSeconds;
  return seconds < ((word & kDatagram) != 0 ? OwnFlows::kDatagramSeconds : OwnFlows::kTcpSeconds);
}

}  // namespace

OwnFlows::OwnFlows(const HashKey& key) : key_(key), words_(std::make_unique<Word[]>(kEntries)) {}

OwnFlows::Word* OwnFlows::bucket(std::uint64_t flow) const {
  return &words_[flow % (kEntries / kWays) * kWays];
}

// Relaxed, here and below: a word says all that there is to an entry, and orders nothing else.
OwnFlows::Word* OwnFlows::entry(std::uint64_t flow) const {
  Word* const from = bucket(flow);
  for (Word* word = from; word != from + kWays; ++word) {
    if ((word->load(std::memory_order_relaxed) & kTag) == tag_of(flow)) return word;
  }
  return nullptr;
}

void OwnFlows::note(std::uint64_t flow, Kind kind, bool opened, std::uint32_t now) {
  const std::uint64_t second = second_of(now);
  const std::uint64_t fresh =
      tag_of(flow) | second | (opened ? kOpened : 0) | (kind == Kind::kDatagram ? kDatagram : 0);
  if (Word* const known = entry(flow)) {
    const std::uint64_t before = known->load(std::memory_order_relaxed);
    // One that is opened anew lives again, and so does one that was forgotten.
    const bool begins = opened || !is_known(before, second);
    const std::uint64_t after = begins ? fresh : (before & ~kSecond) | second;
    if (after != before) known->store(after, std::memory_order_relaxed);
    return;
  }
  Word* const from = bucket(flow);
  Word* oldest = from;
  for (Word* word = from; word != from + kWays; ++word) {
    if (rank(word->load(std::memory_order_relaxed), second) >
        rank(oldest->load(std::memory_order_relaxed), second)) {
      oldest = word;
    }
  }
  oldest->store(fresh, std::memory_order_relaxed);
}

void OwnFlows::renew(std::uint64_t flow, std::uint32_t now) {
  const std::uint64_t second = second_of(now);
  Word* const known = entry(flow);
  if (known == nullptr) return;
  const std::uint64_t before = known->load(std::memory_order_relaxed);
  const std::uint64_t after = (before & ~kSecond) | second;
  if (!is_known(before, second) || after == before) return;
  known->store(after, std::memory_order_relaxed);
}

void OwnFlows::close(std::uint64_t flow, std::uint32_t now) {
  Word* const known = entry(flow);
  if (known == nullptr) return;
  const std::uint64_t before = known->load(std::memory_order_relaxed);
  if ((before & kClosed) != 0) return;
  known->store((before & ~kSecond) | kClosed | second_of(now), std::memory_order_relaxed);
}

OwnFlows::Known OwnFlows::find(std::uint64_t flow, std::uint32_t now) const {
  const Word* const known = entry(flow);
  if (known == nullptr) return Known::kNo;
  const std::uint64_t word = known->load(std::memory_order_relaxed);
  if (!is_known(word, second_of(now))) return Known::kNo;
  return (word & kOpened) != 0 ? Known::kOpened : Known::kAccepted;
}

}  // namespace lb
