#include "dataplane/control/daemon.h"

#include <signal.h>
#include <sys/prctl.h>
#include <systemd/sd-daemon.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <utility>

#include "config/base/log_limit.h"
#include "dataplane/api/error_codec.h"
#include "dataplane/api/sockets.h"
#include "dataplane/control/actions.h"
#include "dataplane/control/receive.h"
#include "dataplane/control/syn_proxy_watch.h"
#include "dataplane/lcore/device.h"
#include "dataplane/lcore/host_interface.h"

namespace lb {

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kAuditLimit{1'000};  // for the last lines

// Calls `work` at a steady pace on the event loop for as long as it lives.
class Repeat {
 public:
  Repeat(asio::io_context& context, milliseconds every, std::function<void()> work)
      : timer_(context), every_(every), work_(std::move(work)) {
    again();
  }

 private:
  void again() {
    timer_.expires_after(every_);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      work_();
      again();
    });
  }

  asio::steady_timer timer_;
  const milliseconds every_;
  const std::function<void()> work_;
};

// Says when a port loses or finds its link, to the log and to the kernel.
class LinkWatch {
 public:
  explicit LinkWatch(Runtime& runtime)
      : runtime_(runtime), ports_(runtime.ports()), watched_(ports_.list().size()) {}

  void look() {
    for (std::size_t i = 0; i < watched_.size(); ++i) {
      Watched& port = watched_[i];
      const PortLink link = ports_.link(i);
      const bool up = link == PortLink::kUp;
      runtime_.set_link(i, up);
      const bool is_new = std::exchange(port.link, link) != link;
      if (is_new) report(ports_.list()[i].options, link);
      if (port.carrier == up) continue;
      // When the kernel refuses, it is tried again at the next look.
      const std::string& name = ports_.list()[i].options.name;
      if (set_carrier(name, up)) {
        port.carrier = up;
        limit_.forget("carrier", name);
      } else if (is_new) {
        limit_.write(log::Level::kWarning, "carrier", name,
                     "port {}: the kernel does not accept that the link of {} is {}", name, name,
                     up ? "up" : "down");
      }
    }
  }

 private:
  struct Watched {
    PortLink link = PortLink::kUp;
    bool carrier = true;  // of the kernel interface
  };

  void report(const PortOptions& port, PortLink link) {
    const std::string interface = interface_of(port.device);
    switch (link) {
      case PortLink::kUp:
        return limit_.write(log::Level::kInfo, "link", port.name, "port {}: link is up", port.name);
      case PortLink::kDown:
        return limit_.write(log::Level::kWarning, "link", port.name,
                            "port {}: link is down; check the cable or the other end", port.name);
      case PortLink::kGone:
        return limit_.write(
            log::Level::kError, "link", port.name,
            "port {}: interface {} is gone; when it is there again, restart lb-dataplane",
            port.name, interface);
      case PortLink::kReplaced:
        return limit_.write(
            log::Level::kError, "link", port.name,
            "port {}: interface {} was made anew and is not used; restart lb-dataplane", port.name,
            interface);
    }
  }

  Runtime& runtime_;
  const Ports& ports_;
  std::vector<Watched> watched_;
  LogLimit limit_{10};
};

// Keeps the service manager's watchdog quiet as long as every worker goes round its loop.
class Heartbeat {
 public:
  explicit Heartbeat(const Runtime& runtime)
      : runtime_(runtime), polls_(runtime.counters().size(), 0) {}

  void beat() {
    bool alive = true;
    for (std::size_t w = 0; w < polls_.size(); ++w) {
      const std::uint64_t polls = runtime_.counters()[w]->polls.get();
      alive &= polls != polls_[w];
      polls_[w] = polls;
    }
    if (alive) sd_notify(0, "WATCHDOG=1");
  }

 private:
  const Runtime& runtime_;
  std::vector<std::uint64_t> polls_;
};

// What the API's socket needs before there is a runtime to answer.
DataplaneServer::Answer not_ready(const api::Request& /*request*/) {
  return api::error_response<api::Response>(
      {"lb-dataplane is still starting", ErrorKind::kUnreachable});
}

}  // namespace

Result<void> run_dataplane(const DaemonOptions& options, StopSignals& stop) {
  prctl(PR_SET_NAME, "lb-dataplane", 0UL, 0UL, 0UL);
  ::signal(SIGHUP, SIG_IGN);
  // A port's device may be net_tap, which gets a queued signal for packets; when the queue is full
  // the kernel sends this one instead, which would end the process.
  ::signal(SIGIO, SIG_IGN);

  auto audit = AuditLog::open("lb-dataplane", options.audit_file);
  if (!audit) return tl::make_unexpected(audit.error());

  // The socket first: it fails at once if another data plane runs here.
  asio::io_context context(1);
  std::function<DataplaneServer::Answer(const api::Request&)> handler = not_ready;
  api::Sockets<api::Request, api::Response> sockets(
      context,
      {options.run_dir, "dataplane", "lb-dataplane", options.admin_group, options.read_group,
       "lb-controlplane"},
      *audit, action_of,
      [&handler](const api::Request& request, const api::Caller&) { return handler(request); });
  if (auto listening = sockets.listen(); !listening) return listening;

  restore_host_interfaces(options.run_dir);  // after a kill
  stop.at_limit([run_dir = options.run_dir] { restore_host_interfaces(run_dir); });
  auto created = Runtime::create(options.runtime);
  if (!created) return tl::make_unexpected(created.error());
  Runtime& runtime = **created;
  Totals totals(runtime.counters());
  Transactions transactions(runtime.port_infos(), totals, runtime);
  Receiver receiver(runtime, transactions, totals);
  handler = [&receiver](const api::Request& request) { return receiver.receive(request); };
  if (auto started = runtime.start(); !started) return started;

  stop.listen([&context](int number) {
    log::info("stopping: {}", strsignal(number));
    context.stop();
  });
  LinkWatch links(runtime);
  SynProxyWatch syn_proxies;
  Heartbeat heartbeat(runtime);
  const Repeat often(context, milliseconds(100), [&] {
    runtime.reclaim();
    runtime.step_syn_secrets();
    syn_proxies.look(runtime.current(), runtime.load(), runtime.now_tick());
    links.look();
    runtime.follow_groups();
  });
  const Repeat retire(context, milliseconds(1000), [&] { transactions.retire_unused(); });
  std::uint64_t watchdog_us = 0;
  std::optional<Repeat> watchdog;
  if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
    watchdog.emplace(context, milliseconds(watchdog_us / 2000), [&] { heartbeat.beat(); });
  }

  sd_notify(0, "READY=1");
  log::info("ready: {} port{}, API on {}/dataplane.sock", options.runtime.ports.size(),
            options.runtime.ports.size() == 1 ? "" : "s", options.run_dir);
  context.run();
  stop.listen(nullptr);
  sd_notify(0, "STOPPING=1");
  sockets.close();
  stop.step("the audit log");
  if (!audit->finish(kAuditLimit))
    log::error("stopping: the audit file lacks lines: the disk hangs");
  stop.step("the workers");
  runtime.stop();
  stop.step("closing the ports");
  return {};
}

}  // namespace lb
