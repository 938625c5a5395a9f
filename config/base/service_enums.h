// The enumerations of services and ports, shared by the file, the API and the data plane.
// The numbers are the API's (dataplane/api/dataplane.proto): a value never gets another one.
#pragma once

#include <array>
#include <cstdint>

#include "config/base/enum_names.h"

namespace lb {

enum class Protocol : std::uint8_t { kTcp = 6, kUdp = 17 };  // as IPv4 has it

constexpr auto enum_names(Protocol) {
  return std::to_array<EnumName<Protocol>>({
      {"tcp", Protocol::kTcp},
      {"udp", Protocol::kUdp},
  });
}

enum class Mode : std::uint8_t { kNat, kDr };

constexpr auto enum_names(Mode) {
  return std::to_array<EnumName<Mode>>({
      {"nat", Mode::kNat},
      {"dr", Mode::kDr},
  });
}

enum class Scheduler : std::uint8_t { kRr, kWrr, kLc, kWlc, kSh, kDh, kMh, kSed, kNq, kFo, kOvf };

constexpr auto enum_names(Scheduler) {
  return std::to_array<EnumName<Scheduler>>({
      {"rr", Scheduler::kRr},
      {"wrr", Scheduler::kWrr},
      {"lc", Scheduler::kLc},
      {"wlc", Scheduler::kWlc},
      {"sh", Scheduler::kSh},
      {"dh", Scheduler::kDh},
      {"mh", Scheduler::kMh},
      {"sed", Scheduler::kSed},
      {"nq", Scheduler::kNq},
      {"fo", Scheduler::kFo},
      {"ovf", Scheduler::kOvf},
  });
}

// Whether the director answers SYNs itself, with cookies.
enum class SynProxyMode : std::uint8_t { kOff, kAdaptive, kAlways };

constexpr auto enum_names(SynProxyMode) {
  return std::to_array<EnumName<SynProxyMode>>({
      {"off", SynProxyMode::kOff},
      {"adaptive", SynProxyMode::kAdaptive},
      {"always", SynProxyMode::kAlways},
  });
}

// What happens to connections whose real server went down or was removed.
enum class OnServerDown : std::uint8_t {
  kReset,    // TCP: the client gets a RST; UDP: the connection ends, the next datagram makes a new
             // one
  kKeep,     // packets go on to the old server until the connection times out
  kQuiesce,  // likewise, and the server stays a candidate of weight 0: persistent clients stay,
             // too. The control plane implements the second half; for the data plane it is kKeep
};

constexpr auto enum_names(OnServerDown) {
  return std::to_array<EnumName<OnServerDown>>({
      {"reset", OnServerDown::kReset},
      {"keep", OnServerDown::kKeep},
      {"quiesce", OnServerDown::kQuiesce},
  });
}

// Whose names a port does not believe: docs/ingress-checks.md.
enum class AntiSpoof : std::uint8_t {
  kAddresses,  // the director's own, and those of real servers that other ports lead to
  kOff,
  kStrict,  // as kAddresses, and every source that no route through this port leads to
};

constexpr auto enum_names(AntiSpoof) {
  return std::to_array<EnumName<AntiSpoof>>({
      {"addresses", AntiSpoof::kAddresses},
      {"off", AntiSpoof::kOff},
      {"strict", AntiSpoof::kStrict},
  });
}

}  // namespace lb
