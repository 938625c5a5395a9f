#include "controlplane/servers/flood_poller.h"

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
// Of the connection table.
constexpr const char* kShed = "shed";
constexpr const char* kFull = "full";
// Of a service: SYNs that were answered with cookies.
constexpr const char* kSynProxy = "syn_proxy";

}  // namespace

FloodPoller::FloodPoller(boost::asio::io_context& io, DataplaneClient& dataplane, Alerts& alerts)
    : dataplane_(dataplane), alerts_(alerts), timer_(io) {}

void FloodPoller::start() {
  timer_.expires_after(kBetweenPolls);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    ask();
    start();
  });
}

void FloodPoller::ask() {
  api::Request request;
  request.mutable_stats()->set_floods_only(true);
  dataplane_.try_ask(std::move(request),
                     [this](const api::Response& response) { report(response.stats()); });
}

void FloodPoller::report(const api::Stats& stats) {
  std::vector<FloodWatch::Reading> readings;
  for (const api::PuntStats& punt : stats.punts()) {
    readings.push_back({punt.port(), punt.kind(), punt.dropped()});
  }
  readings.push_back({"", kShed, stats.connections_shed()});
  readings.push_back({"", kFull, stats.table_full()});
  for (const api::AdaptiveSynProxy& proxy : stats.adaptive_syn_proxies()) {
    readings.push_back({proxy.service(), kSynProxy, proxy.cookies()});
  }
  for (const FloodWatch::Change& change : watch_.observe(readings, FloodWatch::Clock::now())) {
    if (change.kind == kSynProxy) {
      report_syn_proxy(change);
    } else {
      change.name.empty() ? report_table(change) : report_punts(change);
    }
  }
}

void FloodPoller::report_punts(const FloodWatch::Change& change) {
  const std::string text =
      change.begun
          ? fmt::format("{} dropped in a second or less; see lbcli show punt", change.count)
          : fmt::format("{} packets were dropped", change.count);
  if (change.begun) {
    LogLimit::write(log::Level::kWarning,
                    fmt::format("port {}: too many packets for the kernel of class \"{}\": {}",
                                change.name, change.kind, text),
                    change.left_out);
  } else {
    log::info("port {}: packets for the kernel of class \"{}\" all pass again; {}", change.name,
              change.kind, text);
  }
  alerts_.punt(change.name, change.kind, change.begun, text);
}

void FloodPoller::report_table(const FloodWatch::Change& change) {
  const bool full = change.kind == kFull;
  const std::string text = fmt::format(
      "{} {}{}", change.count, full ? "new connections found no room" : "connections ended for it",
      change.begun ? " in a second or less; see lbcli show table" : "");
  if (change.begun) {
    LogLimit::write(
        log::Level::kWarning,
        fmt::format("connection table: {}: {}",
                    full ? "full, and nothing in it may end" : "full, connections end to make room",
                    text),
        change.left_out);
  } else {
    log::info("connection table: {}; {}",
              full ? "new connections find room again" : "no connection ends to make room any more",
              text);
  }
  alerts_.table(full, change.begun, text);
}

// The data plane has it in its log.
void FloodPoller::report_syn_proxy(const FloodWatch::Change& change) {
  alerts_.syn_proxy(
      change.name, change.begun,
      fmt::format("{} SYNs answered with cookies{}", change.count,
                  change.begun ? " in a second or less; see lbcli show service" : ""));
}

}  // namespace lb::controlplane
