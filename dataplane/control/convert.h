// Between the API's messages and the data plane's own types.
#pragma once

#include <vector>

#include "config/base/net.h"
#include "config/base/result.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/service/spec.h"

namespace lb {

// What the message describes, on the data plane's `ports` (name, MAC, MTU; their addresses come
// from the message). Fails on the first thing that is malformed in itself, naming the service and
// real server; check() finds what does not go together.
// What of `before` is the same is not built again.
Result<SnapshotSpec> to_spec(const api::Snapshot& message, std::vector<PortInfo> ports,
                             const SnapshotSpec* before = nullptr);

// 4 bytes in network order.
std::string to_bytes(Be32 address);
Result<Ipv4Address> to_address(const std::string& bytes);

}  // namespace lb
