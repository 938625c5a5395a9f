// The status for `lbcli show ha` and `lbcli show sync`.
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/failover/engine.h"

namespace lb::controlplane {
namespace {

std::uint64_t ms_since(Unit::Clock::time_point then) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Unit::Clock::now() - then).count());
}

void fill_member(const Unit::Member& member, api::control::HaInstance& out) {
  const config::HaInstance& config = *member.config;
  out.set_name(config.name);
  out.set_interface(config.port);
  out.set_virtual_router_id(config.virtual_router_id);
  out.set_version(config.version);
  out.set_base_priority(config.priority);
  out.set_priority(member.track_result.priority);
  for (const Term& term : member.track_result.terms) {
    api::control::HaTerm& to = *out.add_terms();
    to.set_what(term.what);
    to.set_failing(term.failing);
    to.set_weight(term.weight);
    to.set_adds(term.adds);
  }
  out.set_fault(member.fault);
  for (const Prefix& prefix : config.addresses) out.add_addresses(prefix.to_string());
  if (member.master) {
    out.set_master(to_bytes(*member.master));
    out.set_heard_ms(ms_since(member.last_advert));
  }
  const vrrp::Io::Counters& counters = member.io->counters();
  out.set_sent(counters.sent);
  out.set_send_errors(counters.send_errors);
  out.set_received(counters.received);
  out.set_late(member.late.count());
  out.set_latest_ms(static_cast<std::uint64_t>(member.late.longest().count()));
  if (const auto& unknown = member.io->unknown()) {
    api::control::UnknownRouter& router = *out.mutable_unknown_router();
    router.set_address(to_bytes(Address(unknown->advert.source)));
    if (unknown->advert.mac) router.set_mac(unknown->advert.mac->to_string());
    router.set_priority(unknown->advert.priority);
    router.set_heard_ms(ms_since(unknown->at));
  }
  for (std::size_t i = 0; i < vrrp::kRejects; ++i) {
    if (counters.rejected[i] == 0) continue;
    const auto reject = static_cast<vrrp::Reject>(i);
    api::control::Count& count = *out.add_rejects();
    count.set_name(std::string(vrrp::name_of(reject)));
    count.set_description(std::string(vrrp::text_of(reject)));
    count.set_count(counters.rejected[i]);
  }
}

}  // namespace

void Engine::fill_unit(const Unit& unit, api::control::Status& status) const {
  api::control::HaGroup& group = *status.mutable_ha()->add_groups();
  group.set_name(unit.name());
  group.set_state(std::string(vrrp::to_string(unit.fsm().state())));
  group.set_since_ms(ms_since(unit.since()));
  group.set_reason(unit.reason());
  group.set_frozen(unit.fsm().frozen());
  group.set_held(unit.fsm().held());
  group.set_gate(closed_gate());
  group.set_health(unit.fsm().fitness().health);
  group.set_peer_holds(unit.fsm().peer_holds());
  if (peer_) {
    const vrrp::Peer theirs = peer_->group(unit.name());
    if (theirs.alive) {
      group.set_peer_state(std::string(vrrp::to_string(theirs.state)));
      group.set_peer_health(theirs.fitness.health);
      group.set_peer_priority(theirs.fitness.priority);
      group.set_peer_without_adverts(theirs.without_adverts);
    }
  }
  for (const Unit::Member& member : unit.members()) fill_member(member, *group.add_instances());
}

void Engine::fill_status(api::control::Status& status) const {
  for (const Vips::Status& from : vips_->status()) {
    api::control::Vip& vip = *status.add_vips();
    vip.set_address(to_bytes(from.vip.prefix.address));
    vip.set_interface(from.vip.interface);
    vip.set_present(from.present);
  }
  api::control::Ha& ha = *status.mutable_ha();
  for (const auto& unit : units_) fill_unit(*unit, status);
  for (const HaEvent& event : history_) {
    api::control::HaEvent& out = *ha.add_events();
    out.set_unix_ms(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(event.at.time_since_epoch())
            .count()));
    out.set_instance(event.instance);
    out.set_from(event.from);
    out.set_to(event.to);
    out.set_reason(event.reason);
  }
  if (last_handover_) {
    api::control::Handover& out = *ha.mutable_handover();
    out.set_group(last_handover_->groups);
    out.set_done(last_handover_->over && last_handover_->done);
    out.set_failed(last_handover_->over && !last_handover_->done);
    out.set_text(last_handover_->text);
    out.set_took_ms(static_cast<std::uint64_t>(last_handover_->took.count()));
  }
  if (!peer_) return;
  peer_->fill(*ha.mutable_peer());
  peer_->fill(*status.mutable_sync());
}

}  // namespace lb::controlplane
