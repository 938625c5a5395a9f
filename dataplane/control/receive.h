// The data plane's side of the local API: each request to its handler. Main thread.
//
//   apply, snapshot -> Transactions (apply.h)      stats -> report.h      conns -> ConnsCursor
//   sync -> SyncEndpoint                           persistence -> PersistenceCursor
//   handshake_failures -> HandshakeFailureReply    hops -> HopsEndpoint
//   flush -> FlushBoard (forward/flush.h), the workers' work
#pragma once

#include <cstdint>

#include "config/base/log_limit.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/server.h"
#include "dataplane/control/apply.h"
#include "dataplane/control/handshake_failures.h"
#include "dataplane/control/hops.h"
#include "dataplane/control/runtime.h"
#include "dataplane/control/sync.h"

namespace lb {

using DataplaneServer = api::Server<api::Request, api::Response>;

class Receiver {
 public:
  // All outlive this.
  Receiver(Runtime& runtime, Transactions& transactions, const Totals& totals);

  DataplaneServer::Answer receive(const api::Request& request);

 private:
  api::Response apply(const api::ApplyRequest& request);
  api::Response snapshot() const;
  api::Response stats(const api::StatsRequest& request) const;
  DataplaneServer::Answer conns(const api::ConnsRequest& request) const;
  DataplaneServer::Answer persistence(const api::PersistenceRequest& request) const;
  api::Response flush(const api::FlushRequest& request);
  api::Response hops(const api::HopsRequest& request);
  api::Response handshake_failures(const api::HandshakeFailureRequest& request);
  void report_ports(api::Stats& stats) const;

  Runtime& runtime_;
  Transactions& transactions_;
  const Totals& totals_;
  FlushBoard& flush_;
  SyncEndpoint sync_;
  HopsEndpoint hops_;
  HandshakeFailures failures_;
  const std::uint64_t started_ns_;
  LogLimit refusals_;
};

}  // namespace lb
