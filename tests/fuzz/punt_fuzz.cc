// Any bytes as a frame that the kernel sends and as one that it is to get: nothing is read out of
// bounds; without a flow of the director's own no packet is a reply or of a session; and a frame's
// class does not depend on anything but the flows that were noted.
//
// Input: the length of the first frame in 2 bytes, the frame that the kernel sends, the one that it
// is to get.
#include <algorithm>
#include <cstddef>
#include <vector>

#include "dataplane/forward/punt_class.h"
#include "tests/fuzz/input.h"

namespace lb {
namespace {

bool needs_flow(PuntClass kind) {
  return kind == PuntClass::routing || kind == PuntClass::replies || kind == PuntClass::sessions;
}

void run(fuzz::Input input) {
  constexpr std::size_t kMost = 2048;
  static const Snapshot snapshot = [] {
    Snapshot local;
    local.own_addresses = {Be32::from_host(0xc0000202)};  // 192.0.2.2
    local.build_index();
    return local;
  }();
  OwnFlows flows(HashKey{{1, 2, 3, 4}});
  const std::size_t length = input.word() % kMost;
  const auto all = input.rest(2 * kMost);
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(std::min(length, all.size()));
  // Each in memory of its own, of its own size.
  const std::vector<std::uint8_t> sent(all.begin(), middle);
  const std::vector<std::uint8_t> received(middle, all.end());

  const Punt before = classify_punt(received, snapshot, flows, 1000);
  LB_FUZZ_CHECK(before.kind < PuntClass::kCount && !needs_flow(before.kind));
  note_own_flow(sent, snapshot, flows, 1000);
  const Punt after = classify_punt(received, snapshot, flows, 1000);
  LB_FUZZ_CHECK(after.kind == before.kind || needs_flow(after.kind));
  if (after.kind == before.kind) LB_FUZZ_CHECK(after.source == before.source);
}

}  // namespace
}  // namespace lb

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::run({data, size});
  return 0;
}
