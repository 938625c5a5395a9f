// Fragments: the first decides for its datagram, the others follow or wait for it.
#include <variant>

#include "dataplane/forward/pipeline.h"
#include "dataplane/packet/parse.h"

namespace lb {

namespace {

// Refused by where it came from, or as nothing that anybody sends honestly.
bool is_forged(const Packet& packet) {
  if (packet.verdict != Verdict::kDrop) return false;
  switch (packet.reason) {
    case DropReason::spoofed_source:
    case DropReason::spoofed_server:
    case DropReason::reverse_path:
    case DropReason::land_packet:
    case DropReason::group_mac_source:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Pipeline::fragment(Packet& packet, const View& view) {
  const FragmentKey key = fragment_key(packet);
  if (is_first_fragment(packet)) {
    packet.hash = table_.hash(packet.tuple, packet.proto);
    const Owner owner = side_path(packet, view);
    // It decides nothing: an honest datagram may have the same addresses and the same id.
    if (is_forged(packet)) return;
    // When the table is full this fragment is forwarded and the later ones are dropped under
    // fragment_table_full.
    fragments_.first(key, decision_of(packet, owner, view), view.now, released_);
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
      std::visit([&](const auto& first) { follow(packet, first, view); }, decision);
      return;
  }
}

FragmentDecision Pipeline::decision_of(const Packet& packet, const Owner& owner,
                                       const View& view) const {
  const auto dir = static_cast<std::uint8_t>(owner.dir);
  if (owner.record != nullptr) {
    const Handle handle = table_.handle_of(*owner.record);
    return fragment::OfConnection{handle.index, handle.generation, dir};
  }
  if (owner.stateless_rs != kNoSlot) {
    return fragment::Stateless{owner.stateless_rs, view.real_servers[owner.stateless_rs].service,
                               dir};
  }
  if (packet.verdict == Verdict::kPunt) return fragment::ToKernel{};
  return fragment::Dropped{packet.reason};
}

void Pipeline::follow(Packet& packet, const fragment::ToKernel& /*first*/, const View& view) {
  punt(packet, view.snapshot);
}

void Pipeline::follow(Packet& packet, const fragment::Dropped& first, const View& /*view*/) {
  drop(packet, first.reason);
}

void Pipeline::follow(Packet& packet, const fragment::OfConnection& first, const View& view) {
  Record* const record = table_.at({first.index, first.generation});
  if (record == nullptr) return drop(packet, DropReason::fragment_timeout);
  if (!pass_ingress(packet, {record, first.dir}, view.snapshot)) return;
  forward_later_fragment(packet, *record, first.dir, view);
}

}  // namespace lb
