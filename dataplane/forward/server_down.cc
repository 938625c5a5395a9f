// Connections whose real server is down or was removed, under on_server_down = reset: none is left
// silently stuck.
//
// A TCP client that sends gets a reset at once. One that only waits is sent a probe: its answer
// carries the sequence number that makes our reset acceptable. Half-open, closing and UDP
// connections just end; what comes next is scheduled anew.
#include "dataplane/forward/pipeline.h"
#include "dataplane/packet/rewrite.h"

namespace lb {

namespace {
constexpr std::size_t kWalkSlice = 1024;  // records looked at per call
}

Pipeline::Owner Pipeline::server_down(Packet& packet, Record& record, unsigned dir,
                                      const View& view) {
  const bool is_tcp = packet.proto == kProtoTcp;
  if (dir == 0 && (!is_tcp || is_opening(packet.tcp_flags))) {
    end_connection(record);
    return open_connection(packet, view);
  }
  // The record stays when the server spoke: the client still has to hear of it, from the walk or
  // when it sends.
  if (dir == 0) end_connection(record);
  answer_or_drop(
      packet, DropReason::real_server_down,
      is_tcp && packet.kind != PacketKind::kFragment && may_answer(view) && make_reset(packet));
  return {};
}

void Pipeline::walk_after_server_down(const Snapshot& snapshot, std::vector<Probe>& probes) {
  if (walking_epoch_ != snapshot.reset_epoch) {
    walking_epoch_ = snapshot.reset_epoch;  // servers that died meanwhile: start over
    walk_cursor_ = 0;
  }
  std::size_t room = kBurst;
  // A slice smaller than the room for probes never loses one.
  for (std::size_t seen = 0; seen < kWalkSlice && room > 0; seen += kBurst) {
    walk_cursor_ = table_.walk(
        worker_, walk_cursor_, std::min<std::size_t>(kBurst, room), [&](Record& record) {
          if (!snapshot.real_servers[record.rs].reset) return;
          // Acquire: pairs with publish.
          if (record.state.load(std::memory_order_acquire) != ConnState::kEstablished) {
            end_connection(record);
            return;
          }
          probes.push_back({record.tuple[0].reversed(),
                            ClientHop{record.client_hop.load(std::memory_order_relaxed)}});
          --room;
        });
    if (walk_cursor_ == 0) {
      walked_epoch_ = walking_epoch_;
      return;
    }
  }
}

}  // namespace lb
