#include "controlplane/cli/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "controlplane/view/json_value.h"
#include "dataplane/api/frame.h"

namespace lb::cli {
namespace {

using view::Json;

std::size_t real_servers(const config::Config& config) {
  std::size_t count = 0;
  for (const config::Service& service : config.services) count += service.real_servers.size();
  return count;
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// What is no mistake, but may not be what the operator expects.
std::vector<std::string> notes_of(const config::Config& config) {
  const bool waits = std::ranges::any_of(config.ha.resources, [](const config::HaResource& each) {
    return each.peer_confirmation != config::PeerConfirmation::kNone;
  });
  if (!waits || config.ha.sync) return {};
  return {
      "without [ha.sync] no peer reports that it has stopped its resources: a new master waits for "
      "the "
      "sum of stop_timeout and 5s, then starts its own"};
}

}  // namespace

std::string check_text(const config::Loaded& loaded) {
  std::string text = fmt::format("{}: ok ({}, {})\n", loaded.file_name,
                                 counted(loaded.config.services.size(), "service"),
                                 counted(real_servers(loaded.config), "real server"));
  for (const std::string& note : notes_of(loaded.config)) text += "note: " + note + '\n';
  return text;
}

std::string check_json(const config::Loaded& loaded) {
  Json mistakes = Json::array();
  for (const config::Mistake& mistake : loaded.mistakes) {
    mistakes.push_back({{"line", mistake.where.line},
                        {"column", mistake.where.column},
                        {"message", mistake.message}});
  }
  return view::print({{"file", loaded.file_name},
                      {"ok", loaded.mistakes.empty()},
                      {"services", loaded.config.services.size()},
                      {"real_servers", real_servers(loaded.config)},
                      {"mistakes", std::move(mistakes)},
                      {"notes", notes_of(loaded.config)}});
}

std::string result_json(std::string_view text) {
  return view::print({{"result", text}});
}

std::string version_text(const std::vector<DaemonRelease>& daemons) {
  std::string out = fmt::format("lbcli {} (protocol {})\n", LB_RELEASE, api::kProtocolVersion);
  for (const DaemonRelease& daemon : daemons) {
    out += daemon.release.empty() ? fmt::format("{} - ({})\n", daemon.program, daemon.error)
                                  : fmt::format("{} {}\n", daemon.program, daemon.release);
  }
  return out;
}

std::string version_json(const std::vector<DaemonRelease>& daemons) {
  Json list = Json::array();
  for (const DaemonRelease& daemon : daemons) {
    list.push_back({{"program", daemon.program},
                    {"release", daemon.release.empty() ? Json(nullptr) : Json(daemon.release)},
                    {"error", daemon.error.empty() ? Json(nullptr) : Json(daemon.error)}});
  }
  return view::print(
      {{"release", LB_RELEASE}, {"protocol", api::kProtocolVersion}, {"daemons", std::move(list)}});
}

}  // namespace lb::cli
