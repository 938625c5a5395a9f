#include "dataplane/service/choice.h"

#include <algorithm>
#include <memory>

#include "dataplane/service/interleave.h"
#include "dataplane/service/maglev.h"

namespace lb {
namespace {

std::uint64_t name_of(const RealServerEntry& rs) {
  return std::uint64_t{rs.address.host()} << 16 | rs.port.host();
}

// Where a hash leads must not depend on the order of the file, which the directors of a pair need
// not share: by address and port. Servers that are down keep their places in the sequence, so that
// the clients of all others stay where they are.
void prepare_hash(ServiceEntry& service, const std::vector<RealServerEntry>& servers) {
  service.sequence = service.real_servers;
  std::ranges::sort(service.sequence, {},
                    [&](std::uint32_t slot) { return name_of(servers[slot]); });
  service.candidates.clear();
  service.weights.clear();
  for (const std::uint32_t slot : service.sequence) {
    const RealServerEntry& rs = servers[slot];
    const std::uint16_t weight = rs.up ? rs.weight : std::uint16_t{0};
    service.sequence_weights.push_back(weight);
    service.heaviest = std::max(service.heaviest, rs.weight);
    if (weight == 0) continue;
    service.candidates.push_back(slot);
    service.weights.push_back(weight);
  }
}

void prepare_maglev(ServiceEntry& service, const std::vector<RealServerEntry>& real_servers,
                    const ServiceEntry* before) {
  prepare_hash(service, real_servers);
  if (service.candidates.empty()) return;
  const std::size_t size = maglev_size(service.real_servers.size());
  if (before != nullptr && before->maglev != nullptr && before->maglev->size() == size &&
      before->candidates == service.candidates && before->weights == service.weights) {
    service.maglev = before->maglev;
    return;
  }
  std::vector<MaglevServer> servers;
  for (std::size_t i = 0; i < service.candidates.size(); ++i) {
    servers.push_back({name_of(real_servers[service.candidates[i]]), service.weights[i]});
  }
  service.maglev = std::make_shared<const std::vector<std::uint16_t>>(maglev_table(servers, size));
}

}  // namespace

void prepare_choice(ServiceEntry& service, const std::vector<RealServerEntry>& real_servers,
                    const ServiceEntry* before) {
  if (service.scheduler == Scheduler::kRr) {
    service.sequence = service.candidates;
  } else if (service.scheduler == Scheduler::kWrr) {
    const bool same = before != nullptr && before->scheduler == Scheduler::kWrr &&
                      before->candidates == service.candidates &&
                      before->weights == service.weights;
    service.sequence = same ? before->sequence : interleave(service.candidates, service.weights);
  } else if (service.scheduler == Scheduler::kSh || service.scheduler == Scheduler::kDh) {
    prepare_hash(service, real_servers);
  } else if (service.scheduler == Scheduler::kMh) {
    prepare_maglev(service, real_servers, before);
  }
}

}  // namespace lb
