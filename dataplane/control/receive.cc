#include "dataplane/control/receive.h"

#include <chrono>
#include <memory>

#include "dataplane/api/error_codec.h"
#include "dataplane/control/conns.h"
#include "dataplane/control/persistence.h"
#include "dataplane/control/report.h"

namespace lb {

namespace {

std::uint64_t monotonic_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

api::Response error_response(const Error& error) {
  return api::error_response<api::Response>(error);
}

}  // namespace

Receiver::Receiver(Runtime& runtime, Transactions& transactions, const Totals& totals)
    : runtime_(runtime),
      transactions_(transactions),
      totals_(totals),
      flush_(runtime.flush()),
      sync_(runtime),
      hops_(runtime.hops(), runtime.port_infos()),
      failures_(runtime.counters()),
      started_ns_(monotonic_ns()) {}

DataplaneServer::Answer Receiver::receive(const api::Request& request) {
  switch (request.kind_case()) {
    case api::Request::kApply:
      return apply(request.apply());
    case api::Request::kSnapshot:
      return snapshot();
    case api::Request::kStats:
      return stats(request.stats());
    case api::Request::kConns:
      return conns(request.conns());
    case api::Request::kSync:
      return sync_.answer(request.sync());
    case api::Request::kPersistence:
      return persistence(request.persistence());
    case api::Request::kFlush:
      return flush(request.flush());
    case api::Request::kHops:
      return hops(request.hops());
    case api::Request::kHandshakeFailures:
      return handshake_failures(request.handshake_failures());
    case api::Request::kHello:  // answered by the server
    case api::Request::KIND_NOT_SET:
      break;
  }
  return error_response(Error{"unknown request"});
}

api::Response Receiver::apply(const api::ApplyRequest& request) {
  const auto generation = transactions_.apply(request.snapshot());
  if (!generation) {
    // The control plane tries again.
    refusals_.write(log::Level::kError, "refused", generation.error().message,
                    "snapshot refused: {}", generation.error().message);
    return error_response(generation.error());
  }
  api::Response response;
  response.mutable_apply()->set_generation(*generation);
  return response;
}

api::Response Receiver::snapshot() const {
  api::Response response;
  *response.mutable_snapshot() = transactions_.applied();
  return response;
}

api::Response Receiver::stats(const api::StatsRequest& request) const {
  api::Response response;
  auto& stats = *response.mutable_stats();
  std::vector<std::string> port_names;
  for (const Port& port : runtime_.ports().list()) port_names.push_back(port.options.name);
  report_punts(runtime_.counters(), port_names, stats);
  report_shed(runtime_.counters(), stats);
  report_syn_proxies(runtime_.current(), stats);
  if (request.floods_only()) return response;
  const std::uint64_t now_ns = monotonic_ns();
  stats.set_uptime_ms((now_ns - started_ns_) / 1'000'000);
  stats.set_monotonic_ns(now_ns);
  stats.set_generation(transactions_.applied().generation());
  stats.set_max_connections(runtime_.options().max_connections);
  stats.set_connections(runtime_.table().live());
  stats.set_client_hops(runtime_.table().hops().used());
  stats.set_max_client_hops(runtime_.table().hops().size());
  stats.set_tsc_hz(runtime_.tsc_hz());
  const PersistTable& persist = runtime_.persist();
  stats.set_persistence_entries(persist.entries());
  stats.set_max_persistence(persist.ready() ? persist.max_entries() : 0);
  stats.set_persistence_evicted(persist.evicted());
  report_workers(runtime_.counters(), runtime_.options().eal.worker_cpus, stats);
  report_ports(stats);
  report_services(runtime_.current(), totals_, runtime_.thresholds(),
                  runtime_.options().max_connections, stats);
  return response;
}

void Receiver::report_ports(api::Stats& stats) const {
  const auto& ports = runtime_.ports().list();
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const Port& port = ports[i];
    const PortReading reading = runtime_.ports().read(i);
    auto& out = *stats.add_ports();
    out.set_name(port.options.name);
    out.set_device(port.options.device);
    out.set_driver(port.driver);
    out.set_mac(std::string(port.mac.bytes.begin(), port.mac.bytes.end()));
    out.set_link_up(reading.link == PortLink::kUp);
    out.set_restart_needed(reading.link == PortLink::kGone || reading.link == PortLink::kReplaced);
    out.set_link_mbps(reading.link_mbps);
    out.set_mtu(port.mtu);
    out.set_rx_queues(port.plan.rx);
    out.set_tx_queues(port.plan.tx);
    out.set_rx_packets(reading.rx_packets);
    out.set_rx_bytes(reading.rx_bytes);
    out.set_tx_packets(reading.tx_packets);
    out.set_tx_bytes(reading.tx_bytes);
    out.set_rx_missed(reading.rx_missed);
    out.set_rx_errors(reading.rx_errors);
    out.set_tx_errors(reading.tx_errors);
    std::uint64_t to_kernel = 0, from_kernel = 0;
    for (const WorkerCounters* worker : runtime_.counters()) {
      to_kernel += worker->ports[i].kernel_rx_packets.get();
      from_kernel += worker->ports[i].kernel_tx_packets.get();
    }
    out.set_kernel_rx_packets(to_kernel);
    out.set_kernel_tx_packets(from_kernel);
  }
}

DataplaneServer::Answer Receiver::conns(const api::ConnsRequest& request) const {
  auto cursor = ConnsCursor::make(request, runtime_.table(), runtime_.current());
  if (!cursor) return error_response(cursor.error());
  return DataplaneServer::Producer(
      [this, held = std::make_shared<ConnsCursor>(std::move(*cursor))] {
        return held->next(runtime_.current(), runtime_.now_tick());
      });
}

DataplaneServer::Answer Receiver::persistence(const api::PersistenceRequest& request) const {
  auto cursor = PersistenceCursor::make(request, runtime_.persist(), runtime_.current());
  if (!cursor) return error_response(cursor.error());
  return DataplaneServer::Producer(
      [this, held = std::make_shared<PersistenceCursor>(std::move(*cursor))] {
        return held->next(runtime_.current(), runtime_.now_tick());
      });
}

api::Response Receiver::handshake_failures(const api::HandshakeFailureRequest& request) {
  api::Response response;
  failures_.fill(runtime_.current(), request.limit(), *response.mutable_handshake_failures());
  return response;
}

// The peer's copies of the connections that moved are wrong from now on.
api::Response Receiver::hops(const api::HopsRequest& request) {
  api::Response response;
  const auto moved = hops_.change(request, *response.mutable_hops());
  if (!moved) return error_response(moved.error());
  if (*moved && runtime_.exporter() != nullptr) runtime_.exporter()->hops_moved();
  return response;
}

api::Response Receiver::flush(const api::FlushRequest& request) {
  if (request.job() == 0) {
    if (!flush_.done()) return error_response(Error{"connections are being ended already"});
    auto match = to_match(request.filter(), runtime_.current());
    if (!match) return error_response(match.error());
    flush_.begin(std::move(*match), static_cast<unsigned>(runtime_.counters().size()));
  } else if (request.job() != flush_.last_job()) {
    return error_response(Error{"there has been another flush since"});
  }
  api::Response response;
  api::FlushReply& reply = *response.mutable_flush();
  reply.set_job(flush_.last_job());
  // Asked first: what is counted after that belongs to the job.
  reply.set_done(flush_.done());
  reply.set_ended(flush_.ended());
  return response;
}

}  // namespace lb
