// The shared enumerations (config/base/service_enums.h) in messages: the one way there and back.
// The numbers are the same on both sides.
#pragma once

#include <string_view>

#include "config/base/result.h"
#include "config/base/service_enums.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb {

api::Protocol to_api(Protocol value);
api::Mode to_api(Mode value);
api::Scheduler to_api(Scheduler value);
api::OnServerDown to_api(OnServerDown value);
api::AntiSpoof to_api(AntiSpoof value);
api::SynProxyMode to_api(SynProxyMode value);

// Fails with "unknown mode 9" on a number that has no name here.
Result<Protocol> from_api(api::Protocol value);
Result<Mode> from_api(api::Mode value);
Result<Scheduler> from_api(api::Scheduler value);
Result<OnServerDown> from_api(api::OnServerDown value);
Result<AntiSpoof> from_api(api::AntiSpoof value);
Result<SynProxyMode> from_api(api::SynProxyMode value);

// As the configuration writes it, for programs that print messages; "?" where from_api() fails.
template <typename ApiEnum>
std::string_view name_in(ApiEnum value) {
  const auto known = from_api(value);
  return known ? name_of(*known) : "?";
}

}  // namespace lb
