#include "dataplane/forward/own_flows.h"

#include "dataplane/conn/record.h"

namespace lb {

namespace {

// A word: 46 bits of the hash, two flags, the second of the flow's last packet modulo 2^16. The
// bucket is chosen by lower bits than those. 0: the entry is empty.
constexpr std::uint64_t kSecond = 0xffff;
constexpr std::uint64_t kOpened = 1 << 16;
constexpr std::uint64_t kClosed = 1 << 17;
constexpr std::uint64_t kTag = ~(kSecond | kOpened | kClosed);
constexpr std::uint32_t kTicksPerSecond = 1000 / kTickMs;

std::uint64_t tag_of(std::uint64_t flow) {
  const std::uint64_t tag = flow & kTag;
  return tag != 0 ? tag : kClosed << 1;
}

// Which entry of a full bucket goes first: the greatest.
std::uint64_t rank(std::uint64_t word, std::uint64_t second) {
  if (word == 0) return ~std::uint64_t{0};
  return ((second - word) & kSecond) | (word & kClosed);
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

void OwnFlows::note(std::uint64_t flow, bool opened, std::uint32_t now) {
  const std::uint64_t second = now / kTicksPerSecond & kSecond;
  if (Word* const known = entry(flow)) {
    const std::uint64_t before = known->load(std::memory_order_relaxed);
    // One that is opened anew lives again.
    const std::uint64_t flags = opened ? kOpened : before & (kOpened | kClosed);
    const std::uint64_t after = tag_of(flow) | flags | second;
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
  oldest->store(tag_of(flow) | (opened ? kOpened : 0) | second, std::memory_order_relaxed);
}

void OwnFlows::close(std::uint64_t flow) {
  Word* const known = entry(flow);
  if (known == nullptr) return;
  known->store(known->load(std::memory_order_relaxed) | kClosed, std::memory_order_relaxed);
}

OwnFlows::Known OwnFlows::find(std::uint64_t flow) const {
  const Word* const known = entry(flow);
  if (known == nullptr) return Known::kNo;
  return (known->load(std::memory_order_relaxed) & kOpened) != 0 ? Known::kOpened
                                                                 : Known::kAccepted;
}

}  // namespace lb
