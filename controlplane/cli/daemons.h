// Connections to the two daemons.
#pragma once

#include "config/run_dir.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/options.h"
#include "controlplane/cli/outcome.h"

namespace lb::cli {

using ControlClient = api::Client<api::control::Request, api::control::Response>;

// `options` outlives it.
class Daemons {
 public:
  explicit Daemons(const Options& options) : options_(options) {}

  // Over the admin socket, or else over the read-only one.
  Result<DataplaneClient> dataplane() const;
  Result<ControlClient> controlplane() const;

 private:
  template <typename Client>
  Result<Client> connect(const std::string& name, const std::string& daemon) const;
  config::RunDir run_dir() const;

  const Options& options_;
};

Result<api::Stats> ask_stats(DataplaneClient& client);
Result<api::control::Status> ask_status(ControlClient& client, bool with_checks = false);

}  // namespace lb::cli
