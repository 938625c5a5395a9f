// Connections whose real server is down or was removed, under on_server_down = reset: none is left
// silently stuck.
//
// A TCP client that sends gets a reset at once. One that only waits is sent a probe: its answer
// carries the sequence number that makes our reset acceptable. Half-open, closing and UDP
// connections just end; the next packet is scheduled again.
#include "dataplane/forward/server_down.h"

#include "dataplane/forward/pipeline.h"
#include "dataplane/forward/tcp_state.h"
#include "dataplane/packet/rewrite.h"

namespace lb {

Pipeline::Owner Pipeline::server_down(Packet& packet, Record& record, unsigned dir,
                                      const View& view) {
  const bool is_tcp = packet.proto == kProtoTcp;
  if (dir == 0 && (!is_tcp || is_opening(packet.tcp_flags))) {
    conns_.end(record);
    return open_connection(packet, view);
  }
  // The record stays when the server spoke: the client must still be reset, by the walk or when it
  // sends.
  if (dir == 0) conns_.end(record);
  answer_or_drop(
      packet, DropReason::real_server_down,
      is_tcp && packet.kind != PacketKind::kFragment && may_answer(view) && make_reset(packet));
  return {};
}

void ServerDownWalk::run(const Snapshot& snapshot, std::vector<Probe>& probes) {
  if (walking_epoch_ != snapshot.reset_epoch) {
    walking_epoch_ = snapshot.reset_epoch;  // servers that died meanwhile: start over
    walk_.restart();
  }
  const bool through = walk_.run(probes, [&](Record& record) {
    if (!snapshot.real_servers[record.rs].reset) return false;
    // Acquire: pairs with publish.
    if (is_active(record.state.load(std::memory_order_acquire))) return true;
    conns_.end(record);
    return false;
  });
  if (through) walked_epoch_ = walking_epoch_;
}

}  // namespace lb
