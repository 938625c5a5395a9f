// Field tables of HA groups and instances, the peer and the last switchover.
#pragma once

#include "controlplane/view/field.h"
#include "controlplane/view/ha.h"

namespace lb::view {

std::string priority_cell(const HaInstanceRow& row);  // "150 - 20 (script chk_haproxy) = 130"
std::string master_cell(const HaInstanceRow& row);    // "192.0.2.2 (40ms ago)", "here"
std::string addresses_cell(const HaInstanceRow& row);
std::string last_run_cell(const HaResourceRow& row);  // "2026-... monitor: OK"

constexpr auto fields(const HaGroupRow*) {
  return std::tuple(
      field("name", &HaGroupRow::name, "Name of the sync group, or of an instance without one."),
      field("state", &HaGroupRow::state, "`MASTER`, `BACKUP`, `FAULT` or `INIT`."),
      field("since_ms", &HaGroupRow::since_ms, "Time in this state.", {.unit = "ms"}),
      field("reason", &HaGroupRow::reason, "Reason of the last transition."),
      field("frozen", &HaGroupRow::frozen, "Whether `lbcli ha freeze` forbids transitions."),
      field("held", &HaGroupRow::held,
            "Whether it gave mastership away and waits until the new master is gone."),
      field("gate", &HaGroupRow::gate,
            "Why a master of lower priority is not preempted; empty: it is."),
      field("health", &HaGroupRow::health, "Ports that work."),
      field("peer_holds", &HaGroupRow::peer_holds,
            "Whether no adverts come, but the peer reports over the sync link that it is master."),
      field("peer_state", &HaGroupRow::peer_state,
            "State of the peer's group, by the sync link; empty: not known."),
      field("peer_health", &HaGroupRow::peer_health, "Ports of the peer that work."),
      field("peer_priority", &HaGroupRow::peer_priority, "The peer's priority."),
      field("peer_without_adverts", &HaGroupRow::peer_without_adverts,
            "Instances on which the peer is standby and receives no adverts."));
}

constexpr auto fields(const HaTermRow*) {
  return std::tuple(field("what", &HaTermRow::what, "What is tracked."),
                    field("failing", &HaTermRow::failing, "Whether it fails."),
                    field("weight", &HaTermRow::weight, "Its weight."),
                    field("adds", &HaTermRow::adds, "What it adds to the priority now."));
}

constexpr auto fields(const UnknownRouterRow*) {
  return std::tuple(
      field("address", &UnknownRouterRow::address, "Source of its adverts."),
      field("mac", &UnknownRouterRow::mac,
            "The MAC address that they came from; empty: not known."),
      field("priority", &UnknownRouterRow::priority, "That of its last advert."),
      field("heard_ms", &UnknownRouterRow::heard_ms, "Age of that advert.", {.unit = "ms"}));
}

constexpr auto fields(const HaInstanceRow*) {
  return std::tuple(
      field("name", &HaInstanceRow::name, "Name of the instance.", {.heading = "Instance"}),
      field("group", &HaInstanceRow::group, "Name of its group, see `groups`."),
      field("state", &HaInstanceRow::state, "State of its group."),
      field("interface", &HaInstanceRow::interface, "The interface of its adverts.",
            {.heading = "Interface"}),
      field("virtual_router_id", &HaInstanceRow::virtual_router_id, "Its VRID.",
            {.heading = "VRID"}),
      field("version", &HaInstanceRow::version, "Version of VRRP.", {.heading = "Version"}),
      field("base_priority", &HaInstanceRow::base_priority, "As it is configured."),
      field("priority", &HaInstanceRow::priority, "With what is tracked.",
            {.heading = "Priority", .cell = priority_cell, .align = Align::kLeft}),
      field("terms", &HaInstanceRow::terms, "What is tracked."),
      field("fault", &HaInstanceRow::fault, "Why it cannot be master; empty: it can."),
      field("master", &HaInstanceRow::master,
            "Who sent the last advert that was received; empty: nobody.",
            {.heading = "Master", .cell = master_cell}),
      field("heard_ms", &HaInstanceRow::heard_ms, "Age of that advert.", {.unit = "ms"}),
      field("sent_adverts", &HaInstanceRow::sent_adverts, "Adverts that were sent.",
            {.counter = true, .heading = "Sent"}),
      field("send_errors", &HaInstanceRow::send_errors, "Adverts that could not be sent.",
            {.counter = true}),
      field("received_adverts", &HaInstanceRow::received_adverts, "Adverts that were received.",
            {.counter = true, .heading = "Received"}),
      field("late_adverts", &HaInstanceRow::late_adverts,
            "Adverts of a master that came later than `warn_after`, and before the takeover.",
            {.counter = true}),
      field("latest_ms", &HaInstanceRow::latest_ms,
            "The longest time from one advert to a late one.", {.unit = "ms"}),
      field("rejected_adverts", &HaInstanceRow::rejected_adverts,
            "Adverts that were refused, by reason; reasons at 0 are left out."),
      field("unknown_router", &HaInstanceRow::unknown_router,
            "The last router that sent adverts and may not take part; absent: none."),
      field("addresses", &HaInstanceRow::addresses, "Its addresses, as they are configured.",
            {.heading = "Addresses", .cell = addresses_cell}));
}

constexpr auto fields(const HaResourceRow*) {
  return std::tuple(
      field("name", &HaResourceRow::name, "Name of the resource.", {.heading = "Resource"}),
      field("instance", &HaResourceRow::instance, "The instance that it follows.",
            {.heading = "Instance"}),
      field("state", &HaResourceRow::state,
            "`stopped`, `waiting for the peer`, `starting`, `running`, `stopping`, `failed`, `stop "
            "failed`, or `unknown` at the start of the control plane.",
            {.heading = "State"}),
      field("restarts", &HaResourceRow::restarts,
            "Restarts because its monitor failed, since the start of the control plane.",
            {.counter = true, .heading = "Restarts"}),
      field("failure", &HaResourceRow::failure,
            "Why it is not started again; empty: it did not fail."),
      field("last_step", &HaResourceRow::last_step,
            "What was run last: `start`, `stop` or `monitor`; empty: nothing yet.",
            {.heading = "Last result", .cell = last_run_cell}),
      field("last_error", &HaResourceRow::last_error, "How that failed; empty: it was good."),
      field("last_unix_ms", &HaResourceRow::last_unix_ms, "When it ended, since 1970 in UTC.",
            {.unit = "ms"}));
}

constexpr auto fields(const HaEventRow*) {
  return std::tuple(
      field("unix_ms", &HaEventRow::unix_ms, "When, since 1970 in UTC.", {.unit = "ms"}),
      field("instance", &HaEventRow::instance, "Name of the instance."),
      field("from", &HaEventRow::from, "State before."),
      field("to", &HaEventRow::to, "State after."), field("reason", &HaEventRow::reason, "Why."));
}

constexpr auto fields(const HaPeer*) {
  return std::tuple(
      field("director", &HaPeer::director, "Name of the peer; empty: no heartbeat yet."),
      field("release", &HaPeer::release, "Its release."),
      field("connected", &HaPeer::connected, "Whether the sync link is up."),
      field("alive", &HaPeer::alive, "Whether heartbeats arrive."),
      field("heard_ms", &HaPeer::heard_ms, "Age of the last heartbeat.", {.unit = "ms"}),
      field("late_heartbeats", &HaPeer::late_heartbeats,
            "Heartbeats that came later than `warn_after` of `[ha.sync]`.", {.counter = true}),
      field("latest_ms", &HaPeer::latest_ms, "The longest time from one heartbeat to a late one.",
            {.unit = "ms"}),
      field("compared", &HaPeer::compared, "Whether the two configurations were compared."),
      field("differences", &HaPeer::differences, "Services that are configured differently."));
}

constexpr auto fields(const Handover*) {
  return std::tuple(field("group", &Handover::group, "Name of the group."),
                    field("done", &Handover::done, "Whether the peer is master."),
                    field("failed", &Handover::failed, "Whether it failed."),
                    field("text", &Handover::text, "Its result."),
                    field("took_ms", &Handover::took_ms,
                          "From the command to the peer's mastership.", {.unit = "ms"}));
}

constexpr auto fields(const Ha*) {
  return std::tuple(
      field("groups", &Ha::groups, "Sync groups, and instances without one."),
      field("instances", &Ha::instances, "All instances."),
      field("resources", &Ha::resources,
            "Programs that run where the addresses are, in the order of their start."),
      field("events", &Ha::events, "The last transitions, oldest first."),
      field("peer", &Ha::peer, "The other director; left out without `[ha.sync]`.",
            {.without = Without::kLeftOut}),
      field("handover", &Ha::handover,
            "The last switchover that was begun here; left out: there was none.",
            {.without = Without::kLeftOut}));
}

}  // namespace lb::view
