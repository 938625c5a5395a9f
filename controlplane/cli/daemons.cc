#include "controlplane/cli/daemons.h"

#include <fmt/format.h>

#include "controlplane/cli/access.h"

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
Result<Client> Daemons::connect(const std::string& name, const std::string& daemon) const {
  const config::RunDir folder = run_dir();
  const std::string admin = folder.path + '/' + name + ".sock";
  const std::string reading = folder.path + '/' + name + "-read.sock";
  // Members of the read_group get the second one; the daemon itself refuses changes there.
  const bool reads_only = denied(admin);
  if (reads_only && (denied(reading) || !exists(reading))) {
    return fail(access_refused(folder.path, admin, reading), ErrorKind::kDenied);
  }
  const std::string& path = reads_only ? reading : admin;
  const api::ClientOptions client_options{.program = "lbcli", .daemon = daemon};
  auto client = Client::connect(path, client_options);
  // When the socket answers, the error is its own, as another release.
  if (client || api::FrameSocket::connect(path, daemon, client_options.timeout)) return client;
  return fail(
      fmt::format("{} is not running: no answer at {} (the folder is {}); start it (systemctl "
                  "start {}), or name its folder with --run-dir or --config",
                  daemon, path, folder.source, daemon),
      ErrorKind::kUnreachable);
}

Result<DataplaneClient> Daemons::dataplane() const {
  return connect<DataplaneClient>("dataplane", "lb-dataplane");
}

Result<ControlClient> Daemons::controlplane() const {
  return connect<ControlClient>("controlplane", "lb-controlplane");
}

Result<api::Stats> ask_stats(DataplaneClient& client) {
  api::Request request;
  request.mutable_stats();
  auto response = client.call(std::move(request));
  if (!response) return tl::make_unexpected(response.error());
  return std::move(*response->mutable_stats());
}

Result<api::control::Status> ask_status(ControlClient& client, bool with_checks) {
  api::control::Request request;
  request.mutable_status()->set_with_checks(with_checks);
  auto response = client.call(std::move(request));
  if (!response) return tl::make_unexpected(response.error());
  return std::move(*response->mutable_status());
}

}  // namespace lb::cli
