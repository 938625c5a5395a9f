#include "controlplane/servers/handshake_failure_poller.h"

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <utility>

#include "controlplane/link/dataplane_client.h"
#include "controlplane/service/inventory.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::controlplane {
namespace {

constexpr std::chrono::milliseconds kBetween{200};
// Limits the early checks that clients can cause: so many per poll.
constexpr std::uint32_t kSuspects = 128;

// The data plane may still use the service's old name.
const RealServer* server_of(const api::HandshakeFailureEntry& entry, const Inventory& inventory) {
  const auto vip = endpoint_from_bytes(entry.vip(), entry.vip_port());
  const auto server = endpoint_from_bytes(entry.address(), entry.port());
  if (!vip || !server) return nullptr;
  const Service* service = inventory.find(entry.service());
  if (service == nullptr || service->config->primary_endpoint() != *vip) {
    service = inventory.find({Protocol::kTcp, {vip->address, vip->port, vip->port}});
  }
  if (service == nullptr) return nullptr;
  return inventory.find(*service, *server);
}

}  // namespace

HandshakeFailurePoller::HandshakeFailurePoller(boost::asio::io_context& io,
                                               DataplaneClient& dataplane,
                                               const Inventory& inventory, Suspect suspect)
    : dataplane_(dataplane), inventory_(inventory), suspect_(std::move(suspect)), timer_(io) {}

void HandshakeFailurePoller::start() {
  if (std::exchange(running_, true)) return;
  wait();
}

void HandshakeFailurePoller::stop() {
  running_ = false;
  timer_.cancel();
}

void HandshakeFailurePoller::wait() {
  timer_.expires_after(kBetween);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || !running_) return;
    ask();
    wait();
  });
}

void HandshakeFailurePoller::ask() {
  api::Request request;
  request.mutable_handshake_failures()->set_limit(kSuspects);
  dataplane_.try_ask(std::move(request), [this](const api::Response& response) {
    if (!running_) return;
    for (const api::HandshakeFailureEntry& entry : response.handshake_failures().entries()) {
      if (const RealServer* const server = server_of(entry, inventory_)) suspect_(server->id);
    }
  });
}

}  // namespace lb::controlplane
