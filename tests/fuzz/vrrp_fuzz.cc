// Any bytes as IPv4 packets of VRRP: what is read lies within the packet, and is the same after it
// was encoded and read again; a director that receives it reports every transition, and its timers
// move.
//
// Input: flags, then packets: how long after the one before (in 10 ms), on which member, the number
// of bytes, the bytes.
#include <chrono>
#include <vector>

#include "tests/fuzz/input.h"
#include "vrrp/fsm.h"
#include "vrrp/io.h"
#include "vrrp/packet.h"

namespace lb::vrrp {
namespace {

using fuzz::Input;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t kFlagFix = 0x01;  // TTL and checksum, so that more than these is tried
constexpr std::uint8_t kFlagVersion2 = 0x02;
constexpr std::uint8_t kFlagOwner = 0x04;
constexpr std::uint8_t kFlagUnicast = 0x08;
constexpr std::uint8_t kFlagStay = 0x10;      // does not preempt
constexpr std::uint8_t kFlagMaster = 0x20;    // from the beginning
constexpr std::uint8_t kFlagTrusting = 0x40;  // receives what is not accepted, too
constexpr unsigned kMembers = 2;
constexpr std::size_t kIpHeaderBytes = 20;

constexpr Ipv4Address kOwn = Ipv4Address::from_host(0xc0000202);
constexpr Ipv4Address kPeer = Ipv4Address::from_host(0xc0000203);

Io::Options options_of(std::uint8_t flags) {
  Io::Options options;
  options.own.version = (flags & kFlagVersion2) != 0 ? 2 : 3;
  options.own.vrid = 51;
  options.own.priority = (flags & kFlagOwner) != 0 ? kOwnerPriority : 100;
  options.own.addresses = {Ipv4Address::from_host(0xc000020a)};
  options.owner = (flags & kFlagOwner) != 0;
  if ((flags & kFlagUnicast) != 0) options.unicast_peers = {kPeer};
  return options;
}

Group::Options group_of(std::uint8_t flags) {
  const Advert own = options_of(flags).own;
  const Group::Member member{own.version, own.priority, own.interval, kOwn};
  return {.members = std::vector<Group::Member>(kMembers, member),
          .preempt = (flags & kFlagStay) == 0,
          .preempt_delay = {}};
}

void fix_checksums(Bytes& packet) {
  Datagram datagram;
  if (packet.size() > 8) packet[8] = kTtl;
  if (!split_datagram(packet, datagram) || datagram.payload.size() < 8) return;
  const auto checksum = packet.begin() + (datagram.payload.data() - packet.data()) + 6;
  checksum[0] = checksum[1] = 0;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < datagram.payload.size(); ++i) {
    sum += i % 2 == 0 ? std::uint32_t{datagram.payload[i]} << 8 : datagram.payload[i];
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  checksum[0] = static_cast<std::uint8_t>(~sum >> 8);
  checksum[1] = static_cast<std::uint8_t>(~sum);
}

void check_same_again(const Datagram& datagram, const Advert& advert) {
  const Bytes payload = encode(advert, datagram.source, datagram.destination);
  LB_FUZZ_CHECK(payload.size() == datagram.payload.size());
  Advert again;
  Reject reject{};
  LB_FUZZ_CHECK(decode({datagram.source, datagram.destination, kTtl, payload}, again, reject));
  LB_FUZZ_CHECK(again == advert);
}

// False: nothing to receive.
bool read(const Bytes& packet, Datagram& datagram, Advert& advert) {
  if (!split_datagram(packet, datagram)) return false;
  const std::uint8_t* const end = datagram.payload.data() + datagram.payload.size();
  LB_FUZZ_CHECK(datagram.payload.data() >= packet.data() + kIpHeaderBytes);
  LB_FUZZ_CHECK(end <= packet.data() + packet.size());
  Reject reject = Reject::kCount;
  if (!decode(datagram, advert, reject)) {
    LB_FUZZ_CHECK(reject < Reject::kCount);
    return false;
  }
  LB_FUZZ_CHECK(reject == Reject::kCount);
  LB_FUZZ_CHECK(datagram.ttl == kTtl && advert.interval.count() > 0);
  LB_FUZZ_CHECK(advert.vrid == vrid_of(datagram.payload));
  check_same_again(datagram, advert);
  return true;
}

// A director, and what it says of itself.
class Director {
 public:
  explicit Director(std::uint8_t flags) : group_(group_of(flags)) {
    check(group_.start(now_));
    if ((flags & kFlagMaster) != 0) check(group_.take("told to", now_));
  }

  void pass(milliseconds time) {
    now_ += time;
    while (*group_.next_deadline() <= now_) {
      const Time at = *group_.next_deadline();
      check(group_.expire(at));
      LB_FUZZ_CHECK(*group_.next_deadline() > at);
    }
  }
  void receive(std::size_t member, const Advert& advert, Ipv4Address source) {
    check(group_.advert(member, advert, source, now_));
  }

 private:
  void check(const Actions& actions) {
    for (const Action& action : actions) {
      if (action.kind == Action::Kind::kTransition) {
        LB_FUZZ_CHECK(action.from == state_ && action.to != state_);
        state_ = action.to;
      } else {
        LB_FUZZ_CHECK(state_ == State::kMaster && action.member < kMembers);
      }
    }
    LB_FUZZ_CHECK(state_ == group_.state());
    LB_FUZZ_CHECK(state_ == State::kMaster || state_ == State::kBackup);
    LB_FUZZ_CHECK(group_.next_deadline().has_value());
  }

  Group group_;
  Time now_ = Time(std::chrono::hours(1));
  State state_ = State::kInit;
};

void run(Input input) {
  const std::uint8_t flags = input.byte();
  const Io::Options options = options_of(flags);
  Director director(flags);
  while (!input.rest(1).empty()) {
    director.pass(milliseconds(10 * input.byte()));
    const std::size_t member = input.byte() % kMembers;
    const auto rest = input.rest(input.byte());
    Bytes packet(rest.begin(), rest.end());
    for (std::size_t i = 0; i < packet.size(); ++i) input.byte();
    if ((flags & kFlagFix) != 0) fix_checksums(packet);
    Datagram datagram;
    Advert advert;
    if (!read(packet, datagram, advert)) continue;
    Reject reject = Reject::kCount;
    const bool accepted = accept(advert, options, datagram.source, kOwn, reject);
    LB_FUZZ_CHECK(accepted == (reject == Reject::kCount));
    if (accepted || (flags & kFlagTrusting) != 0) director.receive(member, advert, datagram.source);
  }
}

}  // namespace
}  // namespace lb::vrrp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::vrrp::run({data, size});
  return 0;
}
