#include "controlplane/cli/show.h"

#include <fmt/format.h>

#include <ostream>
#include <thread>

#include "controlplane/cli/cli.h"
#include "controlplane/view/alerts.h"
#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/checks.h"
#include "controlplane/view/conn_table.h"
#include "controlplane/view/ha.h"
#include "controlplane/view/rates.h"
#include "controlplane/view/services.h"
#include "controlplane/view/sync.h"
#include "controlplane/view/workers.h"

namespace lb::cli {
namespace {

class Show {
 public:
  Show(const Options& options, const Daemons& daemons, std::ostream& out, std::ostream& err)
      : options_(options), daemons_(daemons), out_(out), err_(err) {}

  Result<void> run();

 private:
  template <typename Answer>
  Result<void> print(const Answer& answer) {
    out_ << (options_.json ? view::as_json(answer) : view::as_text(answer));
    return {};
  }
  template <typename Answer>
  Result<void> from_dataplane(Answer (*make)(const api::Stats&));
  template <typename Answer>
  Result<void> from_both(Answer (*make)(const api::Stats&, const api::control::Status*),
                         bool missed);
  Result<void> rates();
  Result<void> checks();
  Result<void> ha();
  Result<void> sync();
  Result<void> alerts();

  const Options& options_;
  const Daemons& daemons_;
  std::ostream& out_;
  std::ostream& err_;
};

template <typename Answer>
Result<void> Show::from_dataplane(Answer (*make)(const api::Stats&)) {
  auto client = daemons_.dataplane();
  if (!client) return tl::make_unexpected(client.error());
  const auto stats = ask_stats(*client);
  if (!stats) return tl::make_unexpected(stats.error());
  return print(make(*stats));
}

// `missed`: what the answer lacks without the control plane, printed on stderr.
template <typename Answer>
Result<void> Show::from_both(Answer (*make)(const api::Stats&, const api::control::Status*),
                             bool missed) {
  auto client = daemons_.dataplane();
  if (!client) return tl::make_unexpected(client.error());
  const auto stats = ask_stats(*client);
  if (!stats) return tl::make_unexpected(stats.error());
  const auto status =
      daemons_.controlplane().and_then([](ControlClient&& control) { return ask_status(control); });
  if (!status && missed) {
    err_ << "lbcli: " << status.error().message << "; the health is unknown\n";
  }
  return print(make(*stats, status ? &*status : nullptr));
}

// `show lcore`: only the workers. A connection for each sample: the time between two may be longer
// than the data plane keeps one that is idle.
Result<void> Show::rates() {
  const auto sample = [this]() -> Result<api::Stats> {
    auto client = daemons_.dataplane();
    if (!client) return tl::make_unexpected(client.error());
    return ask_stats(*client);
  };
  auto before = sample();
  if (!before) return tl::make_unexpected(before.error());
  for (std::uint64_t shown = 0; options_.count == 0 || shown < options_.count;) {
    std::this_thread::sleep_for(options_.interval);
    auto now = sample();
    if (!now) return tl::make_unexpected(now.error());
    if (const auto rates = view::rates_between(*before, *now)) {
      if (shown > 0 && !options_.json) out_ << '\n';
      if (options_.command == Command::kShowLcore) {
        print(view::worker_rates_of(*rates));
      } else {
        print(*rates);
      }
      out_.flush();
      if (!out_) return {};
      ++shown;
    }
    before = std::move(now);
  }
  return {};
}

Result<void> Show::checks() {
  auto client = daemons_.controlplane();
  if (!client) return tl::make_unexpected(client.error());
  const auto status = ask_status(*client, true);
  if (!status) return tl::make_unexpected(status.error());
  return print(view::checks_of(*status));
}

Result<void> Show::ha() {
  auto client = daemons_.controlplane();
  if (!client) return tl::make_unexpected(client.error());
  const auto status = ask_status(*client);
  if (!status) return tl::make_unexpected(status.error());
  if (!status->has_ha()) return fail("no [[ha.instance]] is configured");
  return print(view::ha_of(*status));
}

Result<void> Show::sync() {
  auto client = daemons_.controlplane();
  if (!client) return tl::make_unexpected(client.error());
  const auto status = ask_status(*client);
  if (!status) return tl::make_unexpected(status.error());
  if (!status->has_sync()) return fail("no [ha.sync] is configured");
  return print(view::sync_of(*status));
}

Result<void> Show::alerts() {
  auto client = daemons_.controlplane();
  if (!client) return tl::make_unexpected(client.error());
  api::control::Request request;
  request.mutable_alert();
  const auto answer = client->call(std::move(request));
  if (!answer) return tl::make_unexpected(answer.error());
  const view::Alerts alerts = view::alerts_of(answer->alert());
  if (!alerts.mail && !alerts.script) {
    return fail("neither [alert.mail] nor a script in [alert] is configured");
  }
  return print(alerts);
}

Result<void> Show::run() {
  switch (options_.command) {
    case Command::kShowService:
      return from_both(view::services_of, false);
    case Command::kShowRs:
      return from_both(view::real_servers_of, true);
    case Command::kShowCheck:
      return checks();
    case Command::kShowPort:
      return from_dataplane(view::ports_of);
    case Command::kShowLcore:
      return options_.rate ? rates() : from_dataplane(view::workers_of);
    case Command::kShowStats:
      return options_.rate ? rates() : from_dataplane(view::statistics_of);
    case Command::kShowDrops:
      return from_dataplane(view::drops_of);
    case Command::kShowPunt:
      return from_dataplane(view::punts_of);
    case Command::kShowTable:
      return from_dataplane(view::conn_table_of);
    case Command::kShowHa:
      return ha();
    case Command::kShowSync:
      return sync();
    case Command::kShowAlert:
      return alerts();
    default:
      return wrong_request("unknown command");
  }
}

}  // namespace

Result<void> show(const Options& options, const Daemons& daemons, std::ostream& out,
                  std::ostream& err) {
  return Show(options, daemons, out, err).run();
}

}  // namespace lb::cli
