// Which adverts of the wire count: everybody on the LAN can send any, in any name. What is
// authenticated is the sync link, so its reports decide where they are recent.
#include <algorithm>
#include <utility>

#include "vrrp/fsm.h"

namespace lb::vrrp {
namespace {

// A report may be on its way for so long: one that is older says nothing about the present, and one
// that arrives later than this after an advert was sent after it.
constexpr milliseconds kRecent{1000};
constexpr milliseconds kReportDelay{500};
// Old adverts come all at once: within this part of an interval.
constexpr int kOldAdvertsShare = 8;

bool contains(const std::vector<Ipv4Address>& all, Ipv4Address address) {
  return std::ranges::find(all, address) != all.end();
}

}  // namespace

// With a link nobody is known before the peer has reported anything, and there may be a master.
bool Group::knows(const MemberState& member, Ipv4Address source) const {
  if (member.options.accept_unknown || is_from_peer(source)) return true;
  if (contains(member.options.routers, source)) return true;
  return member.options.has_link && peer_addresses_.empty() && !peer_.alive;
}

// A member that has had no port yet reports no address.
void Group::keep_addresses(const std::vector<Ipv4Address>& reported) {
  std::vector<Ipv4Address> real = reported;
  std::erase(real, Ipv4Address{});
  if (!real.empty()) peer_addresses_ = std::move(real);
}

bool Group::is_recent(Time now) const {
  return peer_.alive && peer_.reported_at && now - *peer_.reported_at <= kRecent;
}

bool Group::is_from_peer(Ipv4Address source) const {
  return contains(peer_addresses_, source);
}

// Just before it reported that it is not master any more.
bool Group::peer_has_resigned(Time now) const {
  return resigning_at_ && now - *resigning_at_ <= kRecent;
}

// Of an advert in the peer's name that contradicts its last report: whether a report that was sent
// after the first such advert still says the same.
bool Group::is_disproved(Time now) {
  if (!contradicted_at_) contradicted_at_ = now;
  return *peer_.reported_at >= *contradicted_at_ + kReportDelay;
}

// nullopt: the advert counts.
std::optional<Reject> Group::refusal(MemberState& member, const Advert& advert, Ipv4Address source,
                                     Time now) {
  if (!knows(member, source)) return Reject::unknown_router;
  if (!peer_.alive || !is_from_peer(source)) return std::nullopt;
  const bool resigns = advert.priority == kResignPriority;
  const bool is_master = peer_.state == State::kMaster;
  if (resigns && !is_master && is_recent(now)) {
    const bool left = peer_left_at_ && now - *peer_left_at_ <= kRecent;
    return left ? std::nullopt : std::optional(Reject::unconfirmed);
  }
  if (state_ == State::kMaster) {
    const bool suspect = !resigns && !is_master && is_suspect(member, advert, source, now);
    return suspect ? std::optional(Reject::unconfirmed) : std::nullopt;
  }
  if (state_ != State::kBackup || !is_recent(now)) return std::nullopt;
  if (resigns) resigning_at_ = now;
  if (resigns != is_master || !is_disproved(now)) return std::nullopt;
  if (!resigns) {
    // What the first ones promised is void.
    member.master_interval = std::min(member.master_interval, member.options.interval);
    member.down_at = std::min(member.down_at, now + down_interval(member));
  }
  return Reject::unconfirmed;
}

// MASTER: whether an advert contradicts what the peer, its sender, reports. With a recent report
// that is certain: who becomes master reports it at once. With an old one, a real master soon sends
// another advert. After we have been silent, the peer's reports may be older than its adverts.
bool Group::is_suspect(const MemberState& member, const Advert& advert, Ipv4Address source,
                       Time now) {
  if (!is_better(advert, source, member)) return is_recent(now) && !was_silent(member, now);
  const milliseconds interval =
      std::max(member.options.interval,
               std::min(advert.interval, longest_interval(member.options.interval)));
  const bool recent = is_recent(now);
  if (recent || !suspect_ || now - suspect_->since > 3 * interval) {
    suspect_ = {now, reason_of(advert, source)};
  }
  return recent || now - suspect_->since < interval / kOldAdvertsShare;
}

// MASTER: one advert that contradicts the peer's report is no forgery yet. A new master's advert
// may arrive before its report; an old master's last one, after the report that it is none any more.
bool Group::defer(MemberState& member, const Advert& advert, Ipv4Address source, Time now) {
  if (state_ != State::kMaster || advert.priority == kResignPriority || member.deferred) {
    return false;
  }
  const bool left = peer_left_at_ && now - *peer_left_at_ <= kRecent;
  if (!left && !is_better(advert, source, member)) return false;
  member.deferred = {now, left};
  return true;
}

// The report that was to confirm it would have arrived.
void Group::refuse_deferred(Actions& actions) {
  if (!peer_.alive || !peer_.reported_at) return;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    auto& deferred = members_[i].deferred;
    if (!deferred || deferred->explained) continue;
    if (*peer_.reported_at < deferred->at + kReportDelay) continue;
    deferred->explained = true;
    actions.push_back({.kind = Action::Kind::kRefuse, .member = i, .reject = Reject::unconfirmed});
  }
}

// The state of one of the two has changed.
void Group::forget_contradictions() {
  contradicted_at_.reset();
  for (MemberState& member : members_) member.deferred.reset();
}

bool Group::is_better(const Advert& advert, Ipv4Address source, const MemberState& ours) {
  return std::pair(advert.priority, source) >
         std::pair(ours.options.priority, ours.options.address);
}

std::string Group::reason_of(const Advert& advert, Ipv4Address source) {
  return "master " + source.to_string() + " of priority " + std::to_string(advert.priority);
}

}  // namespace lb::vrrp
