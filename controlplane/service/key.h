// Identifies a service whatever its name, as in the data plane (dataplane/api/snapshot_spec.h), and
// towards the HA peer and in the files of state_dir. Pure.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "config/model.h"

namespace lb::controlplane {

struct ServiceKey {
  Protocol protocol = Protocol::kTcp;
  EndpointRange vip;  // the first

  auto operator<=>(const ServiceKey&) const = default;
  std::string to_string() const;  // "tcp 192.0.2.10:80"
  static std::optional<ServiceKey> parse(std::string_view text);
};
ServiceKey key_of(const config::Service& service);

}  // namespace lb::controlplane
