// What the main loop has to know for the programs of HA groups, and the peer about them. With a peer that
// is received this never lets two run: a director starts its programs as master when the peer has said
// that it knows so, is not master itself and runs none; and that one can say so of us only after we have
// ceased to be master. Messages of a session stay in order, so nothing said before can follow it.
#include "controlplane/failover/engine.h"

namespace lb::controlplane {

void Engine::update_resources() {
  using Role = ResourceView::Role;
  ResourceViews views;
  for (const auto& unit : units_) {
    const bool any = std::ranges::any_of(settings_->ha.resources, [&](const auto& resource) {
      return std::ranges::any_of(unit->members(), [&](const Unit::Member& member) {
        return member.config->name == resource.instance;
      });
    });
    if (!any) continue;
    ResourceView& view = views[unit->name()];
    if (unit->is_master()) {
      view.role = Role::kMaster;
    } else if (unit->settled()) {
      view.role = Role::kOther;
    }
    view.number = unit->transitions();
    view.peer = peer_programs(*unit);
    // Of a peer that is gone the last one counts.
    if (const auto before = resources_.find(unit->name()); before != resources_.end()) {
      view.peer_stop_time = before->second.peer_stop_time;
    }
    const PeerGroup* const report = peer_ ? peer_->report(unit->name()) : nullptr;
    if (report != nullptr) view.peer_stop_time = report->stop_time;
  }
  if (views == resources_) return;
  resources_ = std::move(views);
  events_.resources(resources_);
}

ResourceView::Peer Engine::peer_programs(const Unit& unit) const {
  using Peer = ResourceView::Peer;
  if (!peer_ || !peer_->alive()) return Peer::kGone;
  const PeerGroup* const report = peer_->report(unit.name());
  if (report == nullptr) return Peer::kMayRun;
  if (report->programs == Programs::kStopFailed) return Peer::kStopFailed;
  const bool accepts_us =
      report->sees == vrrp::State::kMaster && report->vrrp.state != vrrp::State::kMaster;
  return accepts_us && report->programs == Programs::kStopped ? Peer::kStopped : Peer::kMayRun;
}

// What the main loop said of an earlier role is old: it may be starting them just now.
Programs Engine::programs(const Unit& unit) const {
  const auto found = facts_.resources.find(unit.name());
  if (found == facts_.resources.end()) return Programs::kStopped;
  return found->second.role == unit.transitions() ? found->second.programs : Programs::kMayRun;
}

}  // namespace lb::controlplane
