// Answers to `hops`: moves next hops to clients, and remembers the neighbours that a control plane
// knows for as long as the connections live that may need them. Main thread.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "config/base/result.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/conn/hop_table.h"
#include "dataplane/service/snapshot.h"

namespace lb {

class HopsEndpoint {
 public:
  static constexpr std::size_t kMostNeighbours = 16'384;

  // `hops` outlives this. `ports` by index.
  HopsEndpoint(HopTable& hops, std::vector<PortInfo> ports)
      : hops_(hops), ports_(std::move(ports)) {}

  // All of the request or nothing. Returns whether a hop moved that connections have.
  Result<bool> change(const api::HopsRequest& request, api::HopsReply& reply);

 private:
  Result<ClientHop> hop_of(const api::NextHop& message) const;
  Result<std::vector<HopMove>> moves_of(const api::HopsRequest& request) const;
  void remember(const api::Neighbour& neighbour);

  HopTable& hops_;
  const std::vector<PortInfo> ports_;
  std::map<std::string, api::NextHop> neighbours_;  // by the bytes of the address
};

}  // namespace lb
