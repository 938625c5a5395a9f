#include "controlplane/servers/panic.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <utility>

#include "config/base/log.h"
#include "controlplane/alert/alerts.h"
#include "controlplane/api/controlplane.pb.h"

namespace lb::controlplane {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// The peer notices some seconds before or after us: it is queried repeatedly.
constexpr milliseconds kAskAgain{1'000};
constexpr milliseconds kAnswerLimit{2'000};

health::PanicGuard::Settings settings_of(const config::Health& config) {
  return {config.panic_threshold, config.panic_window};
}

health::PanicGuard::Target guarded(const RealServer& server) {
  return {server.id, server.health->question, server.config->address.address};
}

}  // namespace

Panic::Panic(boost::asio::io_context& io, const Inventory& inventory, Alerts& alerts, Host host)
    : inventory_(inventory),
      config_(inventory.config()->health),
      alerts_(alerts),
      host_(std::move(host)),
      calm_timer_(io),
      ask_timer_(io) {
  guard_.configure(settings_of(config_), Clock::now());
}

void Panic::configure(const config::Config& config) {
  if (config_ == config.health) return;
  config_ = config.health;
  settle(guard_.configure(settings_of(config_), Clock::now()));
}

void Panic::update(const RealServer& server) {
  const health::State& state = *server.health;
  if (server.service->config->check_of(*server.config).type == config::CheckType::kNone) return;
  const auto now = Clock::now();
  if (state.up) {
    settle(guard_.good(guarded(server), now));
  } else if (!state.passes && !state.agent.out()) {
    settle(guard_.bad(guarded(server), now));
  } else {
    settle(guard_.forget(server.id, now));
  }
}

void Panic::forget(RealServerId id) {
  settle(guard_.forget(id, Clock::now()));
}

void Panic::change_question(const RealServer& server) {
  guard_.change_question(server.id, server.health->question);
}

// ---- actions

void Panic::settle(bool others) {
  if (guard_.holding() && !reported_) begin();
  if (!guard_.holding() && reported_) end();
  calm_timer_.cancel();
  if (const auto next = guard_.next()) {
    calm_timer_.expires_at(*next);
    calm_timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) settle(guard_.pass(Clock::now()));
    });
  }
  if (others) host_.changed();
}

void Panic::begin() {
  reported_ = true;
  since_ = Clock::now();
  ++times_;
  const auto [failing, all] = guard_.counts();
  const std::string reason =
      fmt::format("{} of {} checks failed within {} ms, more than {}%", failing, all,
                  config_.panic_window.count(), config_.panic_threshold);
  log::error(
      "panic guard: {}: this director may be at fault; their real servers stay in service, "
      "see docs/health.md",
      reason);
  alerts_.panic(true, reason);
  ask();
}

void Panic::end() {
  reported_ = false;
  ask_timer_.cancel();
  round_ = {round_.number + 1, {}, 0, 0, 0};
  peer_.clear();
  const auto took = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - since_);
  const std::string reason =
      fmt::format("no real server is held any more, after {} s", took.count());
  log::info("panic guard: {}", reason);
  alerts_.panic(false, reason);
}

std::string Panic::why() const {
  const auto [failing, all] = guard_.counts();
  return fmt::format("held: check failed, {} of {} checks fail at once", failing, all);
}

Result<std::string> Panic::release_held() {
  if (!guard_.holding()) return fail("the panic guard holds no real server");
  const std::size_t failing = guard_.counts().failing;
  log::warning("panic guard: an operator trusts the checks");
  settle(guard_.release_all(Clock::now()));
  return fmt::format("the real servers of {} failing checks are taken out of service", failing);
}

// ---- the peer

void Panic::ask() {
  if (!guard_.holding()) return;
  round_ = {round_.number + 1, held(), 0, 0, 0};
  ask_next();
}

std::vector<Panic::Held> Panic::held() const {
  std::vector<Held> all;
  for (const Service& service : inventory_.services()) {
    for (const RealServer& server : service.servers) {
      if (!server.health || !holds(server)) continue;
      all.push_back({server.id, {service.key.to_string(), server.config->address}});
    }
  }
  return all;
}

void Panic::ask_next() {
  const std::size_t left = round_.held.size() - round_.done;
  if (left == 0) return end_round();
  sync::CheckKeys keys;
  for (std::size_t i = 0; i < std::min(left, sync::kMaxCheckKeys); ++i) {
    keys.push_back(round_.held[round_.done + i].key);
  }
  const auto on_answer = [this, number = round_.number, at = round_.done](const auto& opinions) {
    if (number == round_.number && at == round_.done) on_opinions(opinions);
  };
  if (!host_.ask(keys, on_answer)) {
    peer_.clear();
    return ask_again_later();
  }
  ask_timer_.expires_after(kAnswerLimit);
  ask_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    peer_ = "it does not answer";
    ask();
  });
}

void Panic::ask_again_later() {
  ask_timer_.expires_after(kAskAgain);
  ask_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) ask();
  });
}

void Panic::on_opinions(const sync::CheckOpinions& opinions) {
  std::vector<RealServerId> down;
  for (std::size_t i = 0; i < opinions.size(); ++i) {
    if (opinions[i] == sync::CheckOpinion::kUp) ++round_.up;
    if (opinions[i] == sync::CheckOpinion::kDown) down.push_back(round_.held[round_.done + i].id);
  }
  round_.done += opinions.size();
  round_.down += down.size();
  ask_timer_.cancel();
  if (!down.empty()) {
    log::warning("panic guard: the peer's checks fail too for {} of the held real servers",
                 down.size());
  }
  const std::uint64_t number = round_.number;
  settle(guard_.agree(down, Clock::now()));
  if (number == round_.number) ask_next();
}

void Panic::end_round() {
  const std::size_t all = round_.held.size();
  std::string said = fmt::format("{} up, {} down, {} not known", round_.up, round_.down,
                                 all - round_.up - round_.down);
  if (said != peer_) log::info("panic guard: the peer's checks: {}", said);
  peer_ = std::move(said);
  ask_again_later();
}

void Panic::fill(api::control::Panic& status) const {
  status.set_threshold(config_.panic_threshold);
  status.set_times(times_);
  status.set_holds(guard_.holding());
  if (!guard_.holding()) return;
  const auto since = std::chrono::duration_cast<milliseconds>(Clock::now() - since_);
  status.set_since_ms(static_cast<std::uint64_t>(since.count()));
  status.set_failing(guard_.counts().failing);
  status.set_all(guard_.counts().all);
  status.set_peer(peer_);
}

}  // namespace lb::controlplane
