// Decides where connections go when a neighbour gets another MAC address. A connection knows the
// hop that its client's packets came by (port, VLAN, MAC) and not whose address that is; the kernel
// knows which addresses are at which hop. So this remembers where each address was, and when one
// moves, the connections of the hop that it left follow it if that hop is nobody else's:
//
//   no other address was known there                           they follow
//   it is a gateway of ours, and none of the others is         they follow: clients are behind it
//   others were there                                          the kernel asks them, by ARP
//     one answers from there                                   they stay: the machine lives
//     none does within kAnswerTime                             they follow
//
// All moves of one decision are made at once, so that two neighbours may change places. Pure: the
// caller passes the kernel's neighbours, asks, and passes the time.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "config/base/address.h"
#include "dataplane/api/snapshot_spec.h"

namespace lb::controlplane {

class HopHistory {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // The kernel sends three requests, a second apart.
  static constexpr std::chrono::seconds kAnswerTime{4};
  // How long an address is remembered that the kernel does not know any more.
  static constexpr std::chrono::hours kMemory{1};
  static constexpr std::size_t kMostAddresses = 4096;
  static constexpr std::size_t kMostAsked = 16;  // of one hop

  // Where the address was, from a previous process.
  void restore(Address address, const NextHopSpec& hop, Time now);
  // Our routes' next hops.
  void set_gateways(std::set<Address> gateways) { gateways_ = std::move(gateways); }

  // The kernel's neighbours: has a MAC; was removed; does not answer.
  void found(Address address, const NextHopSpec& hop, Time now);
  void removed(Address address, const std::string& port, std::uint16_t vlan, Time now);
  void failed(Address address, const std::string& port, std::uint16_t vlan, Time now);

  // Where the address is, or was last.
  const NextHopSpec* find(Address address) const;

  struct Move {
    NextHopSpec from;
    NextHopSpec to;
    bool operator==(const Move&) const = default;
  };
  struct Decision {
    std::vector<Move> moves;
    std::vector<Address> ask;   // the kernel is to resolve them anew
    std::optional<Time> again;  // decide again then, at the latest
    // What a next process is to restore(); nullopt: nothing any more.
    std::vector<std::pair<Address, std::optional<NextHopSpec>>> remember;
  };
  Decision decide(Time now);

 private:
  enum class Presence : std::uint8_t { kKnown, kRemoved, kFailed };
  struct Entry {
    NextHopSpec hop;
    Presence presence = Presence::kKnown;
    Time since{};                   // of `presence`
    std::vector<NextHopSpec> left;  // hops that it left, whose connections are not decided yet
    std::optional<Time> asked;
    bool cleared = false;   // the kernel has dropped its MAC since it was asked
    bool answered = false;  // from where it was
  };
  using Entries = std::map<Address, Entry>;
  using HopKey = std::tuple<std::string, std::uint16_t, std::array<std::uint8_t, 6>>;
  using Users = std::map<HopKey, std::vector<Address>>;
  enum class Verdict : std::uint8_t { kFollow, kStay, kWait };

  static HopKey key_of(const NextHopSpec& hop) { return {hop.port, hop.vlan, hop.mac.bytes}; }
  bool has_room();
  void lose(Address address, const std::string& port, std::uint16_t vlan, Presence how, Time now);
  void forget_old(Time now);
  void decide(Address address, const Users& users, Decision& decision, Time now);
  Verdict judge(Address address, std::vector<Address> others, Decision& decision, Time now);
  bool waits_for(Address other, Decision& decision, Time now);

  Entries entries_;
  std::set<Address> gateways_;
  std::set<Address> undecided_;
  std::set<Address> settled_;  // that were asked, and need not be any more
  std::set<Address> changed_;  // since the last decision, for Decision::remember
};

}  // namespace lb::controlplane
