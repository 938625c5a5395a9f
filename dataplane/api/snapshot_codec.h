// A SnapshotSpec in messages and back. to_api() returns every message that from_api() accepts.
#pragma once

#include "config/base/result.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/snapshot_spec.h"

namespace lb {

// Durations are sent in milliseconds, 0 to 2^32 - 1. An access list is sent once, whichever number
// of services has it.
api::Snapshot to_api(const SnapshotSpec& spec);

// In other requests too.
api::NextHop to_api(const NextHopSpec& spec);
Result<NextHopSpec> from_api(const api::NextHop& message);

// Whose last port is its first for a single one.
api::AddressRange to_api(const EndpointRange& range);

// Fails on the first thing that is malformed in itself, naming the service and real server; check()
// of dataplane/service finds what does not go together.
Result<SnapshotSpec> from_api(const api::Snapshot& message);

}  // namespace lb
