#include "dataplane/control/sync.h"

#include <algorithm>

namespace lb {

namespace {
constexpr std::size_t kMostPullBytes = std::size_t{4} << 20;
}

api::Response SyncEndpoint::answer(const api::SyncRequest& request) {
  api::Response response;
  if (runtime_.exporter() == nullptr) {
    response.set_error("this data plane was started without [ha.sync]; restart it to have it");
    return response;
  }
  api::SyncReply& reply = *response.mutable_sync();
  if (request.end()) runtime_.exporter()->end();
  if (request.begin()) begin(request);
  if (!request.import().empty()) {
    if (std::string why = import(request.import(), reply); !why.empty()) {
      response.set_error(std::move(why));
      return response;
    }
  }
  if (request.pull_bytes() != 0) {
    const std::size_t bytes = std::min<std::size_t>(request.pull_bytes(), kMostPullBytes);
    const Exporter::Fill fill = runtime_.exporter()->fill(*reply.mutable_batch(), bytes,
                                                          runtime_.current(), runtime_.now_tick());
    reply.set_more(fill.more);
    reply.set_walk_begin(fill.walk_begin);
    reply.set_walk_end(fill.walk_end);
  }
  report(reply);
  return response;
}

void SyncEndpoint::begin(const api::SyncRequest& request) {
  peer_ports_.fill(kNoPort);
  const auto& ports = runtime_.ports().list();
  const std::size_t known = std::min<std::size_t>(
      peer_ports_.size(), static_cast<std::size_t>(request.peer_ports_size()));
  for (std::size_t theirs = 0; theirs < known; ++theirs) {
    for (std::size_t ours = 0; ours < ports.size(); ++ours) {
      if (ports[ours].options.name == request.peer_ports(static_cast<int>(theirs))) {
        peer_ports_[theirs] = static_cast<std::uint8_t>(ours);
      }
    }
  }
  imports_before_ = runtime_.imports().begun();
  runtime_.exporter()->begin();
}

std::string SyncEndpoint::import(const std::string& bytes, api::SyncReply& reply) {
  auto entries = decode_batch(bytes);
  if (!entries) return "the peer's batch is malformed";
  std::erase_if(*entries, [&](const SyncEntry& entry) {
    if (entry.kind != SyncKind::kSynSecret) return false;
    runtime_.syn_secrets().set_peers(entry.secret, entry.key);
    return true;
  });
  for (SyncEntry& entry : *entries) {
    if (entry.kind != SyncKind::kConn && !entry.is_proxied()) continue;
    const std::uint8_t port = peer_ports_[entry.client_hop.port()];
    entry.port_known = port != kNoPort;  // counted by the worker
    if (entry.port_known) entry.client_hop = entry.client_hop.at_port(port);
  }
  reply.set_import_refused(!runtime_.imports().push(std::move(*entries)));
  return {};
}

void SyncEndpoint::report(api::SyncReply& reply) {
  reply.set_imports_begun(runtime_.imports().begun() - imports_before_);
  const std::uint64_t done = runtime_.imports().done();
  reply.set_imports_done(done < imports_before_ ? 0 : done - imports_before_);
  const Exporter::Counters counters = runtime_.exporter()->counters();
  api::SyncStats& stats = *reply.mutable_stats();
  stats.set_changed(counters.changed);
  stats.set_ended(counters.ended);
  stats.set_walked(counters.walked);
  stats.set_refreshed(counters.refreshed);
  stats.set_walks(counters.walks);
  stats.set_lost(counters.lost);
  stats.set_lost_ends(counters.lost_ends);
  stats.set_pending(runtime_.exporter()->pending());
  for (std::size_t i = 0; i < kImportOutcomes; ++i) {
    api::ImportCount& count = *stats.add_imports();
    count.set_outcome(std::string(kImportOutcomeTexts[i].name));
    count.set_description(std::string(kImportOutcomeTexts[i].description));
    std::uint64_t sum = 0;
    for (const WorkerCounters* worker : runtime_.counters()) sum += worker->imports[i].get();
    count.set_entries(sum);
  }
}

}  // namespace lb
