// `show ha` and `show sync`: the control plane's view of the pair.
#include <fmt/format.h>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/format.h"
#include "controlplane/cli/json.h"
#include "controlplane/cli/show.h"

namespace lb::cli {
namespace {

namespace control = api::control;

// "150 - 20 (script chk_haproxy) = 130"
std::string priority_text(const control::HaInstance& instance) {
  std::string text = std::to_string(instance.base_priority());
  bool any = false;
  for (const control::HaTerm& term : instance.terms()) {
    if (term.adds() == 0) continue;
    text +=
        fmt::format(" {} {} ({})", term.adds() < 0 ? "-" : "+", std::abs(term.adds()), term.what());
    any = true;
  }
  return any ? fmt::format("{} = {}", text, instance.priority()) : text;
}

std::string group_notes(const control::HaGroup& group) {
  std::string text;
  if (group.frozen()) text += "  frozen: no transitions until `lbcli ha thaw`\n";
  if (group.held()) text += "  held: gave mastership away, waits until the new master is gone\n";
  if (!group.gate().empty() && group.state() != "MASTER") {
    text += fmt::format("  gate closed: {}\n", group.gate());
  }
  if (group.peer_holds()) {
    text += "  no adverts are heard, but the peer says over the sync link that it is master\n";
  }
  return text;
}

Json counts_json(const google::protobuf::RepeatedPtrField<control::Count>& counts) {
  Json all = Json::array();
  for (const control::Count& count : counts) {
    all.push_back(
        {{"name", count.name()}, {"count", count.count()}, {"description", count.description()}});
  }
  return all;
}

std::string instances_text(const control::HaGroup& group) {
  using enum Columns::Align;
  Columns columns({kLeft, kLeft, kRight, kRight, kLeft, kLeft, kRight, kRight, kLeft});
  columns.row({"  Instance", "Interface", "VRID", "Version", "Priority", "Master", "Sent",
               "Received", "Addresses"});
  for (const control::HaInstance& instance : group.instances()) {
    std::string addresses;
    for (const std::string& address : instance.addresses()) {
      addresses += (addresses.empty() ? "" : " ") + address;
    }
    const std::string master = group.state() == "MASTER" ? "here"
                               : instance.master().empty()
                                   ? "-"
                                   : fmt::format("{} ({} ago)", address_text(instance.master()),
                                                 age_text(instance.heard_ms()));
    columns.row({"  " + instance.name(), instance.interface(),
                 std::to_string(instance.virtual_router_id()), std::to_string(instance.version()),
                 priority_text(instance), master, std::to_string(instance.sent()),
                 std::to_string(instance.received()), addresses});
  }
  std::string text = columns.text();
  for (const control::HaInstance& instance : group.instances()) {
    if (!instance.fault().empty()) {
      text += fmt::format("  {}: {}\n", instance.name(), instance.fault());
    }
    for (const control::Count& reject : instance.rejects()) {
      text += fmt::format("  {}: {} adverts refused: {}\n", instance.name(), reject.count(),
                          reject.description());
    }
  }
  return text;
}

std::string peer_text(const control::HaPeer& peer) {
  if (peer.director().empty()) return "Peer: never heard over the sync link\n";
  std::string text =
      fmt::format("Peer: {} (release {}), {}\n", peer.director(), peer.release(),
                  peer.alive() ? "alive on the sync link"
                  : peer.connected()
                      ? fmt::format("silent for {}", age_text(peer.heard_ms()))
                      : fmt::format("not connected, last heard {} ago", age_text(peer.heard_ms())));
  for (const std::string& difference : peer.differences()) {
    text += "  configured differently: " + difference + "\n";
  }
  return text;
}

Json instance_json(const control::HaGroup& group, const control::HaInstance& instance) {
  Json terms = Json::array();
  for (const control::HaTerm& term : instance.terms()) {
    terms.push_back({{"what", term.what()},
                     {"failing", term.failing()},
                     {"weight", term.weight()},
                     {"adds", term.adds()}});
  }
  return {{"name", instance.name()},
          {"group", group.name()},
          {"state", group.state()},
          {"interface", instance.interface()},
          {"virtual_router_id", instance.virtual_router_id()},
          {"version", instance.version()},
          {"base_priority", instance.base_priority()},
          {"priority", instance.priority()},
          {"terms", std::move(terms)},
          {"fault", instance.fault()},
          {"addresses",
           std::vector<std::string>(instance.addresses().begin(), instance.addresses().end())},
          {"master", instance.master().empty() ? "" : address_text(instance.master())},
          {"heard_ms", instance.heard_ms()},
          {"sent_adverts", instance.sent()},
          {"send_errors", instance.send_errors()},
          {"received_adverts", instance.received()},
          {"rejected_adverts", counts_json(instance.rejects())}};
}

Json group_json(const control::HaGroup& group) {
  return {{"name", group.name()},
          {"state", group.state()},
          {"since_ms", group.since_ms()},
          {"reason", group.reason()},
          {"frozen", group.frozen()},
          {"held", group.held()},
          {"gate", group.gate()},
          {"health", group.health()},
          {"peer_holds", group.peer_holds()},
          {"peer_state", group.peer_state()},
          {"peer_health", group.peer_health()},
          {"peer_priority", group.peer_priority()},
          {"peer_unheard", group.peer_unheard()}};
}

}  // namespace

std::string ha_text(const control::Status& status) {
  const control::Ha& ha = status.ha();
  std::string text;
  for (const control::HaGroup& group : ha.groups()) {
    text += fmt::format("{}: {} for {}: {}\n", group.name(), group.state(),
                        age_text(group.since_ms()), group.reason());
    if (!group.peer_state().empty()) {
      text += fmt::format("  the peer: {}, priority {}, {} working ports (here {})\n",
                          group.peer_state(), group.peer_priority(), group.peer_health(),
                          group.health());
    }
    if (group.peer_unheard() != 0) {
      text += fmt::format("  the peer hears no adverts on {} of its {} instances\n",
                          group.peer_unheard(), group.instances_size());
    }
    text += group_notes(group) + instances_text(group);
  }
  if (ha.has_peer()) text += peer_text(ha.peer());
  if (ha.has_handover()) {
    text += fmt::format("Last switchover of {}: {}\n", ha.handover().group(),
                        handover_text(ha.handover()));
  }
  if (ha.events_size() != 0) text += "Transitions:\n";
  for (const control::HaEvent& event : ha.events()) {
    text += fmt::format("  {}  {}: {} -> {}: {}\n", time_text(event.unix_ms()), event.instance(),
                        event.from(), event.to(), event.reason());
  }
  return text;
}

std::string ha_json(const control::Status& status) {
  const control::Ha& ha = status.ha();
  Json groups = Json::array();
  Json instances = Json::array();
  for (const control::HaGroup& group : ha.groups()) {
    groups.push_back(group_json(group));
    for (const control::HaInstance& instance : group.instances()) {
      instances.push_back(instance_json(group, instance));
    }
  }
  Json events = Json::array();
  for (const control::HaEvent& event : ha.events()) {
    events.push_back({{"unix_ms", event.unix_ms()},
                      {"instance", event.instance()},
                      {"from", event.from()},
                      {"to", event.to()},
                      {"reason", event.reason()}});
  }
  const control::HaPeer& peer = ha.peer();
  Json all = {{"groups", std::move(groups)},
              {"instances", std::move(instances)},
              {"events", std::move(events)}};
  if (ha.has_peer()) {
    all["peer"] = {{"director", peer.director()},
                   {"release", peer.release()},
                   {"connected", peer.connected()},
                   {"alive", peer.alive()},
                   {"heard_ms", peer.heard_ms()},
                   {"compared", peer.compared()},
                   {"differences", std::vector<std::string>(peer.differences().begin(),
                                                            peer.differences().end())}};
  }
  if (ha.has_handover()) {
    all["handover"] = {{"group", ha.handover().group()},
                       {"done", ha.handover().done()},
                       {"failed", ha.handover().failed()},
                       {"text", ha.handover().text()},
                       {"took_ms", ha.handover().took_ms()}};
  }
  return print(all);
}

std::string handover_text(const control::Handover& handover) {
  if (!handover.done() && !handover.failed()) return "under way";
  return fmt::format("{} after {} ms", handover.text(), handover.took_ms());
}

std::string sync_text(const control::Status& status) {
  const control::Sync& sync = status.sync();
  const control::SyncTable& table = sync.table();
  std::string text = fmt::format(
      "Link: {} to {}, sync_id {}: {}\n", sync.listen(), sync.peer(), sync.sync_id(),
      sync.connected()
          ? fmt::format("up ({} session{})", sync.sessions(), sync.sessions() == 1 ? "" : "s")
          : "down");
  text += fmt::format("Table: complete here: {}, at the peer: {}\n", sync.complete() ? "yes" : "no",
                      sync.peer_complete() ? "yes" : "no");
  text += fmt::format(
      "Watermark: batch {} of {}; lag {} ms, {} bytes; {} entries wait in the rings\n",
      sync.watermark(), sync.last_batch(), sync.lag_ms(), sync.lag_bytes(), table.pending());
  text += fmt::format("Batches: {} sent, {} received; bytes: {} sent, {} received\n",
                      sync.batches_sent(), sync.batches_received(), sync.bytes_sent(),
                      sync.bytes_received());
  text += fmt::format("Sent: {} changed, {} ended, {} refreshed, {} by {} walk{} of the table\n",
                      table.changed(), table.ended(), table.refreshed(), table.walked(),
                      table.walks(), table.walks() == 1 ? "" : "s");
  text += fmt::format("Full rings: {} changes, {} ends; all were found again by walks\n",
                      table.lost(), table.lost_ends());
  using enum Columns::Align;
  Columns columns({kLeft, kRight, kLeft});
  columns.row({"Imported", "Entries", "Meaning"});
  for (const control::Count& count : table.imports()) {
    columns.row({count.name(), std::to_string(count.count()), count.description()});
  }
  columns.row({"Refused", "Times", "Meaning"});
  for (const control::Count& count : sync.refusals()) {
    columns.row({count.name(), std::to_string(count.count()), count.description()});
  }
  return text + columns.text();
}

std::string sync_json(const control::Status& status) {
  const control::Sync& sync = status.sync();
  const control::SyncTable& table = sync.table();
  return print({{"connected", sync.connected()},
                {"listen", sync.listen()},
                {"peer", sync.peer()},
                {"sync_id", sync.sync_id()},
                {"sessions", sync.sessions()},
                {"complete", sync.complete()},
                {"peer_complete", sync.peer_complete()},
                {"last_batch", sync.last_batch()},
                {"watermark", sync.watermark()},
                {"lag_ms", sync.lag_ms()},
                {"lag_bytes", sync.lag_bytes()},
                {"pending_entries", table.pending()},
                {"batches_sent", sync.batches_sent()},
                {"batches_received", sync.batches_received()},
                {"bytes_sent", sync.bytes_sent()},
                {"bytes_received", sync.bytes_received()},
                {"changed_entries", table.changed()},
                {"ended_entries", table.ended()},
                {"refreshed_entries", table.refreshed()},
                {"walked_entries", table.walked()},
                {"walks", table.walks()},
                {"lost_changes", table.lost()},
                {"lost_ends", table.lost_ends()},
                {"imports", counts_json(table.imports())},
                {"refusals", counts_json(sync.refusals())}});
}

}  // namespace lb::cli
