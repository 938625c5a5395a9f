// Field tables of health checks and the panic guard.
#pragma once

#include "controlplane/view/checks.h"
#include "controlplane/view/field.h"

namespace lb::view {

std::string check_target_cell(const CheckRow& row);
std::string check_since_cell(const CheckRow& row);
std::string check_changes_cell(const CheckRow& row);
std::string check_up_time_cell(const CheckRow& row);  // "75.00%"
std::string check_last_cell(const CheckRow& row);
std::string check_next_cell(const CheckRow& row);      // "in 1s", "runs"
std::string check_services_cell(const CheckRow& row);  // "shop and 1 more"
std::string check_result_cell(const CheckRow& row);

constexpr auto fields(const CheckTargetRow*) {
  return std::tuple(
      field("service", &CheckTargetRow::service, "Name of the service."),
      field("address", &CheckTargetRow::address, "Address of the real server."),
      field("port", &CheckTargetRow::port, "Its port."),
      field("up", &CheckTargetRow::up,
            "Whether the check passes for it and its agent does not object."),
      field("held", &CheckTargetRow::held,
            "Whether the panic guard keeps it in service though the check fails."),
      field("since_ms", &CheckTargetRow::since_ms, "Time in this state.", {.unit = "ms"}),
      field("transitions", &CheckTargetRow::transitions, "How often it changed.",
            {.counter = true}),
      field("up_ms", &CheckTargetRow::up_ms, "Time up, of `known_ms`.", {.unit = "ms"}),
      field("known_ms", &CheckTargetRow::known_ms, "Time since its first check.", {.unit = "ms"}));
}

constexpr auto fields(const CheckRow*) {
  return std::tuple(
      field("address", &CheckRow::address, "The address that is checked.",
            {.heading = "Target", .cell = check_target_cell}),
      field("port", &CheckRow::port, "The port that is checked."),
      field("check", &CheckRow::check, "Type of the check.", {.heading = "Check"}),
      field("state", &CheckRow::state,
            "`up`, `down`, `held`, or `1 of 2 up`: each target counts for itself.",
            {.heading = "State"}),
      column("Since", check_since_cell, Align::kRight),
      column("Changes", check_changes_cell, Align::kRight),
      column("UpTime", check_up_time_cell, Align::kRight),
      field("last_ms", &CheckRow::last_ms, "Age of the last result; null: none yet.",
            {.unit = "ms", .heading = "Last", .cell = check_last_cell}),
      field("next_ms", &CheckRow::next_ms, "Time until it runs again; null: it runs, or will not.",
            {.unit = "ms", .heading = "Next", .cell = check_next_cell}),
      field("running", &CheckRow::running, "Whether it runs now."),
      column("Services", check_services_cell),
      field("last_result", &CheckRow::last_result, "The last result; empty: none yet.",
            {.heading = "LastResult", .cell = check_result_cell}),
      field("targets", &CheckRow::targets, "The real servers of services that use its result."));
}

constexpr auto fields(const PanicHold*) {
  return std::tuple(
      field("since_ms", &PanicHold::since_ms, "While it holds: how long.", {.unit = "ms"}),
      field("failing", &PanicHold::failing, "While it holds: checks that fail."),
      field("all", &PanicHold::all, "While it holds: checks that count, good and failing."),
      field("peer", &PanicHold::peer,
            "While it holds: what the HA peer says of those that fail; null: not known."));
}

constexpr auto fields(const PanicGuard*) {
  return std::tuple(
      field("threshold", &PanicGuard::threshold,
            "Share of failing checks above which it begins to hold.", {.unit = "percent"}),
      field("times", &PanicGuard::times, "How often it began to hold.", {.counter = true}),
      field("holds", &PanicGuard::holds, "Whether it keeps servers in service now."),
      inlined(&PanicGuard::hold));
}

constexpr auto fields(const Checks*) {
  return std::tuple(field("panic", &Checks::panic, "The panic guard; null: none is configured."),
                    field("checks", &Checks::checks, "Each distinct check once."));
}

}  // namespace lb::view
