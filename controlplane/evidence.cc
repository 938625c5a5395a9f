#include "controlplane/evidence.h"

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstring>
#include <utility>

#include "controlplane/dataplane_client.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::controlplane {
namespace {

constexpr std::chrono::milliseconds kBetween{200};
// What bounds the checks that clients can bring forward in all: so many at each turn.
constexpr std::uint32_t kSuspects = 128;

Ipv4Endpoint endpoint(const std::string& bytes, std::uint32_t port) {
  Ipv4Endpoint result;
  if (bytes.size() == sizeof result.address.be.raw) {
    std::memcpy(&result.address.be.raw, bytes.data(), bytes.size());
  }
  result.port = static_cast<std::uint16_t>(port);
  return result;
}

}  // namespace

Evidence::Evidence(boost::asio::io_context& io, DataplaneClient& dataplane, Suspect suspect)
    : dataplane_(dataplane), suspect_(std::move(suspect)), timer_(io) {}

void Evidence::start() {
  if (std::exchange(running_, true)) return;
  wait();
}

void Evidence::stop() {
  running_ = false;
  timer_.cancel();
}

void Evidence::wait() {
  timer_.expires_after(kBetween);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || !running_) return;
    ask();
    wait();
  });
}

void Evidence::ask() {
  api::Request request;
  request.mutable_evidence()->set_limit(kSuspects);
  dataplane_.try_ask(std::move(request), [this](const api::Response& response) {
    if (!running_) return;
    for (const api::EvidenceEntry& entry : response.evidence().entries()) {
      suspect_(entry.service(), endpoint(entry.vip(), entry.vip_port()),
               endpoint(entry.address(), entry.port()));
    }
  });
}

}  // namespace lb::controlplane
