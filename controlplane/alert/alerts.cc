#include "controlplane/alert/alerts.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "controlplane/alert/event.h"
#include "controlplane/alert/mailer.h"
#include "controlplane/alert/runner.h"
#include "controlplane/alert/watch.h"
#include "controlplane/api/controlplane.pb.h"

namespace lb::controlplane {
namespace {

using alert::Event;
using alert::Severity;
using std::chrono::milliseconds;
using std::chrono::system_clock;

// At the end of the process; the service manager waits for 10 s.
constexpr milliseconds kExitLimit{3'000};

std::uint64_t unix_ms(std::optional<system_clock::time_point> at) {
  if (!at) return 0;
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<milliseconds>(at->time_since_epoch()).count());
}

}  // namespace

struct Alerts::Impl {
  Impl(boost::asio::io_context& io_context, const config::Config& config)
      : io(io_context), leaving(io_context) {
    configure(config);
  }

  void configure(const config::Config& config);
  void enqueue(Severity severity, Event event);

  boost::asio::io_context& io;
  std::optional<config::Alert> current;
  std::unique_ptr<alert::Runner> runner;
  std::unique_ptr<alert::Mailer> mailer;        // null without [alert.mail]
  std::unique_ptr<alert::Mailer> ended_mailer;  // of which the disk may hold up the end
  std::optional<bool> sync_link, dataplane;
  std::uint64_t events = 0;
  boost::asio::steady_timer leaving;
};

void Alerts::Impl::configure(const config::Config& config) {
  if (current == config.alert) return;
  if (!runner) runner = std::make_unique<alert::Runner>(io, config.director.name, config.alert);
  runner->configure(config.alert);
  const bool same_mail = current && current->mail == config.alert.mail;
  current = config.alert;
  if (same_mail) return;
  if (mailer) {
    mailer->stop();
    ended_mailer = std::move(mailer);
  }
  if (!config.alert.mail) return;
  mailer = std::make_unique<alert::Mailer>(config.director.name, *config.alert.mail,
                                           config.director.state_dir + "/alerts",
                                           std::move(ended_mailer));
}

void Alerts::Impl::enqueue(Severity severity, Event event) {
  event.at = system_clock::now();
  event.severity = severity;
  events += 1;
  runner->enqueue(event);
  if (mailer) mailer->enqueue(std::move(event));
}

Alerts::Alerts(boost::asio::io_context& io, const config::Config& config)
    : impl_(std::make_unique<Impl>(io, config)) {}

Alerts::~Alerts() = default;

void Alerts::configure(Inventory& inventory) {
  alert::count_reported(inventory);
  impl_->configure(*inventory.config());
}

void Alerts::adopt_server(RealServer& server, bool up) {
  alert::set_initial(server, up);
}

void Alerts::server(RealServer& server, bool up, const std::string& reason) {
  const alert::Transition change = alert::observe(server, up);
  const std::string& service = server.service->config->name;
  if (change.server) {
    impl_->enqueue(up ? Severity::kGood : Severity::kBad,
                   {.kind = "server",
                    .name = service,
                    .server = server.config->address.to_string(),
                    .state = up ? "up" : "down",
                    .reason = reason});
  }
  if (change.service) {
    impl_->enqueue(*change.service ? Severity::kGood : Severity::kCritical,
                   {.kind = "service",
                    .name = service,
                    .state = *change.service ? "up" : "down",
                    .reason = fmt::format("{} of {} real servers up", change.up, change.all)});
  }
}

void Alerts::quorum(Service& service, bool reached, const std::string& reason) {
  if (service.reported_quorum == reached) return;
  service.reported_quorum = reached;
  impl_->enqueue(reached ? Severity::kGood : Severity::kCritical,
                 {.kind = "quorum",
                  .name = service.config->name,
                  .state = reached ? "reached" : "lost",
                  .reason = reason});
}

void Alerts::ha(const std::string& instance, const std::string& from, const std::string& to,
                const std::string& reason) {
  impl_->enqueue(to == "FAULT" ? Severity::kBad : Severity::kNotice,
                 {.kind = "ha", .name = instance, .from = from, .state = to, .reason = reason});
}

void Alerts::unknown_router(const std::string& instance, const std::string& reason) {
  impl_->enqueue(Severity::kBad,
                 {.kind = "vrrp", .name = instance, .state = "unknown router", .reason = reason});
}

void Alerts::late_advert(const std::string& instance, const std::string& reason) {
  impl_->enqueue(Severity::kNotice,
                 {.kind = "vrrp", .name = instance, .state = "late advert", .reason = reason});
}

void Alerts::resource(const std::string& name, const std::string& state,
                      const std::string& reason) {
  Severity severity = Severity::kCritical;
  if (state == "restarted") severity = Severity::kNotice;
  if (state == "recovered" || state == "stopped") severity = Severity::kGood;
  impl_->enqueue(severity, {.kind = "resource", .name = name, .state = state, .reason = reason});
}

void Alerts::next_hop_moved(const std::string& address, const std::string& reason) {
  impl_->enqueue(Severity::kNotice,
                 {.kind = "next_hop", .name = address, .state = "moved", .reason = reason});
}

void Alerts::sync_link(bool up, const std::string& reason) {
  if (impl_->sync_link == up) return;
  impl_->sync_link = up;
  impl_->enqueue(up ? Severity::kGood : Severity::kBad,
                 {.kind = "sync", .state = up ? "up" : "down", .reason = reason});
}

void Alerts::late_heartbeat(const std::string& reason) {
  impl_->enqueue(Severity::kNotice, {.kind = "sync", .state = "late heartbeat", .reason = reason});
}

void Alerts::dataplane(bool connected, const std::string& reason) {
  if (impl_->dataplane == connected) return;
  impl_->dataplane = connected;
  impl_->enqueue(
      connected ? Severity::kGood : Severity::kCritical,
      {.kind = "dataplane", .state = connected ? "connected" : "lost", .reason = reason});
}

void Alerts::panic(bool begun, const std::string& reason) {
  impl_->enqueue(begun ? Severity::kCritical : Severity::kGood,
                 {.kind = "panic", .state = begun ? "begun" : "over", .reason = reason});
}

void Alerts::punt(const std::string& port, const std::string& kind, bool dropping,
                  const std::string& reason) {
  // Scans and floods meet the limits of "other", which are there for that. In the other classes
  // are partners of the director.
  const Severity begun = kind == "other" ? Severity::kNotice : Severity::kBad;
  impl_->enqueue(dropping ? begun : Severity::kGood, {.kind = "punt",
                                                      .name = port + ' ' + kind,
                                                      .state = dropping ? "dropping" : "over",
                                                      .reason = reason});
}

void Alerts::table(bool full, bool begun, const std::string& reason) {
  const std::string state = full ? "full" : "shedding";
  impl_->enqueue(begun ? Severity::kBad : Severity::kGood,
                 {.kind = "table", .state = (begun ? "" : "not ") + state, .reason = reason});
}

void Alerts::syn_proxy(const std::string& service, bool begun, const std::string& reason) {
  impl_->enqueue(
      begun ? Severity::kBad : Severity::kGood,
      {.kind = "syn_proxy", .name = service, .state = begun ? "begun" : "over", .reason = reason});
}

Result<void> Alerts::answer(const api::control::AlertRequest& request,
                            api::control::AlertStatus& status) {
  const config::Alert& config = *impl_->current;
  if (request.test()) {
    if (!impl_->mailer && config.script.empty()) {
      return fail("neither [alert.mail] nor a script in [alert] is configured");
    }
    impl_->enqueue(Severity::kNotice,
                   {.kind = "test", .state = "asked for", .reason = "lbcli alert test"});
    if (impl_->mailer) impl_->mailer->send_now();
  }
  status.set_events(impl_->events);
  if (!config.script.empty()) {
    const alert::Runner::Status from = impl_->runner->status();
    api::control::AlertScript& script = *status.mutable_script();
    script.set_program(config.script.front());
    script.set_queue(from.queue);
    script.set_good(from.good);
    script.set_bad(from.bad);
    script.set_last_error(from.last_error);
  }
  if (!impl_->mailer) return {};
  const alert::Mailer::Status from = impl_->mailer->status();
  api::control::AlertMail& mail = *status.mutable_mail();
  mail.set_server(config.mail->server.to_string());
  for (const std::string& to : config.mail->to) mail.add_to(to);
  mail.set_events(from.events);
  mail.set_queue(from.queue);
  mail.set_sent(from.sent);
  mail.set_tries_failed(from.tries_failed);
  mail.set_refused(from.refused);
  mail.set_dropped(from.dropped);
  mail.set_last_sent_unix_ms(unix_ms(from.last_sent));
  mail.set_last_error_unix_ms(unix_ms(from.last_error_at));
  mail.set_last_error(from.last_error);
  mail.set_disk_error(from.disk_error);
  return {};
}

void Alerts::leave(std::function<void()> done) {
  const auto left = std::make_shared<int>(impl_->mailer ? 2 : 1);
  const auto call = std::make_shared<std::function<void()>>(std::move(done));
  const auto finish = [call] {
    if (const auto once = std::exchange(*call, nullptr)) once();
  };
  const auto part = [left, finish] {
    if (--*left == 0) finish();
  };
  impl_->leaving.expires_after(kExitLimit);
  impl_->leaving.async_wait([finish](const boost::system::error_code& error) {
    if (!error) finish();
  });
  impl_->runner->when_idle(part);
  if (!impl_->mailer) return;
  impl_->mailer->when_done([&io = impl_->io, part] { boost::asio::post(io, part); });
}

}  // namespace lb::controlplane
