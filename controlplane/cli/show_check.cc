// `show check`: each distinct check once, with all that want its answer.
#include <fmt/format.h>

#include <set>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/format.h"
#include "controlplane/cli/json.h"
#include "controlplane/cli/show.h"

namespace lb::cli {
namespace {

using api::control::CheckStatus;
using api::control::CheckTarget;

constexpr std::uint64_t kWhole = 10'000;  // hundredths of a percent

// "up", "down", or how many of the targets are up: each counts for itself, with its own rise and
// fall. "held": down, but some are in service by the panic guard.
std::string state_of(const CheckStatus& check) {
  int up = 0;
  bool held = false;
  for (const CheckTarget& target : check.targets()) {
    up += target.up() ? 1 : 0;
    held |= target.held();
  }
  if (up == check.targets_size()) return "up";
  if (up == 0 && held) return "held";
  return up == 0 ? "down" : fmt::format("{} of {} up", up, check.targets_size());
}

// Of the target that turned last.
const CheckTarget* latest(const CheckStatus& check) {
  const CheckTarget* found = nullptr;
  for (const CheckTarget& target : check.targets()) {
    if (found == nullptr || target.since_ms() < found->since_ms()) found = &target;
  }
  return found;
}

std::string share_text(const CheckTarget& target) {
  if (target.known_ms() == 0) return "-";
  const std::uint64_t share = target.up_ms() * kWhole / target.known_ms();
  return fmt::format("{}.{:02}%", share / 100, share % 100);
}

std::string services_text(const CheckStatus& check) {
  std::set<std::string> names;
  for (const CheckTarget& target : check.targets()) names.insert(target.service());
  if (names.empty()) return "-";
  return names.size() == 1 ? *names.begin()
                           : fmt::format("{} and {} more", *names.begin(), names.size() - 1);
}

std::string next_text(const CheckStatus& check) {
  if (check.running()) return "runs";
  return check.has_next_ms() ? "in " + age_text(check.next_ms()) : "-";
}

// What the panic guard does, before the table.
std::string panic_text(const api::control::Panic& panic) {
  if (!panic.holds()) return {};
  return fmt::format(
      "Panic guard: holds since {}, {} of {} checks fail (threshold {}%); the peer's checks: "
      "{}\n\n",
      age_text(panic.since_ms()), panic.failing(), panic.all(), panic.threshold(),
      panic.peer().empty() ? "not known" : panic.peer());
}

Json panic_json(const api::control::Status& status) {
  if (!status.has_panic()) return nullptr;
  const api::control::Panic& panic = status.panic();
  Json json = {
      {"threshold", panic.threshold()}, {"times", panic.times()}, {"holds", panic.holds()}};
  if (!panic.holds()) return json;
  json.update({{"since_ms", panic.since_ms()},
               {"failing", panic.failing()},
               {"all", panic.all()},
               {"peer", panic.peer().empty() ? Json(nullptr) : Json(panic.peer())}});
  return json;
}

Json target_json(const CheckTarget& target) {
  return {{"service", target.service()},
          {"address", address_text(target.address())},
          {"port", target.port()},
          {"up", target.up()},
          {"held", target.held()},
          {"since_ms", target.since_ms()},
          {"transitions", target.transitions()},
          {"up_ms", target.up_ms()},
          {"known_ms", target.known_ms()}};
}

}  // namespace

std::string checks_text(const api::control::Status& status) {
  using enum Columns::Align;
  Columns columns({kLeft, kLeft, kLeft, kRight, kRight, kRight, kRight, kRight, kLeft, kLeft});
  columns.row({"Target", "Check", "State", "Since", "Changes", "UpTime", "Last", "Next", "Services",
               "LastResult"});
  for (const CheckStatus& check : status.checks()) {
    const CheckTarget* const target = latest(check);
    if (target == nullptr) continue;
    columns.row({endpoint_text(check.address(), check.port()), check.type(), state_of(check),
                 age_text(target->since_ms()), std::to_string(target->transitions()),
                 share_text(*target), check.has_last_ms() ? age_text(check.last_ms()) : "-",
                 next_text(check), services_text(check),
                 check.last_result().empty() ? "-" : check.last_result()});
  }
  return panic_text(status.panic()) + columns.text();
}

std::string checks_json(const api::control::Status& status) {
  Json checks = Json::array();
  for (const CheckStatus& check : status.checks()) {
    Json targets = Json::array();
    for (const CheckTarget& target : check.targets()) targets.push_back(target_json(target));
    checks.push_back({{"address", address_text(check.address())},
                      {"port", check.port()},
                      {"check", check.type()},
                      {"state", state_of(check)},
                      {"last_result", check.last_result()},
                      {"last_ms", check.has_last_ms() ? Json(check.last_ms()) : Json(nullptr)},
                      {"next_ms", check.has_next_ms() ? Json(check.next_ms()) : Json(nullptr)},
                      {"running", check.running()},
                      {"targets", std::move(targets)}});
  }
  return print({{"panic", panic_json(status)}, {"checks", std::move(checks)}});
}

}  // namespace lb::cli
