#include "controlplane/failover/failover.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "config/base/log.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/failover/engine.h"
#include "controlplane/failover/resources.h"
#include "controlplane/failover/service_differences.h"
#include "controlplane/os/loop_thread.h"
#include "controlplane/sync/sync.pb.h"

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;

// How often the facts are polled, beside known changes.
constexpr milliseconds kTick{50};
// For the last report on the sync link, which the kernel sends in no time.
constexpr milliseconds kInformTime{100};

}  // namespace

SettingsPtr settings_of(const config::Config& config) {
  Settings settings{config.director.name,
                    config.director.run_dir + "/dataplane.sock",
                    {},
                    interfaces_of(config),
                    config.ha,
                    nullptr};
  for (const config::Port& port : config.ports) settings.ports.push_back(port.name);
  lb::sync::Message services;
  write(texts_of(config), *services.mutable_services());
  settings.services = std::make_shared<const lb::sync::Message>(std::move(services));
  return std::make_shared<const Settings>(std::move(settings));
}

struct Failover::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io_context, const config::Config& config, Host h)
      : io(io_context),
        host(std::move(h)),
        settings(settings_of(config)),
        scripts(io_context, config.ha.scripts, [this] { update_facts(); }),
        notifier(io_context, config.director.name, config.ha.notify,
                 config::script_user(config.ha.notify_user)),
        resources(
            io_context, config,
            {[this] { update_facts(); }, [this](const auto& alert) { host.resource(alert); }}),
        ticker(io_context),
        informing(io_context),
        thread("failover") {}
  // Only the thread uses the engine while it runs.
  ~Impl() { thread.stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // Runs task(*this) on the main loop; from any thread.
  template <typename Task>
  void on_main(Task task) {
    boost::asio::post(io, [weak = weak_from_this(), task = std::move(task)]() mutable {
      if (const auto self = weak.lock()) task(*self);
    });
  }
  template <typename Task>
  void on_engine(Task task) {
    thread.post([to = engine.get(), task = std::move(task)]() mutable { task(*to); });
  }

  Result<void> start();
  Engine::Events engine_events();
  Facts facts_now() const;
  void update_facts();
  void tick();
  void on_transition(const HaEvent& event);
  void on_sync_link(bool up, const std::string& why);
  void stop_resources(std::function<void()> done);
  void compare(const std::string& director, const ServiceTexts& peers);

  boost::asio::io_context& io;
  const Host host;
  SettingsPtr settings;
  Scripts scripts;
  Notifier notifier;
  Resources resources;
  boost::asio::steady_timer ticker;
  boost::asio::steady_timer informing;  // the peer, at the end
  Facts facts;                          // as last sent to the engine
  bool peer_connected = false;          // by the sync link
  std::optional<ServiceTexts> theirs;   // of this session
  std::vector<std::string> differing;

  LoopThread thread;
  std::shared_ptr<Engine> engine;  // used by the thread alone while it runs
};

// ---- start

Engine::Events Failover::Impl::engine_events() {
  return {
      .standby =
          [this](std::set<Address> vips) {
            on_main([vips = std::move(vips)](Impl& self) { self.host.set_standby(vips); });
          },
      .transition =
          [this](const HaEvent& event) {
            on_main([event](Impl& self) { self.on_transition(event); });
          },
      .sync_link =
          [this](bool up, const std::string& why) {
            on_main([=](Impl& self) { self.on_sync_link(up, why); });
          },
      .resources =
          [this](const ResourceViews& views) {
            on_main([views](Impl& self) { self.resources.update(views); });
          },
      .unknown_router =
          [this](const std::string& instance, const std::string& text) {
            on_main([=](Impl& self) { self.host.unknown_router(instance, text); });
          },
      .late_advert =
          [this](const std::string& instance, const std::string& text) {
            on_main([=](Impl& self) { self.host.late_advert(instance, text); });
          },
      .late_heartbeat =
          [this](const std::string& text) {
            on_main([=](Impl& self) { self.host.late_heartbeat(text); });
          },
      .peer_services =
          [this](const std::string& director, const lb::sync::Services& services) {
            on_main(
                [director, services](Impl& self) { self.compare(director, texts_of(services)); });
          },
      .check_opinions =
          [this](const sync::CheckKeys& keys, sync::OnCheckOpinions done) {
            on_main([keys, done = std::move(done)](Impl& self) {
              self.on_engine(
                  [done, opinions = self.host.check_opinions(keys)](Engine&) { done(opinions); });
            });
          },
  };
}

Result<void> Failover::Impl::start() {
  facts = facts_now();
  engine = std::make_shared<Engine>(thread.io(), settings, facts, engine_events());
  if (auto result = engine->start(); !result) return result;
  thread.start();
  scripts.start();
  tick();
  return {};
}

// ---- to the engine

Facts Failover::Impl::facts_now() const {
  Facts now;
  for (const config::HaInstance& instance : settings->ha.instances) {
    for (const config::HaTrack& track : instance.tracks) {
      if (!track.service.empty() && !host.has_server_up(track.service)) {
        now.failing_services.insert(track.service);
      }
      if (!track.script.empty() && scripts.failing(track.script)) {
        now.failing_scripts.insert(track.script);
      }
    }
  }
  now.all_servers_checked = host.all_servers_checked();
  now.resources = resources.reports();
  now.failed_resources = resources.faults();
  return now;
}

void Failover::Impl::update_facts() {
  Facts now = facts_now();
  if (!engine || now == facts) return;
  facts = now;
  on_engine([now = std::move(now)](Engine& to) mutable { to.set_facts(std::move(now)); });
}

void Failover::Impl::tick() {
  ticker.expires_after(kTick);
  ticker.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->tick();
  });
  update_facts();
}

// ---- from the engine

void Failover::Impl::on_transition(const HaEvent& event) {
  notifier.notify(event);
  host.transition(event);
}

void Failover::Impl::on_sync_link(bool up, const std::string& why) {
  peer_connected = up;
  if (up) theirs.reset();
  host.sync_link(up, why);
}

void Failover::Impl::compare(const std::string& director, const ServiceTexts& peers) {
  auto found = differences(texts_of(settings->services->services()), peers);
  if (!theirs && found != differing) {
    for (const std::string& line : found) {
      log::warning("{} is configured differently: {}", director, line);
    }
  }
  theirs = peers;
  differing = std::move(found);
}

// ---- for callers

Failover::Failover(boost::asio::io_context& io, const config::Config& config, Host host)
    : impl_(std::make_shared<Impl>(io, config, std::move(host))) {}

Failover::~Failover() = default;

Result<void> Failover::start() {
  return impl_->start();
}

// The peer starts its own when it gets the report that they are stopped: so that is sent before the end.
void Failover::Impl::stop_resources(std::function<void()> done) {
  resources.leave([this, done = std::move(done)] {
    update_facts();
    if (settings->ha.resources.empty() || !peer_connected) return done();
    informing.expires_after(kInformTime);
    informing.async_wait([done](const boost::system::error_code&) { done(); });
  });
}

void Failover::leave(std::function<void(const std::string&)> waiting, std::function<void()> done) {
  waiting("handing over to the peer");
  impl_->on_engine(
      [impl = impl_.get(), waiting = std::move(waiting), done = std::move(done)](Engine& to) {
        // Only this comes after the last transition.
        to.leave([impl, waiting, done] {
          impl->on_main([waiting, done](Impl& self) {
            waiting("stopping the resources");
            self.stop_resources([&self, waiting, done] {
              waiting("the notify program");
              self.notifier.when_idle(done);
            });
          });
        });
      });
}

std::chrono::milliseconds Failover::stop_time() const {
  return impl_->resources.stop_time();
}

void Failover::stop() {
  impl_->ticker.cancel();
  impl_->informing.cancel();
  impl_->scripts.stop();
  impl_->resources.stop();
  impl_->thread.stop([engine = impl_->engine.get()] { engine->stop(); });
}

void Failover::configure(const config::Config& config) {
  Impl& impl = *impl_;
  impl.settings = settings_of(config);
  if (impl.theirs) {
    impl.differing = differences(texts_of(impl.settings->services->services()), *impl.theirs);
  }
  impl.on_engine([settings = impl.settings](Engine& to) { to.configure(settings); });
  impl.resources.configure(config);
  impl.update_facts();
}

void Failover::set_dataplane_ready(bool ready) {
  impl_->on_engine([ready](Engine& to) { to.set_dataplane_ready(ready); });
}

LoopBeat::Count Failover::beats() const {
  return impl_->thread.beat().count();
}

void Failover::update_facts() {
  impl_->update_facts();
}

bool Failover::ask_peer(const sync::CheckKeys& keys, sync::OnCheckOpinions done) {
  if (!impl_->peer_connected) return false;
  impl_->on_engine([impl = impl_.get(), keys, done = std::move(done)](Engine& to) {
    to.ask_peer(keys, [impl, done](const sync::CheckOpinions& opinions) {
      impl->on_main([done, opinions](Impl&) { done(opinions); });
    });
  });
  return true;
}

void Failover::command(const api::control::HaCommand& command,
                       std::function<void(Result<std::string>)> done) {
  using api::control::HaCommand;
  if (command.kind() == HaCommand::RETRY || command.kind() == HaCommand::CONFIRM) {
    return done(impl_->resources.command(command));
  }
  impl_->on_engine([impl = impl_.get(), command, done = std::move(done)](Engine& to) {
    impl->on_main([done, begun = to.command(command)](Impl&) { done(begun); });
  });
}

void Failover::fill_status(std::function<void(const api::control::Status&)> done) const {
  impl_->on_engine([impl = impl_.get(), done = std::move(done)](Engine& to) {
    api::control::Status status;
    to.fill_status(status);
    impl->on_main([done, status = std::move(status)](Impl& self) mutable {
      if (status.ha().has_peer()) {
        api::control::HaPeer& peer = *status.mutable_ha()->mutable_peer();
        peer.set_compared(self.theirs.has_value());
        for (const std::string& line : self.differing) peer.add_differences(line);
      }
      self.resources.fill(*status.mutable_ha());
      done(status);
    });
  });
}

}  // namespace lb::controlplane
