// The control plane's word on services and real servers, found by what the data plane calls them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/json.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::cli {

class StatusIndex {
 public:
  // Null: the control plane is silent.
  explicit StatusIndex(const api::control::Status* status);

  // Null when the control plane knows no such server, or service.
  const api::control::Target* find(const api::ServiceStats& service,
                                   const api::RealServerStats& server) const;
  const api::control::ServiceState* find(const api::ServiceStats& service) const;

  // state_text() of format.h, or what stands between: "maint", "drain", "drained", "quiesced",
  // "slow start"; of a sorry server "not in use". Lives as long as the status.
  std::string_view state_name(const api::ServiceStats& service,
                              const api::RealServerStats& server) const;
  // With more: "drain, 9m58s left", "slow start 40%", "sorry server, up".
  std::string state_text(const api::ServiceStats& service,
                         const api::RealServerStats& server) const;
  // The weight that counts; with a star when it is not the file's.
  std::string weight_text(const api::ServiceStats& service,
                          const api::RealServerStats& server) const;
  // The same for programs; null when the control plane says nothing.
  Json policy_json(const api::ServiceStats& service, const api::RealServerStats& server) const;

 private:
  bool is_sorry(const api::ServiceStats& service, const api::RealServerStats& server) const;

  std::map<std::tuple<std::string, std::string, std::uint32_t>, const api::control::Target*>
      targets_;
  std::map<std::string, const api::control::ServiceState*> services_;
};

}  // namespace lb::cli
