// Traffic per real server and service since the data plane started, out of the workers' counters.
// A slot's counters continue when the slot gets another server: what they showed at that moment is
// remembered here, subtracted for the new server, and kept for the old one's service. Main thread.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/service/snapshot.h"
#include "dataplane/stats/counters.h"

namespace lb {

struct Traffic {
  std::uint64_t connections = 0;
  std::uint64_t packets_in = 0, packets_out = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t syn_unanswered = 0, syn_refused = 0;

  Traffic& operator+=(const Traffic& other);
  Traffic& operator-=(const Traffic& other);
  bool operator==(const Traffic&) const = default;
};

struct Occupancy {
  std::int64_t active = 0;  // connections that are established
  std::int64_t inactive = 0;
  std::int64_t half_open = 0;  // of the inactive ones
  bool none() const { return active <= 0 && inactive <= 0; }
};

class Totals {
 public:
  // The counters outlive this.
  explicit Totals(std::vector<const WorkerCounters*> workers);

  // `after` takes the place of `before`: closes the accounts of slots that got free.
  void replaced(const Snapshot& before, const Snapshot& after);

  // Of the server that has the slot now.
  Traffic real_server(std::uint32_t slot) const;
  Occupancy occupancy(std::uint32_t slot) const;
  // Of a service, in the table; below 0 for a moment when one is just ending.
  std::int64_t connections(std::uint32_t service_slot) const;
  // Of a service's servers whose slots are free again.
  Traffic retired(std::uint32_t service_slot) const;

 private:
  Traffic counted(std::uint32_t slot) const;

  std::vector<const WorkerCounters*> workers_;
  std::vector<Traffic> base_;     // by real server slot: what earlier servers had counted
  std::vector<Traffic> retired_;  // by service slot
};

}  // namespace lb
