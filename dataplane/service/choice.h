// What a service's scheduler chooses from, worked out when a snapshot is built.
#pragma once

#include <vector>

#include "dataplane/service/snapshot.h"

namespace lb {

// Fills sequence, sequence_weights, heaviest and maglev of a service whose real_servers, candidates
// and weights are there; for sh, dh and mh the candidates are put in the order of the sequence.
// `before` is the same slot in the previous snapshot, or null: what did not change is copied, since
// most changes concern one service.
void prepare_choice(ServiceEntry& service, const std::vector<RealServerEntry>& real_servers,
                    const ServiceEntry* before);

}  // namespace lb
