// `show check`.
#include <fmt/format.h>

#include <set>

#include "controlplane/view/as_text.h"
#include "controlplane/view/checks_fields.h"
#include "controlplane/view/format.h"
#include "controlplane/view/table.h"

namespace lb::view {
namespace {

constexpr std::uint64_t kWhole = 10'000;  // hundredths of a percent

// What the panic guard does, before the table.
std::string panic_text(const std::optional<PanicGuard>& panic) {
  if (!panic || !panic->hold) return {};
  return fmt::format(
      "Panic guard: holds since {}, {} of {} checks fail (threshold {}%); the peer's checks: "
      "{}\n\n",
      age_text(panic->hold->since_ms), panic->hold->failing, panic->hold->all, panic->threshold,
      panic->hold->peer.value_or("not known"));
}

}  // namespace

std::string check_target_cell(const CheckRow& row) {
  return join_endpoint(row.address, row.port);
}

std::string check_since_cell(const CheckRow& row) {
  const CheckTargetRow* const target = row.latest();
  return target == nullptr ? "-" : age_text(target->since_ms);
}

std::string check_changes_cell(const CheckRow& row) {
  const CheckTargetRow* const target = row.latest();
  return target == nullptr ? "-" : std::to_string(target->transitions);
}

std::string check_up_time_cell(const CheckRow& row) {
  const CheckTargetRow* const target = row.latest();
  if (target == nullptr || target->known_ms == 0) return "-";
  const std::uint64_t share = target->up_ms * kWhole / target->known_ms;
  return fmt::format("{}.{:02}%", share / 100, share % 100);
}

std::string check_last_cell(const CheckRow& row) {
  return row.last_ms ? age_text(*row.last_ms) : "-";
}

std::string check_next_cell(const CheckRow& row) {
  if (row.running) return "runs";
  return row.next_ms ? "in " + age_text(*row.next_ms) : "-";
}

std::string check_services_cell(const CheckRow& row) {
  std::set<std::string> names;
  for (const CheckTargetRow& target : row.targets) names.insert(target.service);
  if (names.empty()) return "-";
  return names.size() == 1 ? *names.begin()
                           : fmt::format("{} and {} more", *names.begin(), names.size() - 1);
}

std::string check_result_cell(const CheckRow& row) {
  return row.last_result.empty() ? "-" : row.last_result;
}

std::string as_text(const Checks& answer) {
  Columns columns = table_of<CheckRow>();
  for (const CheckRow& check : answer.checks) {
    if (!check.targets.empty()) columns.row(cells_of(check));
  }
  return panic_text(answer.panic) + columns.text();
}

}  // namespace lb::view
