// lb-controlplane: the main loop. What must be on time (failover) and what takes long (reload, the
// log) have their own threads.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/base/log.h"
#include "config/base/stop_signals.h"
#include "config/load.h"
#include "controlplane/actions.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/apply.h"
#include "controlplane/config_reader.h"
#include "controlplane/network/vip_removal.h"
#include "controlplane/os/file_writer.h"
#include "controlplane/os/loop_beat.h"
#include "controlplane/os/service_manager.h"
#include "controlplane/os/state_dir.h"
#include "controlplane/reload.h"
#include "controlplane/servers/overrides_file.h"
#include "controlplane/service/overrides.h"
#include "dataplane/api/error_codec.h"
#include "dataplane/api/protobuf_log.h"
#include "dataplane/api/sockets.h"

namespace lb::controlplane {
namespace {

namespace control = lb::api::control;
using Sockets = api::Sockets<control::Request, control::Response>;

constexpr int kExitFailure = 1;
constexpr int kExitMistake = 2;  // in the configuration or on the command line
// For the handover, the notify program and alerts; with what follows it is below StopSignals'.
constexpr std::chrono::milliseconds kLeaveLimit{3'300};
// TimeoutStopSec of the unit, which resources extend.
constexpr std::chrono::milliseconds kServiceManagerLimit{10'000};
constexpr std::chrono::milliseconds kWriteLimit{2'500};  // for the last files: some slow fsync()
constexpr std::chrono::milliseconds kLogLimit{250};      // and lines, if those hang

int fail_start(const Error& error) {
  log::error("{}", error.message);
  return kExitFailure;
}

control::Response error_response(const Error& error) {
  return api::error_response<control::Response>(error);
}

Sockets::Answer answer_status(const control::StatusRequest& request, const Applier& applier) {
  return Sockets::Api::Later(
      [&applier, checks = request.with_checks()](const Sockets::Api::Reply& reply) {
        applier.status(checks, [reply](control::Status status) {
          control::Response response;
          *response.mutable_status() = std::move(status);
          reply(std::move(response));
        });
      });
}

Sockets::Answer answer_ha(const control::HaCommand& command, Applier& applier) {
  return Sockets::Api::Later([&applier, command](const Sockets::Api::Reply& reply) {
    applier.ha_command(command, [reply](const Result<std::string>& begun) {
      if (!begun) return reply(error_response(begun.error()));
      control::Response response;
      response.mutable_ha()->set_text(*begun);
      reply(std::move(response));
    });
  });
}

Sockets::Answer answer_set(const control::SetCommand& command, Applier& applier) {
  return Sockets::Api::Later([&applier, command](const Sockets::Api::Reply& reply) {
    applier.set(command, [reply](const Result<std::string>& done) {
      if (!done) return reply(error_response(done.error()));
      control::Response response;
      response.mutable_set()->set_text(*done);
      reply(std::move(response));
    });
  });
}

Sockets::Answer answer_config(const control::ConfigCommand& command, const api::Caller& peer,
                              Applier& applier, Reloader& reloader) {
  return Sockets::Api::Later(
      [&applier, &reloader, command, by = api::to_string(peer)](const Sockets::Api::Reply& reply) {
        reloader.command(command, by, [&applier, kind = command.kind(), reply](const auto& done) {
          control::Response response;
          *response.mutable_config() = done;
          if (kind == control::ConfigCommand::CHANGES) {
            for (const std::string& line :
                 describe(applier.inventory(), std::chrono::steady_clock::now())) {
              response.mutable_config()->add_changes(line);
            }
          }
          reply(std::move(response));
        });
      });
}

Sockets::Answer answer(const control::Request& request, const api::Caller& peer, Applier& applier,
                       Reloader& reloader) {
  if (request.has_status()) return answer_status(request.status(), applier);
  if (request.has_ha()) return answer_ha(request.ha(), applier);
  if (request.has_set()) return answer_set(request.set(), applier);
  if (request.has_config()) return answer_config(request.config(), peer, applier, reloader);
  control::Response response;
  if (request.has_alert()) {
    auto answer = applier.alert(request.alert(), *response.mutable_alert());
    if (!answer) return error_response(answer.error());
  } else {
    return error_response({"this control plane does not support the request"});
  }
  return response;
}

// `removal` has the VIPs of both configurations while one takes the place of the other.
template <typename Change>
void change_vips(VipRemoval& removal, const config::Config& next, Change&& change) {
  std::vector<Vip> vips = all_vips(next);
  removal.add(vips);
  change();
  removal.set(std::move(vips));
}

Reloader::Host reloader_host(Applier& applier, VipRemoval& removal) {
  return {
      .apply =
          [&](const config::ConfigPtr& next, auto done) {
            change_vips(removal, *next, [&] { applier.configure(next, std::move(done)); });
          },
      .restore =
          [&](const config::ConfigPtr& before, const std::string& overrides, auto done) {
            change_vips(removal, *before,
                        [&] { applier.restore(before, overrides, std::move(done)); });
          },
      .overrides = [&applier] { return changes_text(applier.inventory(), Now{}); },
      .ended_by =
          [&applier](const config::Config& next) { return ended_by(applier.inventory(), next); }};
}

void reload_at(boost::asio::signal_set& hangups, Reloader& reloader) {
  hangups.async_wait([&](boost::system::error_code error, int) {
    if (error) return;
    reloader.reload("SIGHUP");
    reload_at(hangups, reloader);
  });
}

// The end of the main loop: the first stop signal takes leave, for a limited time; the second one
// ends it at once.
class Leaving {
 public:
  Leaving(boost::asio::io_context& io, Applier& applier, StopSignals& stop)
      : io_(io), applier_(applier), stop_(stop), limit_(io) {
    stop_.listen([this](int) { boost::asio::post(io_, [this] { on_signal(); }); });
  }
  ~Leaving() { stop_.listen(nullptr); }
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;

  bool gave_up() const { return gave_up_; }

 private:
  void give_up() {
    log::error("stopping: gave up {}", waiting_for_);
    gave_up_ = true;
    io_.stop();
  }
  void on_signal() {
    if (std::exchange(begun_, true)) return give_up();
    log::info("stopping");
    const auto extra = applier_.stop_time();
    stop_.extend(extra);
    if (extra.count() != 0) notify_stop_takes(kServiceManagerLimit + extra);
    limit_.expires_after(kLeaveLimit + extra);
    limit_.async_wait([this](boost::system::error_code error) {
      if (!error) give_up();
    });
    applier_.leave(
        [this](const std::string& what) {
          waiting_for_ = what;
          stop_.step(what);
        },
        [this] { io_.stop(); });
  }

  boost::asio::io_context& io_;
  Applier& applier_;
  StopSignals& stop_;
  boost::asio::steady_timer limit_;
  std::string waiting_for_;
  bool begun_ = false;
  bool gave_up_ = false;
};

// A loop that hangs takes the VIPs along: as master of an HA instance it would keep them, and the
// peer takes over. The loop of the adverts must turn; the main one may be busy for a while.
void watch_loops(StopSignals& stop, const LoopBeat& main_loop, LoopBeat::Count failover) {
  constexpr std::chrono::milliseconds kLook{250};
  constexpr int kMainLooks = 240;     // a minute
  constexpr int kFailoverLooks = 16;  // four seconds
  std::optional<BeatWatch> failover_watch;
  if (failover) failover_watch.emplace(std::move(failover), kFailoverLooks);
  stop.watch(
      [main = BeatWatch(main_loop.count(), kMainLooks), failover_watch]() mutable -> std::string {
        if (failover_watch && failover_watch->hangs()) return "the failover loop";
        if (main.hangs()) return "the main loop";
        notify_alive();
        return {};
      },
      kLook);
}

// Every health check under way holds a socket; thousands of dead servers must not run into the
// usual soft limit of 1024.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log::warning("cannot raise the limit of open files; many health checks at a time may fail");
  }
}

int run(const std::string& path, std::string text, const config::ConfigPtr& config,
        StopSignals& stop) {
  raise_file_limit();
  const auto removal_opened = VipRemoval::open();
  if (!removal_opened) return fail_start(removal_opened.error());
  const std::shared_ptr<VipRemoval> removal = *removal_opened;
  removal->set(all_vips(*config));
  boost::asio::io_context io(1);
  const config::Director& director = config->director;
  FileWriter writer(io);
  Applier applier(io, writer, config);
  auto audit = AuditLog::open("lb-controlplane", director.audit_file);
  if (!audit) return fail_start(audit.error());
  Reloader reloader(io, {path, director.state_dir, config::Machine::here(), &*audit, &writer},
                    std::move(text), config, reloader_host(applier, *removal));
  Sockets sockets(io,
                  {director.run_dir, "controlplane", "lb-controlplane", director.admin_group,
                   director.read_group, ""},
                  *audit, action_of, [&](const control::Request& request, const api::Caller& peer) {
                    return answer(request, peer, applier, reloader);
                  });
  // First of all: the socket is in use when another control plane runs already.
  if (auto result = sockets.listen(); !result) return fail_start(result.error());
  const auto state_dir = StateDir::open(director.state_dir);
  if (!state_dir) return fail_start(state_dir.error());
  boost::asio::signal_set hangups(io, SIGHUP);
  reload_at(hangups, reloader);
  // Not before: until here the VIPs may be another process's.
  stop.at_limit([removal] { removal->run(); });
  Leaving leaving(io, applier, stop);
  if (auto result = applier.start(); !result) return fail_start(result.error());
  reloader.watch();
  const LoopBeat beat(io);
  watch_loops(stop, beat, applier.failover_beats());
  io.run();
  stop.watch(nullptr, {});
  stop.step("removing the VIPs");
  applier.stop();
  removal->run();  // those that the kernel would not remove
  sockets.close();
  stop.step("writing files");
  if (!writer.finish(kWriteLimit) || !audit->finish(kWriteLimit)) {
    log::error("stopping: gave up writing files: the disk hangs");
    log::finish(kLogLimit);
    // No destructor could end the thread that hangs.
    ::_exit(kExitGaveUp);
  }
  stop.step("the threads");
  return leaving.gave_up() ? kExitGaveUp : 0;
}

int main(int argc, char** argv) {
  // The log's reader may go away; and whoever started us may have ignored the ends of programs.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);
  StopSignals stop;
  std::string config_path;
  CLI::App app("Control plane of the Ballast load balancer", "lb-controlplane");
  app.add_option("--config", config_path, "configuration file")->required();
  app.set_version_flag("--version", "lb-controlplane " LB_RELEASE);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitMistake;
  }
  api::silence_protobuf();
  log::init("lb-controlplane", log::Level::kInfo, log::Delivery::kBackground);

  auto content = config::read_file(config_path);
  config::Loaded loaded = content
                              ? config::load_text(*content, config_path, config::Machine::here())
                              : config::load_file(config_path, config::Machine::here());
  if (!loaded.mistakes.empty()) {
    const std::string text = config::format_mistakes(config_path, loaded.mistakes);
    std::fputs(text.c_str(), stderr);
    return kExitMistake;
  }
  for (const std::string& line : learn(loaded.config)) log::warning("{}", line);
  return run(config_path, std::move(*content), config::seal(std::move(loaded.config)), stop);
}

}  // namespace
}  // namespace lb::controlplane

int main(int argc, char** argv) {
  return lb::controlplane::main(argc, argv);
}
