#include "controlplane/service/key.h"

namespace lb::controlplane {

std::string ServiceKey::to_string() const {
  return std::string(name_of(protocol)) + ' ' + vip.to_string();
}

std::optional<ServiceKey> ServiceKey::parse(std::string_view text) {
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto protocol = from_name<Protocol>(text.substr(0, blank));
  const auto vip = EndpointRange::parse(text.substr(blank + 1));
  if (!protocol || !vip) return std::nullopt;
  return ServiceKey{*protocol, *vip};
}

ServiceKey key_of(const config::Service& service) {
  return {service.protocol, service.addresses.front()};
}

}  // namespace lb::controlplane
