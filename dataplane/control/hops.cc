#include "dataplane/control/hops.h"

#include <algorithm>
#include <utility>

#include "dataplane/api/address_codec.h"
#include "dataplane/api/snapshot_codec.h"

namespace lb {

Result<ClientHop> HopsEndpoint::hop_of(const api::NextHop& message) const {
  const auto spec = from_api(message);
  if (!spec) return tl::make_unexpected(spec.error());
  const auto port = std::ranges::find(ports_, spec->port, &PortInfo::name);
  if (port == ports_.end()) return fail("there is no port \"" + spec->port + "\"");
  return ClientHop::make(spec->mac.bytes.data(), spec->vlan,
                         static_cast<std::uint8_t>(port - ports_.begin()));
}

Result<std::vector<HopMove>> HopsEndpoint::moves_of(const api::HopsRequest& request) const {
  std::vector<HopMove> moves;
  for (const api::HopMove& move : request.moves()) {
    const auto from = hop_of(move.from());
    if (!from) return tl::make_unexpected(from.error());
    const auto to = hop_of(move.to());
    if (!to) return tl::make_unexpected(to.error());
    moves.push_back({*from, *to});
  }
  return moves;
}

void HopsEndpoint::remember(const api::Neighbour& neighbour) {
  if (!neighbour.has_next_hop()) {
    neighbours_.erase(neighbour.address());
  } else if (neighbours_.size() < kMostNeighbours || neighbours_.contains(neighbour.address())) {
    neighbours_.insert_or_assign(neighbour.address(), neighbour.next_hop());
  }
}

Result<bool> HopsEndpoint::change(const api::HopsRequest& request, api::HopsReply& reply) {
  const auto moves = moves_of(request);
  if (!moves) return tl::make_unexpected(moves.error());
  for (const api::Neighbour& neighbour : request.neighbours()) {
    if (auto address = to_address(neighbour.address()); !address) {
      return tl::make_unexpected(address.error());
    }
  }
  for (const api::Neighbour& neighbour : request.neighbours()) remember(neighbour);
  const bool moved = !moves->empty() && hops_.move(*moves);
  if (!request.read()) return moved;
  for (const auto& [address, next_hop] : neighbours_) {
    api::Neighbour& out = *reply.add_neighbours();
    out.set_address(address);
    *out.mutable_next_hop() = next_hop;
  }
  return moved;
}

}  // namespace lb
