#include "controlplane/servers/punt_poller.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <vector>

#include "controlplane/alert/alerts.h"
#include "controlplane/link/dataplane_client.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::controlplane {
namespace {

constexpr std::chrono::seconds kBetweenPolls{1};

}  // namespace

PuntPoller::PuntPoller(boost::asio::io_context& io, DataplaneClient& dataplane, Alerts& alerts)
    : dataplane_(dataplane), alerts_(alerts), timer_(io) {}

void PuntPoller::start() {
  timer_.expires_after(kBetweenPolls);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    ask();
    start();
  });
}

void PuntPoller::ask() {
  api::Request request;
  request.mutable_stats()->set_punts_only(true);
  dataplane_.try_ask(std::move(request),
                     [this](const api::Response& response) { report(response.stats()); });
}

void PuntPoller::report(const api::Stats& stats) {
  std::vector<PuntWatch::Reading> readings;
  for (const api::PuntStats& punt : stats.punts()) {
    readings.push_back({punt.port(), punt.kind(), punt.dropped()});
  }
  for (const PuntWatch::Change& change : watch_.observe(readings, PuntWatch::Clock::now())) {
    report(change);
  }
}

void PuntPoller::report(const PuntWatch::Change& change) {
  if (!change.dropping) {
    const std::string text = fmt::format("{} packets were dropped", change.dropped);
    log::info("port {}: packets for the kernel of class \"{}\" all pass again; {}", change.port,
              change.kind, text);
    alerts_.punt(change.port, change.kind, false, text);
    return;
  }
  const std::string text =
      fmt::format("{} dropped in a second or less; see lbcli show punt", change.dropped);
  LogLimit::write(log::Level::kWarning,
                  fmt::format("port {}: too many packets for the kernel of class \"{}\": {}",
                              change.port, change.kind, text),
                  change.left_out);
  alerts_.punt(change.port, change.kind, true, text);
}

}  // namespace lb::controlplane
