#include "controlplane/cli/daemons.h"

#include <fmt/format.h>

#include "controlplane/cli/access.h"
#include "controlplane/cli/cli.h"

namespace lb::cli {
namespace {

constexpr const char* kUsualConfig = "/etc/ballast/ballast.toml";  // as of the daemons' units

}  // namespace

// An invalid or missing file is no error here: the command talks to the daemons.
config::RunDir Daemons::run_dir() const {
  if (!options_.run_dir.empty()) return {options_.run_dir, "--run-dir"};
  if (!options_.config_file.empty()) return config::run_dir_of(options_.config_file);
  return config::run_dir_of(kUsualConfig);
}

template <typename Client>
Outcome<Client> Daemons::connect(const std::string& name, const std::string& daemon) const {
  const config::RunDir folder = run_dir();
  const std::string path = folder.path + '/' + name + ".sock";
  const api::ClientOptions client_options{.program = "lbcli", .daemon = daemon};
  auto client = Client::connect(path, client_options);
  if (client) return std::move(*client);
  // The socket answers, so the error is its own, as another release.
  if (api::FrameSocket::connect(path, daemon, client_options.timeout)) {
    return stop(kFailed, client.error().message);
  }
  if (denied(path)) {
    // Members of the read_group; the daemon itself refuses changes there.
    const std::string reading = folder.path + '/' + name + "-read.sock";
    if (denied(reading) || !exists(reading)) {
      return stop(kFailed, access_refused(folder.path, path, reading));
    }
    auto reader = Client::connect(reading, client_options);
    if (reader) return std::move(*reader);
    return stop(kDaemonDown, reader.error().message);
  }
  return stop(
      kDaemonDown,
      fmt::format("{} is not running: no answer at {} (the folder is {}); start it (systemctl "
                  "start {}), or name its folder with --run-dir or --config",
                  daemon, path, folder.source, daemon));
}

Outcome<DataplaneClient> Daemons::dataplane() const {
  return connect<DataplaneClient>("dataplane", "lb-dataplane");
}

Outcome<ControlClient> Daemons::controlplane() const {
  return connect<ControlClient>("controlplane", "lb-controlplane");
}

Outcome<api::Stats> ask_stats(DataplaneClient& client) {
  api::Request request;
  request.mutable_stats();
  auto response = client.call(std::move(request));
  if (!response) return stop(kDaemonDown, response.error().message);
  return std::move(*response->mutable_stats());
}

Outcome<api::control::Status> ask_status(ControlClient& client, bool with_checks) {
  api::control::Request request;
  request.mutable_status()->set_with_checks(with_checks);
  auto response = client.call(std::move(request));
  if (!response) return stop(kDaemonDown, response.error().message);
  return std::move(*response->mutable_status());
}

}  // namespace lb::cli
