#include "controlplane/servers/health_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "config/base/log.h"
#include "controlplane/os/file_writer.h"
#include "controlplane/os/text_file.h"
#include "controlplane/servers/state_number.h"

namespace lb::controlplane {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kVersion = 1;
constexpr std::chrono::seconds kTogether{3};

std::int64_t to_unix_ms(Clock::time_point when, const Now& now) {
  const auto at = now.calendar.time_since_epoch() + (when - now.steady);
  return std::chrono::duration_cast<milliseconds>(at).count();
}

// Not in the future.
Clock::time_point from_unix_ms(const Json& json, const char* key, const Now& now) {
  const auto age = std::chrono::duration_cast<milliseconds>(now.calendar.time_since_epoch()) -
                   state_unix_ms(json, key);
  return now.steady - std::max(age, milliseconds(0));
}

health::SavedState to_saved_state(const Json& json, Clock::time_point written, const Now& now) {
  health::SavedState state;
  state.written = written;
  state.up = json.at("up").get<bool>();
  state.since = std::min(from_unix_ms(json, "since_unix_ms", now), written);
  state.known_since = std::min(from_unix_ms(json, "known_unix_ms", now), state.since);
  state.transitions = static_cast<std::uint32_t>(
      state_number(json, "transitions", std::numeric_limits<std::uint32_t>::max()));
  const Clock::duration least = state.up ? written - state.since : Clock::duration{};
  state.up_time = std::clamp<Clock::duration>(
      milliseconds(state_number(json, "up_ms", kLatestUnixMs)), least, written - state.known_since);
  return state;
}

}  // namespace

const health::SavedState* SavedStates::find(const RealServer& server,
                                            const Inventory& inventory) const {
  const config::Service& service = *server.service->config;
  const Endpoint address = server.config->address;
  auto found = by_key_.find({server.service->key, address});
  if (found != by_key_.end()) return &found->second;
  const auto key = keys_.find({service.name, service.protocol});
  if (key != keys_.end() && inventory.find(key->second) == nullptr) {
    found = by_key_.find({key->second, address});
    return found == by_key_.end() ? nullptr : &found->second;
  }
  const auto named = by_name_.find({service.name, service.primary_endpoint(), address});
  return named == by_name_.end() ? nullptr : &named->second;
}

std::string print_history(const Inventory& inventory, const Now& now) {
  Json list = Json::array();
  for (const Service& service : inventory.services()) {
    for (const RealServer& server : service.servers) {
      if (!server.health) continue;
      const health::State& state = *server.health;
      const auto up_time = state.up_time(now.steady);
      list.push_back({{"key", service.key.to_string()},
                      {"service", service.config->name},
                      {"vip", service.config->primary_endpoint().to_string()},
                      {"address", server.config->address.to_string()},
                      {"up", state.up},
                      {"since_unix_ms", to_unix_ms(state.since, now)},
                      {"known_unix_ms", to_unix_ms(state.known_since, now)},
                      {"up_ms", std::chrono::duration_cast<milliseconds>(up_time).count()},
                      {"transitions", state.transitions}});
    }
  }
  return Json{{"version", kVersion},
              {"written_unix_ms", to_unix_ms(now.steady, now)},
              {"targets", std::move(list)}}
             .dump() +
         '\n';
}

Result<SavedStates> read_history(std::string_view text, const Now& now) {
  try {
    const Json json = Json::parse(text);
    if (json.at("version") != kVersion) return fail("unsupported version");
    const auto written = from_unix_ms(json, "written_unix_ms", now);
    SavedStates saved;
    for (const Json& each : json.at("targets")) {
      const auto vip = Endpoint::parse_port_optional(each.at("vip").get<std::string>());
      const auto address = Endpoint::parse_port_optional(each.at("address").get<std::string>());
      if (!vip || !address) return fail("invalid address");
      const health::SavedState state = to_saved_state(each, written, now);
      if (!each.contains("key")) {
        saved.by_name_[{each.at("service").get<std::string>(), *vip, *address}] = state;
        continue;
      }
      const auto key = ServiceKey::parse(each.at("key").get<std::string>());
      if (!key) return fail("invalid key");
      saved.by_key_[{*key, *address}] = state;
      saved.keys_[{each.at("service").get<std::string>(), key->protocol}] = *key;
    }
    return saved;
  } catch (const Json::exception& error) {
    return fail(damage(error));
  }
}

HealthHistory::HealthHistory(boost::asio::io_context& io, FileWriter& writer, std::string path,
                             const Inventory& inventory)
    : writer_(writer), path_(std::move(path)), inventory_(inventory), timer_(io) {}

SavedStates HealthHistory::load() const {
  const auto text = read_text(path_);
  if (text && !*text) return {};
  auto saved = text ? read_history(**text, Now{}) : tl::make_unexpected(text.error());
  if (saved) return std::move(*saved);
  log::warning("{} is damaged ({}); the history of the checks starts over", path_,
               saved.error().message);
  return {};
}

void HealthHistory::changed() {
  if (std::exchange(due_, true)) return;
  timer_.expires_after(kTogether);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) write();
  });
}

void HealthHistory::write() {
  due_ = false;
  timer_.cancel();
  writer_.write(path_, print_history(inventory_, Now{}), [failed = failed_](const auto& written) {
    if (!written && !*failed) {
      log::error("{}; a restart will lose the history of the checks", written.error().message);
    }
    *failed = !written;
  });
}

}  // namespace lb::controlplane
