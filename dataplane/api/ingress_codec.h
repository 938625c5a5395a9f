// The part of a snapshot's codec that says which packets may come in (snapshot_codec.h).
#pragma once

#include "config/base/result.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/snapshot_spec.h"

namespace lb {

// Adds port_policies and source_routes to the message.
void put_ingress(const SnapshotSpec& spec, api::Snapshot& message);
// The other way. Fails with what is wrong.
Result<void> read_ingress(const api::Snapshot& message, SnapshotSpec& spec);

}  // namespace lb
