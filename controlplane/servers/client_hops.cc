#include "controlplane/servers/client_hops.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/base/log.h"
#include "controlplane/link/dataplane_client.h"
#include "controlplane/network/hop_history.h"
#include "controlplane/network/topology.h"
#include "dataplane/api/address_codec.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/snapshot_codec.h"

namespace lb::controlplane {
namespace {

using Clock = std::chrono::steady_clock;

// Neighbours that move together are decided together; also how soon a busy connection to the data
// plane is tried again.
constexpr auto kHopSettle = std::chrono::milliseconds(10);

std::string text_of(const NextHopSpec& hop) {
  return hop.mac.to_string() + " on " + hop.port +
         (hop.vlan == 0 ? std::string() : " VLAN " + std::to_string(hop.vlan));
}

// Of a machine: the kernel also lists groups, and interfaces without addresses.
bool is_station(const MacAddress& mac) {
  return (mac.bytes[0] & 1) == 0 && mac != MacAddress{};
}

}  // namespace

struct ClientHops::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io, DataplaneClient& d, netlink::Requests& r,
       const netlink::State& s, const config::Config& config)
      : dataplane(d), requests(r), state(s), timer(io) {
    configure(config);
  }

  void configure(const config::Config& config);
  const Interface* interface_of(int index) const;
  void ask_remembered();
  void restore(const api::HopsReply& reply);
  void feed(const netlink::NeighbourKey& key);
  void feed_all();
  void feed_gateways();
  bool moved_there(Address address, const Interface& interface, int index);
  void resolve(Address address);
  void wait_until(Clock::time_point due);
  void run();
  void decide();
  void send();

  DataplaneClient& dataplane;
  netlink::Requests& requests;
  const netlink::State& state;
  boost::asio::steady_timer timer;
  std::optional<Clock::time_point> due;
  std::vector<Interface> interfaces;
  std::set<Address> gateways;
  HopHistory history;
  enum class Phase : std::uint8_t { kAway, kAsking, kFollowing } phase = Phase::kAway;
  std::uint64_t session = 0;  // goes up with every connection to the data plane
  bool sending = false;
  api::HopsRequest unsent;
  std::string last_error;
};

void ClientHops::Impl::configure(const config::Config& config) {
  interfaces = interfaces_of(config);
  gateways.clear();
  for (const config::Route& route : config.routes) gateways.insert(route.via);
  history.set_gateways(gateways);
}

const Interface* ClientHops::Impl::interface_of(int index) const {
  const netlink::Link* const link = state.link(index);
  if (link == nullptr) return nullptr;
  const auto found = std::ranges::find(interfaces, link->name, &Interface::name);
  return found == interfaces.end() ? nullptr : &*found;
}

// ---- the kernel's neighbours

// Of an address on two of our networks, the one counts that the kernel sends to.
bool ClientHops::Impl::moved_there(Address address, const Interface& interface, int index) {
  const NextHopSpec* const known = history.find(address);
  if (known == nullptr || (known->port == interface.port && known->vlan == interface.vlan)) {
    return true;
  }
  const auto hop = requests.lookup(address);
  return hop && *hop && (*hop)->index == index && !(*hop)->gateway;
}

void ClientHops::Impl::feed(const netlink::NeighbourKey& key) {
  const auto& [index, address] = key;
  const Interface* const interface = interface_of(index);
  // Clients have IPv4 alone, and so does what connections follow.
  if (interface == nullptr || !address.is_ipv4()) return;
  const netlink::Neighbour* const neighbour = state.neighbour(key);
  const auto now = Clock::now();
  if (neighbour == nullptr) {
    history.removed(address, interface->port, interface->vlan, now);
  } else if (neighbour->state == netlink::NeighbourState::kNone) {
    history.failed(address, interface->port, interface->vlan, now);
  } else if (is_station(neighbour->mac) && moved_there(address, *interface, index)) {
    history.found(address, {interface->port, interface->vlan, neighbour->mac}, now);
  }
}

void ClientHops::Impl::feed_all() {
  for (const auto& [key, neighbour] : state.neighbours()) feed(key);
}

// The kernel may reach one over another interface now, where it has known it before.
void ClientHops::Impl::feed_gateways() {
  for (const Address gateway : gateways) {
    const auto hop = requests.lookup(gateway);
    if (!hop || !*hop || (*hop)->gateway) continue;
    const netlink::NeighbourKey key{(*hop)->index, gateway};
    if (state.neighbour(key) != nullptr) feed(key);
  }
}

// Those that are reached by no interface of ours do not answer. What an operator set stays: by that
// the address is where it was.
void ClientHops::Impl::resolve(Address address) {
  const NextHopSpec* const hop = history.find(address);
  if (hop == nullptr) return;
  for (const Interface& interface : interfaces) {
    if (interface.port != hop->port || interface.vlan != hop->vlan) continue;
    const netlink::Link* const link = state.link(interface.name);
    if (link == nullptr) continue;
    const netlink::Neighbour* const known = state.neighbour({link->index, address});
    if (known == nullptr || known->state != netlink::NeighbourState::kPermanent) {
      static_cast<void>(requests.resolve_anew(link->index, address));
      continue;
    }
    const NextHopSpec there = *hop;
    history.removed(address, there.port, there.vlan, Clock::now());
    history.found(address, there, Clock::now());
    wait_until(Clock::now());
  }
}

// ---- to the data plane

void ClientHops::Impl::wait_until(Clock::time_point time) {
  if (due && *due <= time) return;
  due = time;
  timer.expires_at(time);
  timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!self || error) return;
    self->due.reset();
    self->run();
  });
}

void ClientHops::Impl::run() {
  switch (phase) {
    case Phase::kAway:
      return;
    case Phase::kAsking:
      return ask_remembered();
    case Phase::kFollowing:
      decide();
      return send();
  }
}

void ClientHops::Impl::ask_remembered() {
  if (sending) return;
  api::Request request;
  request.mutable_hops()->set_read(true);
  const auto answered = [weak = weak_from_this(), asked = session](const api::Response& response) {
    const auto self = weak.lock();
    if (!self || self->session != asked) return;
    self->sending = false;
    self->phase = Phase::kFollowing;
    self->restore(response.hops());
  };
  sending = dataplane.try_ask(std::move(request), answered);
  if (!sending) wait_until(Clock::now() + kHopSettle);
}

void ClientHops::Impl::restore(const api::HopsReply& reply) {
  const auto now = Clock::now();
  for (const api::Neighbour& neighbour : reply.neighbours()) {
    const auto address = to_address(neighbour.address());
    const auto hop = from_api(neighbour.next_hop());
    if (address && hop) history.restore(*address, *hop, now);
  }
  feed_all();
  run();
}

void ClientHops::Impl::decide() {
  HopHistory::Decision decision = history.decide(Clock::now());
  for (const HopHistory::Move& move : decision.moves) {
    log::info("connections to clients behind {} continue to {}", text_of(move.from),
              text_of(move.to));
    api::HopMove& to = *unsent.add_moves();
    *to.mutable_from() = to_api(move.from);
    *to.mutable_to() = to_api(move.to);
  }
  for (const auto& [address, hop] : decision.remember) {
    api::Neighbour& to = *unsent.add_neighbours();
    to.set_address(to_bytes(address));
    if (hop) *to.mutable_next_hop() = to_api(*hop);
  }
  for (const Address address : decision.ask) resolve(address);
  if (decision.again) wait_until(*decision.again);
}

void ClientHops::Impl::send() {
  if (sending || (unsent.moves().empty() && unsent.neighbours().empty())) return;
  api::Request request;
  *request.mutable_hops() = unsent;
  const auto answered = [weak = weak_from_this(), sent = session](const api::Response& response) {
    const auto self = weak.lock();
    if (!self || self->session != sent) return;
    self->sending = false;
    if (!response.error().empty() && response.error() != self->last_error) {
      log::error("data plane: connections do not follow the clients' routers: {}",
                 response.error());
    }
    self->last_error = response.error();
    self->send();
  };
  sending = dataplane.try_ask(std::move(request), answered);
  if (sending) {
    unsent.Clear();
  } else {
    wait_until(Clock::now() + kHopSettle);
  }
}

ClientHops::ClientHops(boost::asio::io_context& io, DataplaneClient& dataplane,
                       netlink::Requests& requests, const netlink::State& state,
                       const config::Config& config)
    : impl_(std::make_shared<Impl>(io, dataplane, requests, state, config)) {}

ClientHops::~ClientHops() = default;

void ClientHops::configure(const config::Config& config) {
  impl_->configure(config);
}

void ClientHops::on_change(const netlink::Changes& changes) {
  if (impl_->phase != Impl::Phase::kFollowing) return;
  if (changes.all_neighbours) impl_->feed_all();
  for (const netlink::NeighbourKey& key : changes.neighbours) impl_->feed(key);
  if (changes.routes || changes.links || changes.addresses) impl_->feed_gateways();
  impl_->wait_until(Clock::now() + kHopSettle);
}

// What was known before counts no more than what the data plane remembers: it may be another one.
void ClientHops::on_connected() {
  ++impl_->session;
  impl_->sending = false;
  impl_->unsent.Clear();
  impl_->history = {};
  impl_->history.set_gateways(impl_->gateways);
  impl_->phase = Impl::Phase::kAsking;
  impl_->run();
}

void ClientHops::on_disconnected() {
  ++impl_->session;
  impl_->sending = false;
  impl_->phase = Impl::Phase::kAway;
}

}  // namespace lb::controlplane
