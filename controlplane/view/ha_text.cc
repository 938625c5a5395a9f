// `show ha`.
#include <fmt/format.h>

#include <cstdlib>

#include "config/base/printable.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/format.h"
#include "controlplane/view/ha_fields.h"
#include "controlplane/view/table.h"

namespace lb::view {
namespace {

std::string group_notes(const HaGroupRow& group, std::size_t instances) {
  std::string text;
  if (!group.peer_state.empty()) {
    text += fmt::format("  the peer: {}, priority {}, {} working port{} (here {})\n",
                        group.peer_state, group.peer_priority, group.peer_health,
                        group.peer_health == 1 ? "" : "s", group.health);
  }
  if (group.peer_without_adverts != 0) {
    text += fmt::format("  the peer receives no adverts on {} of its {} instances\n",
                        group.peer_without_adverts, instances);
  }
  if (group.frozen) text += "  frozen: no transitions until `lbcli ha thaw`\n";
  if (group.held) text += "  held: gave mastership away, waits until the new master is gone\n";
  if (!group.gate.empty() && group.state != "MASTER") {
    text += fmt::format("  gate closed: {}\n", printable(group.gate));
  }
  if (group.peer_holds) {
    text +=
        "  no adverts are received, but the peer reports over the sync link that it is master\n";
  }
  return text;
}

std::string adverts_text(std::uint64_t count) {
  return fmt::format("{} advert{}", count, count == 1 ? "" : "s");
}

std::string instances_text(const std::vector<HaInstanceRow>& instances) {
  Columns columns = table_of<HaInstanceRow>();
  std::string notes;
  for (const HaInstanceRow& instance : instances) {
    columns.row(cells_of(instance));
    if (!instance.fault.empty())
      notes += fmt::format("  {}: {}\n", instance.name, printable(instance.fault));
    if (instance.late_adverts != 0) {
      notes += fmt::format("  {}: {} came late, at most {} ms after the one before\n",
                           instance.name, adverts_text(instance.late_adverts), instance.latest_ms);
    }
    for (const CountRow& reject : instance.rejected_adverts) {
      notes += fmt::format("  {}: {} refused: {}\n", instance.name, adverts_text(reject.count),
                           reject.description);
    }
    if (const auto& router = instance.unknown_router) {
      notes += fmt::format(
          "  {}: unknown VRRP router {} ({}) claims VRID {} with priority {}, {} ago\n",
          instance.name, router->address, router->mac.empty() ? "unknown MAC" : router->mac,
          instance.virtual_router_id, router->priority, age_text(router->heard_ms));
    }
  }
  return columns.text(2) + notes;
}

std::string resources_text(const std::vector<HaResourceRow>& resources) {
  if (resources.empty()) return {};
  Columns columns = table_of<HaResourceRow>();
  std::string notes;
  for (const HaResourceRow& resource : resources) {
    columns.row(cells_of(resource));
    if (!resource.failure.empty()) {
      notes += fmt::format("  {}: {}; see `lbcli ha retry`\n", resource.name,
                           printable(resource.failure));
    }
  }
  return "Resources:\n" + columns.text(2) + notes;
}

std::string peer_text(const HaPeer& peer) {
  if (peer.director.empty()) return "Peer: no heartbeat received yet\n";
  const std::string age = age_text(peer.heard_ms);
  std::string text =
      fmt::format("Peer: {} (release {}), {}\n", printable(peer.director), printable(peer.release),
                  peer.alive       ? "alive on the sync link"
                  : peer.connected ? "silent for " + age
                                   : "not connected, last heartbeat " + age + " ago");
  if (peer.late_heartbeats != 0) {
    text += fmt::format("  {} heartbeat{} came late, at most {} ms after the one before\n",
                        peer.late_heartbeats, peer.late_heartbeats == 1 ? "" : "s", peer.latest_ms);
  }
  for (const std::string& difference : peer.differences) {
    text += "  configured differently: " + printable(difference) + "\n";
  }
  return text;
}

}  // namespace

std::string priority_cell(const HaInstanceRow& row) {
  std::string text = std::to_string(row.base_priority);
  bool any = false;
  for (const HaTermRow& term : row.terms) {
    if (term.adds == 0) continue;
    text += fmt::format(" {} {} ({})", term.adds < 0 ? "-" : "+", std::abs(term.adds), term.what);
    any = true;
  }
  return any ? fmt::format("{} = {}", text, row.priority) : text;
}

std::string master_cell(const HaInstanceRow& row) {
  if (row.state == "MASTER") return "here";
  return row.master.empty() ? "-" : fmt::format("{} ({} ago)", row.master, age_text(row.heard_ms));
}

std::string addresses_cell(const HaInstanceRow& row) {
  return joined(row.addresses, " ");
}

std::string last_run_cell(const HaResourceRow& row) {
  if (row.last_step.empty()) return "-";
  return fmt::format("{} {}: {}", time_text(row.last_unix_ms), row.last_step,
                     row.last_error.empty() ? "OK" : printable(row.last_error));
}

std::string as_text(const Ha& answer) {
  std::string text;
  for (const HaGroupRow& group : answer.groups) {
    std::vector<HaInstanceRow> instances;
    for (const HaInstanceRow& instance : answer.instances) {
      if (instance.group == group.name) instances.push_back(instance);
    }
    text += fmt::format("{}: {} for {}: {}\n", group.name, group.state, age_text(group.since_ms),
                        printable(group.reason));
    text += group_notes(group, instances.size()) + instances_text(instances);
  }
  text += resources_text(answer.resources);
  if (answer.peer) text += peer_text(*answer.peer);
  if (answer.handover) {
    text += fmt::format("Last switchover of {}: {}\n", answer.handover->group,
                        as_text(*answer.handover));
  }
  if (!answer.events.empty()) text += "Transitions:\n";
  for (const HaEventRow& event : answer.events) {
    text += fmt::format("  {}  {}: {} -> {}: {}\n", time_text(event.unix_ms), event.instance,
                        event.from, event.to, printable(event.reason));
  }
  return text;
}

std::string as_text(const Handover& handover) {
  if (!handover.done && !handover.failed) return "under way";
  return fmt::format("{} after {} ms", printable(handover.text), handover.took_ms);
}

}  // namespace lb::view
