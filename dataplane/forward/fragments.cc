// Fragments: the first decides for its datagram, the others follow or wait for it.
#include "dataplane/forward/pipeline.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rewrite.h"

namespace lb {

void Pipeline::fragment(Packet& packet, const View& view) {
  const FragmentKey key = fragment_key(packet);
  if (is_first_fragment(packet)) {
    packet.hash = table_.hash(packet.tuple, packet.proto);
    const Owner owner = side_path(packet, view);
    FragmentDecision decision;
    if (owner.record != nullptr) {
      const Handle handle = table_.handle_of(*owner.record);
      decision = {FragmentDecision::Kind::kConn, static_cast<std::uint8_t>(owner.dir), handle.index,
                  handle.generation, DropReason::none};
    } else if (owner.alone != kNoSlot) {
      decision = {FragmentDecision::Kind::kAlone, static_cast<std::uint8_t>(owner.dir), owner.alone,
                  view.real_servers[owner.alone].service, DropReason::none};
    } else if (packet.verdict == Verdict::kPunt) {
      decision.kind = FragmentDecision::Kind::kPunt;
    } else {
      decision.kind = FragmentDecision::Kind::kDrop;
      decision.reason = packet.reason;
    }
    // When the table is full this fragment goes its way and the later ones are dropped under
    // fragment_table_full.
    fragments_.first(key, decision, view.now, released_);
    return;
  }

  FragmentDecision decision;
  switch (fragments_.later(key, view.now, packet.cookie, decision)) {
    case FragmentTable::Found::kHeld:
      packet.verdict = Verdict::kHeld;
      counters_.held.add(1);
      return;
    case FragmentTable::Found::kFull:
      return drop(packet, DropReason::fragment_table_full);
    case FragmentTable::Found::kDecided:
      break;
  }
  if (decision.kind == FragmentDecision::Kind::kPunt) {
    packet.verdict = Verdict::kPunt;
    return;
  }
  if (decision.kind == FragmentDecision::Kind::kDrop) return drop(packet, decision.reason);
  if (decision.kind == FragmentDecision::Kind::kAlone) {
    return fragment_alone(packet, decision, view);
  }

  Record* record = table_.at({decision.record, decision.generation});
  if (record == nullptr) return drop(packet, DropReason::fragment_timeout);
  forward_later_fragment(packet, *record, decision.dir, view);
}

}  // namespace lb
