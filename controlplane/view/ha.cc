#include "controlplane/view/ha.h"

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/view/format.h"

namespace lb::view {
namespace {

HaGroupRow group_of(const api::control::HaGroup& group) {
  return {.name = group.name(),
          .state = group.state(),
          .since_ms = group.since_ms(),
          .reason = group.reason(),
          .frozen = group.frozen(),
          .held = group.held(),
          .gate = group.gate(),
          .health = group.health(),
          .peer_holds = group.peer_holds(),
          .peer_state = group.peer_state(),
          .peer_health = group.peer_health(),
          .peer_priority = group.peer_priority(),
          .peer_without_adverts = group.peer_without_adverts()};
}

HaInstanceRow instance_of(const api::control::HaGroup& group,
                          const api::control::HaInstance& instance) {
  HaInstanceRow out{.name = instance.name(),
                    .group = group.name(),
                    .state = group.state(),
                    .interface = instance.interface(),
                    .virtual_router_id = instance.virtual_router_id(),
                    .version = instance.version(),
                    .base_priority = instance.base_priority(),
                    .priority = instance.priority(),
                    .terms = {},
                    .fault = instance.fault(),
                    .master = instance.master().empty() ? "" : address_text(instance.master()),
                    .heard_ms = instance.heard_ms(),
                    .sent_adverts = instance.sent(),
                    .send_errors = instance.send_errors(),
                    .received_adverts = instance.received(),
                    .late_adverts = instance.late(),
                    .latest_ms = instance.latest_ms(),
                    .rejected_adverts = counts_of(instance.rejects()),
                    .unknown_router = {},
                    .addresses = {instance.addresses().begin(), instance.addresses().end()}};
  if (instance.has_unknown_router()) {
    const api::control::UnknownRouter& router = instance.unknown_router();
    out.unknown_router = {.address = address_text(router.address()),
                          .mac = router.mac(),
                          .priority = router.priority(),
                          .heard_ms = router.heard_ms()};
  }
  for (const api::control::HaTerm& term : instance.terms()) {
    out.terms.push_back({.what = term.what(),
                         .failing = term.failing(),
                         .weight = term.weight(),
                         .adds = term.adds()});
  }
  return out;
}

HaPeer peer_of(const api::control::HaPeer& peer) {
  return {.director = peer.director(),
          .release = peer.release(),
          .connected = peer.connected(),
          .alive = peer.alive(),
          .heard_ms = peer.heard_ms(),
          .late_heartbeats = peer.late(),
          .latest_ms = peer.latest_ms(),
          .compared = peer.compared(),
          .differences = {peer.differences().begin(), peer.differences().end()}};
}

}  // namespace

Handover handover_of(const api::control::Handover& handover) {
  return {.group = handover.group(),
          .done = handover.done(),
          .failed = handover.failed(),
          .text = handover.text(),
          .took_ms = handover.took_ms()};
}

Ha ha_of(const api::control::Status& status) {
  Ha out;
  for (const api::control::HaGroup& group : status.ha().groups()) {
    out.groups.push_back(group_of(group));
    for (const api::control::HaInstance& instance : group.instances()) {
      out.instances.push_back(instance_of(group, instance));
    }
  }
  for (const api::control::HaResource& resource : status.ha().resources()) {
    out.resources.push_back({.name = resource.name(),
                             .instance = resource.instance(),
                             .state = resource.state(),
                             .restarts = resource.restarts(),
                             .failure = resource.failure(),
                             .last_step = resource.last_step(),
                             .last_error = resource.last_error(),
                             .last_unix_ms = resource.last_unix_ms()});
  }
  for (const api::control::HaEvent& event : status.ha().events()) {
    out.events.push_back({.unix_ms = event.unix_ms(),
                          .instance = event.instance(),
                          .from = event.from(),
                          .to = event.to(),
                          .reason = event.reason()});
  }
  if (status.ha().has_peer()) out.peer = peer_of(status.ha().peer());
  if (status.ha().has_handover()) out.handover = handover_of(status.ha().handover());
  return out;
}

}  // namespace lb::view
