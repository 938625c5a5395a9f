// Any bytes as answers of the daemons to lbcli: every list can be made of them, its JSON is JSON
// whatever stands in it, and its text has printable characters and line ends alone.
//
// Input: what is shown, then messages of its kind.
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "config/base/printable.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/safe_output.h"
#include "controlplane/view/alerts.h"
#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/checks.h"
#include "controlplane/view/conn_table.h"
#include "controlplane/view/conns.h"
#include "controlplane/view/ha.h"
#include "controlplane/view/rates.h"
#include "controlplane/view/services.h"
#include "controlplane/view/sync.h"
#include "controlplane/view/workers.h"
#include "dataplane/api/dataplane.pb.h"
#include "tests/fuzz/messages.h"
#include "tests/fuzz/quiet.h"

namespace {

namespace view = lb::view;
using lb::api::Stats;
using lb::api::control::Status;
using lb::fuzz::next_message;

const lb::fuzz::Quiet kQuiet;

void check_text(const std::string& text) {
  std::ostringstream out;
  lb::cli::SafeOutput(out) << text;
  const std::string shown = out.str();
  for (std::string_view rest = shown; !rest.empty();) {
    const lb::Character next = lb::first_character(rest);
    LB_FUZZ_CHECK(next.is_valid &&
                  (lb::is_printable(next.code) || next.code == '\n' || next.code == '\t'));
    rest.remove_prefix(next.bytes);
  }
}

void check_json(const std::string& json) {
  LB_FUZZ_CHECK(nlohmann::json::accept(json));
  check_text(json);
}

template <typename Answer>
void show(const Answer& answer) {
  check_json(view::as_json(answer));
  check_text(view::as_text(answer));
}

template <typename Row>
void show_row(const Row& row) {
  std::string json;
  view::append_json(row, json);
  check_json(json);
  std::string text;
  view::append_text(row, text);
  check_text(text);
}

// One list of each input: all of them would be slow.
void show_stats(unsigned which, const Stats& stats, const Status* status) {
  switch (which % 8) {
    case 0:
      return show(view::services_of(stats, status));
    case 1:
      return show(view::real_servers_of(stats, status));
    case 2:
      return show(view::statistics_of(stats));
    case 3:
      return show(view::workers_of(stats));
    case 4:
      return show(view::ports_of(stats));
    case 5:
      return show(view::drops_of(stats));
    case 6:
      return show(view::punts_of(stats));
    default:
      return show(view::conn_table_of(stats));
  }
}

void show_rates(const Stats& before, const Stats& now) {
  const auto rates = view::rates_between(before, now);
  if (!rates) return;
  show(*rates);
  show(view::worker_rates_of(*rates));
}

void show_status(const Status& status) {
  show(view::checks_of(status));
  if (status.has_ha()) {
    show(view::ha_of(status));
    check_text(view::as_text(view::handover_of(status.ha().handover())));
  }
  if (status.has_sync()) show(view::sync_of(status));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::fuzz::Input input(data, size);
  const std::uint8_t choice = input.byte();
  Stats stats, later;
  Status status;
  lb::api::Conn conn;
  lb::api::PersistenceEntry entry;
  lb::api::control::AlertStatus alerts;
  switch (choice % 6) {
    case 0:
      if (next_message(input, stats)) {
        show_stats(choice / 6, stats, next_message(input, status) ? &status : nullptr);
      }
      break;
    case 1:
      if (next_message(input, stats) && next_message(input, later)) show_rates(stats, later);
      break;
    case 2:
      if (next_message(input, status)) show_status(status);
      break;
    case 3:
      while (next_message(input, conn)) show_row(view::conn_of(conn));
      break;
    case 4:
      while (next_message(input, entry)) show_row(view::persistence_of(entry));
      break;
    default:
      if (next_message(input, alerts)) show(view::alerts_of(alerts));
  }
  return 0;
}
