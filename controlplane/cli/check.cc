#include "controlplane/cli/check.h"

#include <fmt/format.h>

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

}  // namespace

std::string check_text(const config::Loaded& loaded) {
  return fmt::format("{}: ok ({}, {})\n", loaded.file_name,
                     counted(loaded.config.services.size(), "service"),
                     counted(real_servers(loaded.config), "real server"));
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
                      {"mistakes", std::move(mistakes)}});
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
