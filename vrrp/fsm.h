// The state machine of VRRP (RFC 9568 section 6, RFC 3768 section 6) for the virtual routers of one
// sync group, which are master together or not at all; a virtual router alone is a group of one.
// Pure: events with their time in, actions out. No I/O, no clock.
//
//  state    event                                    -> state   what is done
//  INIT     start, owner and may preempt             -> MASTER  adverts
//  INIT     start                                    -> BACKUP  wait for the master
//           ... but a member fails                   =  the start waits for start_time
//  INIT     all members OK, within that time         -> as at the start
//  INIT     a member still fails then                -> FAULT
//  BACKUP   advert of priority 0, or the peer
//           reports that it was master and failed    =  wait for the skew time only
//  BACKUP   advert, not lower or we may not preempt  =  restart the wait, by the master's interval
//  BACKUP   advert, lower and we may preempt         =  ignored: the wait continues
//  BACKUP   no master on any member for that long    -> MASTER  adverts
//           ... but the peer holds (two paths)       =  the wait continues
//  MASTER   advert of priority 0                     =  advert
//  MASTER   advert, higher, or equal and from a      -> BACKUP  a last advert; wait, by the
//           higher address                                      master's interval
//           ... but it is the peer's, which is not
//           master according to the sync link        =  deferred, the first time
//  MASTER   advert, lower                            =  advert, announce the addresses again
//           ... but we have been silent for three
//           intervals                                -> BACKUP  wait for the master
//  MASTER   the peer reports that it receives us
//           again                                    =  announce the addresses again
//  MASTER   resign, or the peer has been master too
//           for an interval (sync link), and better  -> BACKUP  adverts of priority 0
//  any      advert of an unknown router, or in the
//           peer's name against its own report       =  refused (trust.cc)
//  the rest a member fails                           -> FAULT   adverts of priority 0 if MASTER
//  FAULT    all members OK                           -> as INIT at the start
//
// Beyond the RFCs: a group waits until the master is silent on all its members, so that the loss of
// one LAN does not make two masters; a resignation received on one member counts for all. The gate
// (whether our connection table is complete) blocks preemption, not takeover from a dead master. A
// peer with more working ports is not preempted either. A master that yields to a better one sends
// a last advert, which informs that one that there were two. A master that was silent, because its
// process was stopped, has been replaced, and lacks the latest connections. The peer holds while it
// is received on the sync link only; once adverts arrive, they decide. But a single advert may be
// old: sent before its sender became backup, and delayed by a pulled cable. Or it is forged: adverts
// prove nothing, the sync link does. So while the peer's reports are recent, adverts in its name
// count only as far as they agree. A real master reports it at once. A director starts before its ports have links and addresses
// and before its services are checked: that is no fault until start_time has passed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/net.h"
#include "vrrp/packet.h"

namespace lb::vrrp {

using Time = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

enum class State : std::uint8_t { kInit, kBackup, kMaster, kFault };
std::string_view to_string(State state);  // "MASTER"

struct Action {
  enum class Kind : std::uint8_t {
    kSendAdvert,  // on `member`, with `priority`
    kTransition,  // of the whole group, from `from` to `to` because of `reason`
    kAnnounce,    // gratuitous ARP for the addresses, again
    kRefuse,      // an advert was refused, as `reject` says: this one, or one that was deferred
    kDefer,  // the advert contradicts the peer's last report, but may be older or newer than it
  };
  Kind kind;
  std::size_t member = 0;
  std::uint8_t priority = 0;
  State from = State::kInit;
  State to = State::kInit;
  std::string reason = {};
  Reject reject = Reject::kCount;
};
using Actions = std::vector<Action>;

// How fit a director is to be master; compared between two with a sync link. Health is the number
// of the group's working ports, which adverts do not contain.
struct Fitness {
  int health = 0;
  std::uint8_t priority = 0;
  Ipv4Address address;  // breaks the tie
  auto operator<=>(const Fitness&) const = default;
};

// The peer's half of the group, as reported over the sync link.
struct Peer {
  bool alive = false;  // received on the sync link recently
  State state = State::kInit;
  Fitness fitness;
  int without_adverts = 0;  // members on which it waits for a master and receives none
  std::vector<Ipv4Address> addresses = {};  // from which its adverts come
  std::optional<Time> reported_at = {};     // when this arrived
};

class Group {
 public:
  struct Member {
    std::uint8_t version = 3;
    std::uint8_t priority = 100;  // with the terms of its tracks
    milliseconds interval{1000};
    Ipv4Address address;                    // the primary one, from which adverts are sent
    std::vector<Ipv4Address> routers = {};  // the other ones that are known, beside the peer
    bool accept_unknown = true;             // adverts of others, too
    bool has_link = false;                  // the peer reports, and is one of them from then on
  };
  struct Options {
    std::vector<Member> members;  // one at least
    bool preempt = true;
    milliseconds preempt_delay{0};
    milliseconds start_time{0};  // for members that fail at the start
  };
  explicit Group(Options options);

  // ---- events
  Actions start(Time now);
  Actions advert(std::size_t member, const Advert& advert, Ipv4Address source, Time now);
  Actions expire(Time now);  // to be called at next_deadline()
  Actions set_priority(std::size_t member, std::uint8_t priority, Time now);
  Actions set_address(std::size_t member, Ipv4Address address);
  // Why a member cannot work; empty: it can.
  Actions set_fault(std::size_t member, const std::string& why, Time now);
  Actions set_peer(const Peer& peer, Time now);
  void set_health(int health) { health_ = health; }
  // Closed: a master of lower priority is not preempted.
  void set_gate(bool open) { gate_open_ = open; }
  // Master: becomes backup, and does not preempt until it has been master again.
  Actions resign(const std::string& reason, Time now);
  // Takes over at once, on request of the master.
  Actions take(const std::string& reason, Time now);
  // Frozen: no takeover, no preemption, no fault; but of two masters one still becomes backup.
  Actions set_frozen(bool frozen, Time now);

  // ---- state
  State state() const { return state_; }
  bool frozen() const { return frozen_; }
  bool held() const { return held_; }
  std::uint8_t priority(std::size_t member) const { return members_[member].options.priority; }
  Fitness fitness() const;
  std::vector<Ipv4Address> addresses() const;  // of all members
  // Whether the wait for a silent master continues only because the peer holds by the sync link.
  bool peer_holds() const { return state_ == State::kBackup && peer_holding_; }
  // BACKUP: the number of members without an advert for longer than a master may be silent.
  int without_adverts(Time now) const;
  std::optional<Time> next_deadline() const;
  // The longest interval of another master that is adopted, by our own. An advert is not
  // authenticated: one that promises the next one in 40 s would leave us without a master for two
  // minutes. The wait is longer than three times this, so a master of up to three times this is
  // never taken for silent.
  static milliseconds longest_interval(milliseconds own);

 private:
  struct MemberState {
    Member options;
    milliseconds master_interval{1000};
    Time down_at;    // BACKUP: the master is gone then
    Time silent_at;  // BACKUP: no advert is late before that
    Time advert_at;  // MASTER: the next advert
    std::string fault;
    struct Deferred {
      Time at;
      bool explained;  // or counted as refused
    };
    std::optional<Deferred> deferred;  // MASTER: the one, in this state of both
  };

  bool may_preempt(Time now) const;
  bool was_silent(const MemberState& member, Time now) const;
  bool peer_is_master() const { return peer_.alive && peer_.state == State::kMaster; }
  bool peer_master_is_better() const;
  milliseconds skew(const MemberState& member) const;
  milliseconds down_interval(const MemberState& member) const;
  void wait_for_master(Time now);
  void reply(Actions& actions, std::size_t member, Time now);

  // trust.cc
  bool knows(const MemberState& member, Ipv4Address source) const;
  bool is_recent(Time now) const;
  bool is_from_peer(Ipv4Address source) const;
  bool peer_has_resigned(Time now) const;
  std::optional<Reject> refusal(MemberState& member, const Advert& advert, Ipv4Address source,
                                Time now);
  bool is_disproved(Time now);
  bool is_suspect(const MemberState& member, const Advert& advert, Ipv4Address source, Time now);
  bool defer(MemberState& member, const Advert& advert, Ipv4Address source, Time now);
  void refuse_deferred(Actions& actions);
  void forget_contradictions();
  static bool is_better(const Advert& advert, Ipv4Address source, const MemberState& ours);
  static std::string reason_of(const Advert& advert, Ipv4Address source);
  void keep_addresses(const std::vector<Ipv4Address>& reported);
  void send(Actions& actions, std::size_t member, std::uint8_t priority) const;
  void send_all(Actions& actions, Time now);
  void send_due(Actions& actions, Time now);
  void send_resignations(Actions& actions) const;
  void begin(Actions& actions, const std::string& reason, Time now);
  void enter(Actions& actions, State to, const std::string& reason, Time now);
  void enter_master(Actions& actions, const std::string& reason, Time now);
  void evaluate_faults(Actions& actions, Time now);
  void resolve_two_masters(Actions& actions, Time now);
  void receive_resignation(Time now);
  void backup_advert(MemberState& member, const Advert& advert, Ipv4Address source, Time now);
  static void adopt_interval(MemberState& member, const Advert& advert);
  void master_advert(Actions& actions, std::size_t member, const Advert& advert, Ipv4Address source,
                     Time now);

  std::vector<MemberState> members_;
  const bool preempt_;
  const milliseconds preempt_delay_;
  const milliseconds start_time_;
  State state_ = State::kInit;
  Peer peer_;
  std::vector<Ipv4Address> peer_addresses_;  // the last ones that it reported, dead or alive
  std::optional<Time> peer_left_at_;         // when it was reported not to be master any more
  // The first advert in the peer's name that contradicts its reports, in this state of both.
  std::optional<Time> contradicted_at_;
  std::optional<Time> resigning_at_;  // BACKUP: an advert says so, the peer has not reported it
  int health_ = 0;
  bool gate_open_ = true;
  bool held_ = false;
  bool frozen_ = false;
  bool peer_holding_ = false;
  bool resigned_ = false;       // the master resigned
  bool ignores_lower_ = false;  // BACKUP: a lower master is ignored, the wait continues
  struct Suspect {
    Time since;
    std::string reason;  // for the transition
  };
  std::optional<Suspect> suspect_;  // MASTER: a better advert contradicts the sync link
  std::optional<Time> two_since_;   // MASTER: the peer is master too, by the sync link
  Time preempt_from_;
  std::optional<Time> start_until_;  // INIT: until then a failed member is no fault
};

}  // namespace lb::vrrp
