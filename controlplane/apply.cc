#include "controlplane/apply.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/base/log_limit.h"
#include "controlplane/alert/alerts.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/failover/failover.h"
#include "controlplane/failover/notifier.h"
#include "controlplane/failover/resources.h"
#include "controlplane/link/dataplane_client.h"
#include "controlplane/netlink/monitor.h"
#include "controlplane/network/interfaces.h"
#include "controlplane/network/source_routes.h"
#include "controlplane/os/due_timer.h"
#include "controlplane/os/learnt_files.h"
#include "controlplane/os/service_manager.h"
#include "controlplane/servers/check_status.h"
#include "controlplane/servers/client_hops.h"
#include "controlplane/servers/flood_poller.h"
#include "controlplane/servers/handshake_failure_poller.h"
#include "controlplane/servers/operations.h"
#include "controlplane/servers/report.h"
#include "controlplane/servers/servers.h"
#include "controlplane/servers/snapshot_builder.h"
#include "controlplane/service/inventory.h"
#include "controlplane/web/http_server.h"

namespace lb::controlplane {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kAtOnce{0};         // still one snapshot for all that happens in this turn
constexpr milliseconds kRoutesSettle{10};  // a routing daemon changes many at once
constexpr milliseconds kAfterRefusal{5'000};  // perhaps for lack of memory, which may be temporary
// How long checks wait for the kernel interfaces after a data plane has connected. A port that
// never gets one must not stop the checks on other ports.
constexpr milliseconds kInterfacesDue{3'000};
constexpr milliseconds kReadyAnyway{5'000};  // for the service manager, even without a data plane

web::HttpServer::Pages sorry_pages_of(const config::Config& config) {
  web::HttpServer::Pages pages;
  for (const config::Service& service : config.services) {
    if (service.sorry_page.empty()) continue;
    const LearntFile page = find_file(service.sorry_page);
    if (!page->has_value()) {
      log::error("service {}: sorry_page: {}: {}", service.name, service.sorry_page,
                 page->error().message);
    }
    for (const Address vip : service.vips()) {
      pages.emplace(Endpoint(vip, service.only_port()), page);
    }
  }
  return pages;
}

}  // namespace

class Applier::Impl {
 public:
  Impl(boost::asio::io_context& io_context, FileWriter& file_writer, config::ConfigPtr config)
      : io(io_context),
        writer(file_writer),
        inventory(std::move(config)),
        push_timer(io_context, [this] { push(); }),
        policy_timer(io_context),
        checks_timer(io_context),
        ready_timer(io_context) {}

  Result<void> start();
  void leave(const Waiting& waiting, std::function<void()> done);
  void stop();
  void configure(config::ConfigPtr next, std::function<void(Result<void>)> done,
                 const std::string* restored = nullptr);
  void ha_command(const api::control::HaCommand& command, Told done);
  Result<void> alert(const api::control::AlertRequest& request, api::control::AlertStatus& status);
  void set(const api::control::SetCommand& command, Told done);
  void status(bool with_checks, std::function<void(api::control::Status)> done) const;
  const Inventory& services() const { return inventory; }
  milliseconds stop_time() const { return failover ? failover->stop_time() : milliseconds(0); }
  LoopBeat::Count failover_beats() const { return failover ? failover->beats() : nullptr; }

 private:
  void fill_status(api::control::Status& status) const;
  Result<void> start_failover();
  void on_kernel_change(const netlink::Changes& changes);
  void on_connected(const SnapshotSpec& running);
  void on_disconnected();
  void on_applied();
  void on_refused(const std::string& why);
  void end_change(const Result<void>& result);
  void start_checks_when_due(bool due);
  void push();
  void decide();
  void become_ready();
  void notify_service_manager() const;

  boost::asio::io_context& io;
  FileWriter& writer;
  Inventory inventory;
  const Clock::time_point started = Clock::now();

  std::optional<netlink::Requests> requests;
  std::optional<netlink::Monitor> monitor;
  std::optional<Interfaces> interfaces;
  std::optional<DataplaneClient> dataplane;
  std::optional<Failover> failover;
  std::optional<Alerts> alerts;
  std::optional<Operations> operations;
  std::optional<Servers> servers;
  std::optional<HandshakeFailurePoller> failure_poller;
  std::optional<FloodPoller> flood_poller;
  std::optional<ClientHops> client_hops;
  std::optional<SourceRoutes> source_routes;
  web::HttpServer sorry_pages;
  std::set<Address> standby;  // VIPs of which another director is master
  bool roles_known = true;    // not before the failover thread has reported `standby`

  DueTimer push_timer;
  boost::asio::steady_timer policy_timer;
  boost::asio::steady_timer checks_timer;
  boost::asio::steady_timer ready_timer;
  bool ready = false;
  std::function<void(Result<void>)> changing;  // called with the result of the new configuration
  std::uint64_t change_push = 0;               // of its first snapshot
  std::vector<std::function<void()>> after_change;
  LogLimit refusals;
};

Result<void> Applier::Impl::start() {
  auto opened = netlink::Requests::open();
  if (!opened) return tl::make_unexpected(opened.error());
  requests.emplace(std::move(*opened));
  monitor.emplace(io, *requests, [this](const auto& changes) { on_kernel_change(changes); });
  if (auto result = monitor->start(); !result) return result;

  const config::Config& config = *inventory.config();
  alerts.emplace(io, config);
  operations.emplace(io, writer, inventory, *alerts);
  interfaces.emplace(io, *requests, monitor->state(), config);
  servers.emplace(
      io, writer, *requests, monitor->state(), inventory, *alerts,
      Servers::Events{.changed = [this](milliseconds within) { push_timer.within(within); },
                      .transition =
                          [this] {
                            if (failover) failover->update_facts();
                          },
                      .ask_peer =
                          [this](const auto& keys, auto done) {
                            return failover && failover->ask_peer(keys, std::move(done));
                          }});
  dataplane.emplace(io, config.director.run_dir + "/dataplane.sock",
                    DataplaneClient::Events{
                        .connected = [this](const SnapshotSpec& running) { on_connected(running); },
                        .disconnected = [this] { on_disconnected(); },
                        .applied = [this](std::uint64_t) { on_applied(); },
                        .refused = [this](const std::string& why) { on_refused(why); }});
  failure_poller.emplace(io, *dataplane, inventory,
                         [this](RealServerId id) { servers->suspect(id); });
  flood_poller.emplace(io, *dataplane, *alerts);
  source_routes.emplace(*requests, monitor->state());
  source_routes->refresh(config);
  client_hops.emplace(io, *dataplane, *requests, monitor->state(), config);
  if (auto result = start_failover(); !result) return result;
  operations->load();
  sorry_pages.serve(sorry_pages_of(config));
  dataplane->start();
  flood_poller->start();
  notify_status("waiting for the data plane");
  ready_timer.expires_after(kReadyAnyway);
  ready_timer.async_wait([this](boost::system::error_code error) {
    if (error) return;
    if (!dataplane->connected()) alerts->dataplane(false, "not reached since the start");
    become_ready();
  });
  return {};
}

Result<void> Applier::Impl::start_failover() {
  if (inventory.config()->ha.instances.empty()) return {};
  roles_known = false;
  failover.emplace(
      io, *inventory.config(),
      Failover::Host{
          .set_standby =
              [this](std::set<Address> vips) {
                if (std::exchange(roles_known, true) && standby == vips) return;
                standby = std::move(vips);
                push_timer.within(kAtOnce);
              },
          .has_server_up =
              [this](const std::string& service) { return servers->has_one_up(service); },
          .all_servers_checked = [this] { return servers->all_checked(); },
          .transition =
              [this](const HaEvent& event) {
                alerts->ha(event.instance, event.from, event.to, event.reason);
              },
          .sync_link = [this](bool up, const std::string& why) { alerts->sync_link(up, why); },
          .resource =
              [this](const ResourceAlert& alert) {
                alerts->resource(alert.resource, alert.state, alert.reason);
              },
          .unknown_router =
              [this](const std::string& instance, const std::string& text) {
                alerts->unknown_router(instance, text);
              },
          .late_advert = [this](const std::string& instance,
                                const std::string& text) { alerts->late_advert(instance, text); },
          .late_heartbeat = [this](const std::string& text) { alerts->late_heartbeat(text); },
          .check_opinions = [this](const auto& keys) { return servers->opinions_on(keys); }});
  return failover->start();
}

void Applier::Impl::leave(const Waiting& waiting, std::function<void()> done) {
  interfaces->withdraw_vips();
  const auto last = [this, waiting, done = std::move(done)] {
    waiting("sending alerts");
    alerts->leave(done);
  };
  if (!failover) return last();
  failover->leave(waiting, last);
}

Result<void> Applier::Impl::alert(const api::control::AlertRequest& request,
                                  api::control::AlertStatus& status) {
  return alerts->answer(request, status);
}

void Applier::Impl::ha_command(const api::control::HaCommand& command, Told done) {
  if (!failover) return done(fail("no [[ha.instance]] is configured"));
  failover->command(command, std::move(done));
}

void Applier::Impl::set(const api::control::SetCommand& command, Told done) {
  if (changing) {
    after_change.push_back([this, command, done = std::move(done)] { set(command, done); });
    return;
  }
  auto text = command.release_held() ? servers->release_held() : operations->set(command);
  if (!text) return done(std::move(text));
  push_timer.cancel();
  push();
  if (failover) failover->update_facts();
  if (command.release_held()) return done(std::move(text));
  operations->save([text = std::move(text), done = std::move(done)](const Result<void>& saved) {
    if (saved) return done(text);
    done(fail("in force, but a restart undoes it: " + saved.error().message));
  });
}

void Applier::Impl::stop() {
  notify_stopping();
  // First, because what follows may wait for a disk.
  if (failover) failover->stop();
  if (interfaces) {
    interfaces->withdraw_vips();
    interfaces->release_neighbours();
  }
  push_timer.cancel();
  for (auto* timer : {&policy_timer, &checks_timer, &ready_timer}) timer->cancel();
  if (dataplane) dataplane->stop();
  if (failure_poller) failure_poller->stop();
  if (servers) servers->stop_checks();
}

void Applier::Impl::configure(config::ConfigPtr next, std::function<void(Result<void>)> done,
                              const std::string* restored) {
  if (const auto replaced = std::exchange(changing, nullptr)) {
    replaced(fail("replaced by a later change of the configuration"));
  }
  const Inventory::Adopted adopted = inventory.adopt(std::move(next));
  operations->configure(restored);
  interfaces->configure(*inventory.config());
  alerts->configure(inventory);
  servers->configure(adopted);
  client_hops->configure(*inventory.config());
  if (failover) failover->configure(*inventory.config());
  source_routes->refresh(*inventory.config());
  sorry_pages.serve(sorry_pages_of(*inventory.config()));
  changing = std::move(done);
  push();
  change_push = dataplane->pushed();
  if (!dataplane->connected() || dataplane->in_use() >= change_push) end_change({});
}

void Applier::Impl::end_change(const Result<void>& result) {
  if (const auto call = std::exchange(changing, nullptr)) call(result);
  if (changing) return;  // what was before is on its way
  for (const auto& each : std::exchange(after_change, {})) each();
}

void Applier::Impl::on_kernel_change(const netlink::Changes& changes) {
  interfaces->on_change(changes);
  servers->on_kernel_change(changes);
  client_hops->on_change(changes);
  const bool may_move = changes.routes || changes.links || changes.addresses;
  if (may_move && source_routes->refresh(*inventory.config())) push_timer.within(kRoutesSettle);
  start_checks_when_due(false);
}

void Applier::Impl::on_connected(const SnapshotSpec& running) {
  alerts->dataplane(true, "");
  servers->follow(running);
  push();
  client_hops->on_connected();
  checks_timer.expires_after(kInterfacesDue);
  checks_timer.async_wait([this](boost::system::error_code error) {
    if (!error) start_checks_when_due(true);
  });
  start_checks_when_due(false);
}

void Applier::Impl::on_disconnected() {
  alerts->dataplane(false, "it stopped or does not answer; checks are paused until it is back");
  checks_timer.cancel();
  failure_poller->stop();
  client_hops->on_disconnected();
  servers->stop_checks();
  if (failover) failover->set_dataplane_ready(false);
  end_change({});
  notify_service_manager();
}

void Applier::Impl::start_checks_when_due(bool due) {
  if (servers->checking() || !dataplane->connected() || !(due || interfaces->complete())) return;
  checks_timer.cancel();
  servers->start_checks();
  failure_poller->start();
}

void Applier::Impl::push() {
  if (!servers->following()) return;
  servers->find_next_hops();
  if (!dataplane->connected()) return;
  decide();
  SnapshotSpec snapshot;
  build_snapshot(inventory, standby, snapshot);
  snapshot.source_routes = source_routes->routes();
  dataplane->push(std::move(snapshot));
  notify_service_manager();
}

// Slow start and deadlines proceed without any event.
void Applier::Impl::decide() {
  const auto next = operations->decide(roles_known ? &standby : nullptr);
  if (!next) return;
  policy_timer.expires_at(*next);
  policy_timer.async_wait([this](boost::system::error_code error) {
    if (!error) push_timer.within(kAtOnce);
  });
}

void Applier::Impl::on_applied() {
  refusals.forget("", "");
  if (failover) failover->set_dataplane_ready(true);
  become_ready();
  if (dataplane->in_use() >= change_push) end_change({});
}

void Applier::Impl::on_refused(const std::string& why) {
  refusals.write(log::Level::kError, "", "", "the data plane refused the configuration: {}", why);
  push_timer.within(kAfterRefusal);
  end_change(fail("the data plane refused it: " + why));
}

void Applier::Impl::become_ready() {
  ready_timer.cancel();
  if (std::exchange(ready, true)) return;
  notify_ready();
  notify_service_manager();
}

void Applier::Impl::notify_service_manager() const {
  if (!dataplane->connected()) return notify_status("waiting for the data plane");
  notify_status(summary(inventory));
}

void Applier::Impl::fill_status(api::control::Status& status) const {
  status.set_dataplane_connected(dataplane->connected());
  status.set_dataplane_generation(dataplane->generation());
  report(interfaces->vips(), status);
  report(inventory, started, servers->panic(), Clock::now(), status);
}

void Applier::Impl::status(bool with_checks, std::function<void(api::control::Status)> done) const {
  api::control::Status ours;
  fill_status(ours);
  if (with_checks) put_checks(servers->checker(), inventory, ours);
  if (!failover) return done(std::move(ours));
  failover->fill_status(
      [ours = std::move(ours), done = std::move(done)](const api::control::Status& ha) mutable {
        ours.MergeFrom(ha);
        done(std::move(ours));
      });
}

Applier::Applier(boost::asio::io_context& io, FileWriter& writer, config::ConfigPtr config)
    : impl_(std::make_unique<Impl>(io, writer, std::move(config))) {}

Applier::~Applier() = default;

Result<void> Applier::start() {
  return impl_->start();
}

void Applier::configure(config::ConfigPtr next, std::function<void(Result<void>)> done) {
  impl_->configure(std::move(next), std::move(done));
}

void Applier::restore(config::ConfigPtr before, const std::string& overrides,
                      std::function<void(Result<void>)> done) {
  impl_->configure(std::move(before), std::move(done), &overrides);
}

void Applier::leave(const Waiting& waiting, std::function<void()> done) {
  impl_->leave(waiting, std::move(done));
}

std::chrono::milliseconds Applier::stop_time() const {
  return impl_->stop_time();
}

void Applier::ha_command(const api::control::HaCommand& command, Told done) {
  impl_->ha_command(command, std::move(done));
}

Result<void> Applier::alert(const api::control::AlertRequest& request,
                            api::control::AlertStatus& status) {
  return impl_->alert(request, status);
}

void Applier::set(const api::control::SetCommand& command, Told done) {
  impl_->set(command, std::move(done));
}

LoopBeat::Count Applier::failover_beats() const {
  return impl_->failover_beats();
}

const Inventory& Applier::inventory() const {
  return impl_->services();
}

void Applier::stop() {
  impl_->stop();
}

void Applier::status(bool with_checks, std::function<void(api::control::Status)> done) const {
  impl_->status(with_checks, std::move(done));
}

}  // namespace lb::controlplane
