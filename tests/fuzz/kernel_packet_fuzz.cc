// Any bytes as two frames for the kernel, and as a packet that it sends: nothing is read or written
// out of bounds; what is joined for the kernel is cut into the same frames again.
//
// Input: the length of the first frame in 2 bytes, the two frames; all of it is the packet, too.
#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/kernel/incoming.h"
#include "dataplane/kernel/outgoing.h"
#include "tests/fuzz/input.h"

namespace lb {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> cut(Bytes packet) {
  std::vector<Bytes> frames;
  Outgoing outgoing;
  if (!outgoing.begin(packet)) return frames;
  while (outgoing.frames() != 0) {
    outgoing.write_next(frames.emplace_back(outgoing.next_bytes()).data());
  }
  return frames;
}

bool begins_with(const Bytes& frame, const Bytes& start) {
  return frame.size() >= start.size() && std::equal(start.begin(), start.end(), frame.begin());
}

void run_to_kernel(std::vector<Bytes> frames, bool checked) {
  const std::vector<Bytes> before = frames;
  const auto incoming = std::make_unique<Incoming>();
  for (Bytes& frame : frames) {
    incoming->add({frame.data(), static_cast<std::uint16_t>(frame.size()), checked});
  }
  LB_FUZZ_CHECK(incoming->packets() == 1 || incoming->packets() == 2);
  std::size_t at = 0;
  for (unsigned i = 0; i < incoming->packets(); ++i) {
    VnetHeader header;
    Incoming::Parts parts;
    const unsigned count = incoming->write(i, header, parts);
    Bytes packet;
    for (unsigned p = 0; p < count; ++p) {
      const auto* const from = static_cast<const std::uint8_t*>(parts[p].iov_base);
      packet.insert(packet.end(), from, from + parts[p].iov_len);
    }
    const auto again = cut(std::move(packet));
    if (incoming->frames(i) == 1) {
      LB_FUZZ_CHECK(again.empty() ? before[at].size() < 14 : again.front() == before[at]);
      ++at;
      continue;
    }
    LB_FUZZ_CHECK(again.size() == 2);
    // But for padding; and numbers without a meaning, and checksums that the NIC vouched for.
    for (const Bytes& frame : again) {
      const std::ptrdiff_t same = checked ? 14 : 18;
      LB_FUZZ_CHECK(begins_with(before[at], Bytes(frame.begin(), frame.begin() + same)));
      LB_FUZZ_CHECK(before[at].size() >= frame.size());
      ++at;
    }
  }
  LB_FUZZ_CHECK(at == before.size());
}

void run(fuzz::Input input) {
  constexpr std::size_t kMost = 4096;
  const auto whole = input.rest(2 * kMost);
  cut(Bytes(whole.begin(), whole.end()));
  const std::size_t length = input.word() % kMost;
  const auto all = input.rest(2 * kMost);
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(std::min(length, all.size()));
  for (const bool checked : {false, true}) {
    // Each in memory of its own, of its own size.
    run_to_kernel({Bytes(all.begin(), middle), Bytes(middle, all.end())}, checked);
  }
}

}  // namespace
}  // namespace lb

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::run(lb::fuzz::Input(data, size));
  return 0;
}
