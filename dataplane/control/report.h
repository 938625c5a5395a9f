// Answers to `stats`: sums over the workers. Main thread.
#pragma once

#include <string>
#include <vector>

#include "dataplane/api/dataplane.pb.h"
#include "dataplane/control/totals.h"
#include "dataplane/sched/thresholds.h"
#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"

namespace lb {

// Per worker and per drop reason, and the sums of connections made and ended.
void report_workers(const std::vector<const WorkerCounters*>& workers,
                    const std::vector<std::uint32_t>& cpus, api::Stats& stats);

// Packets for the kernel of each class, on each of the ports with these names.
void report_punts(const std::vector<const WorkerCounters*>& workers,
                  const std::vector<std::string>& ports, api::Stats& stats);

// Connections that ended to make room in the table, and packets that found none.
void report_shed(const std::vector<const WorkerCounters*>& workers, api::Stats& stats);

// The SYN proxies that begin and end by themselves.
void report_syn_proxies(const Snapshot& snapshot, api::Stats& stats);

// Every service of the snapshot with its real servers, removed ones that still have connections
// last. The table has room for `max_connections`.
void report_services(const Snapshot& snapshot, const Totals& totals, const Thresholds& thresholds,
                     std::uint32_t max_connections, api::Stats& stats);

}  // namespace lb
