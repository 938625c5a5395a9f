#include "dataplane/control/actions.h"

#include <algorithm>

#include "dataplane/api/address_codec.h"
#include "dataplane/api/snapshot_codec.h"

namespace lb {
namespace {

std::string address_text(const std::string& bytes) {
  const auto address = to_address(bytes);
  return address ? address->to_string() : "?";
}

// " --service web"; nothing without a value.
std::string option(const char* name, const std::string& value) {
  return value.empty() ? "" : std::string(" ") + name + ' ' + value;
}

std::string client_option(const std::string& client, std::uint32_t prefix) {
  if (client.empty()) return {};
  const std::string length = prefix == 0 || prefix >= 32 ? "" : '/' + std::to_string(prefix);
  return option("--client", address_text(client) + length);
}

api::Action flush(const api::ConnsRequest& filter) {
  std::string options = option("--service", filter.service()) +
                        client_option(filter.client(), filter.client_prefix());
  if (!filter.real_server().empty()) {
    const std::uint32_t port = filter.real_server_port();
    options += option(
        "--rs", address_text(filter.real_server()) + (port == 0 ? "" : ':' + std::to_string(port)));
  }
  options += option("--state", filter.state());
  return {"flush conn" + (options.empty() ? " --all" : options)};
}

api::Action flush(const api::PersistenceRequest& request) {
  return {"flush persistence" + option("--service", request.service()) +
          option("--group", request.group()) +
          client_option(request.client(), request.client_prefix())};
}

std::string hop_text(const api::NextHop& message) {
  const auto hop = from_api(message);
  if (!hop) return "?";
  const std::string vlan = hop->vlan == 0 ? "" : " VLAN " + std::to_string(hop->vlan);
  return hop->mac.to_string() + " on " + hop->port + vlan;
}

// Logged when it moves something: what it remembers changes nothing.
api::Action move_connections(const api::HopsRequest& request) {
  std::string moves;
  for (const api::HopMove& move : request.moves()) {
    moves += (moves.empty() ? "move connections from " : ", from ") + hop_text(move.from()) +
             " to " + hop_text(move.to());
  }
  if (moves.empty()) return {"neighbours", false};
  return {moves};
}

}  // namespace

std::optional<api::Action> action_of(const api::Request& request) {
  switch (request.kind_case()) {
    case api::Request::kHello:
    case api::Request::kSnapshot:
    case api::Request::kStats:
    case api::Request::kConns:
    case api::Request::KIND_NOT_SET:
      return std::nullopt;
    case api::Request::kPersistence:
      if (!request.persistence().flush()) return std::nullopt;
      return flush(request.persistence());
    case api::Request::kFlush:
      // With a job it only polls its progress.
      if (request.flush().job() != 0) return std::nullopt;
      return flush(request.flush().filter());
    case api::Request::kApply:
      return api::Action{"a snapshot of " +
                         std::to_string(request.apply().snapshot().services_size()) + " services"};
    case api::Request::kSync: {
      const api::SyncRequest& sync = request.sync();
      return api::Action{"sync of connections",
                         sync.begin() || sync.end() || !sync.import().empty()};
    }
    case api::Request::kHops:
      return move_connections(request.hops());
    case api::Request::kHandshakeFailures:
      // For the control plane only: each report is given to one client.
      return api::Action{"handshake failures", false};
    default:
      return api::Action{"request " + std::to_string(request.kind_case())};
  }
}

}  // namespace lb
