#include "dataplane/api/enum_codec.h"

#include <string>

namespace lb {
namespace {

template <NamedEnum E>
Result<E> checked(int number, std::string_view what) {
  for (const EnumName<E>& entry : kEnumNames<E>) {
    if (static_cast<int>(entry.value) == number) return entry.value;
  }
  return fail("unknown " + std::string(what) + " " + std::to_string(number));
}

}  // namespace

api::Protocol to_api(Protocol value) {
  return static_cast<api::Protocol>(value);
}
api::Mode to_api(Mode value) {
  return static_cast<api::Mode>(value);
}
api::Scheduler to_api(Scheduler value) {
  return static_cast<api::Scheduler>(value);
}
api::OnServerDown to_api(OnServerDown value) {
  return static_cast<api::OnServerDown>(value);
}
api::AntiSpoof to_api(AntiSpoof value) {
  return static_cast<api::AntiSpoof>(value);
}
api::SynProxyMode to_api(SynProxyMode value) {
  return static_cast<api::SynProxyMode>(value);
}

Result<Protocol> from_api(api::Protocol value) {
  return checked<Protocol>(value, "protocol");
}
Result<Mode> from_api(api::Mode value) {
  return checked<Mode>(value, "mode");
}
Result<Scheduler> from_api(api::Scheduler value) {
  return checked<Scheduler>(value, "scheduler");
}
Result<OnServerDown> from_api(api::OnServerDown value) {
  return checked<OnServerDown>(value, "on_server_down");
}
Result<AntiSpoof> from_api(api::AntiSpoof value) {
  return checked<AntiSpoof>(value, "anti_spoof");
}
Result<SynProxyMode> from_api(api::SynProxyMode value) {
  return checked<SynProxyMode>(value, "syn_proxy");
}

}  // namespace lb
