#include "controlplane/service/agent_report.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "config/model.h"

namespace lb::health {
namespace {

constexpr std::string_view kSeparators = " \t,\r";
constexpr std::string_view kMaxConn = "maxconn:";
constexpr std::uint32_t kWhole = 100;  // percent
// Of the weight 1 it is the largest weight.
constexpr std::uint32_t kMostPercent = config::kMaxWeight * kWhole;

// Digits alone.
void read_number(std::string_view text, std::uint32_t most, std::optional<std::uint32_t>& out) {
  std::uint32_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error == std::errc::invalid_argument || end != last) return;
  out = error == std::errc::result_out_of_range ? most : std::min(number, most);
}

void read_word(std::string_view word, AgentReport& out) {
  if (word == "up") {
    out.down = false;
  } else if (word == "down" || word == "fail" || word == "failed" || word == "stopped") {
    out.down = true;
  } else if (word == "ready" || word == "drain" || word == "maint") {
    out.drain = word == "drain";
    out.maint = word == "maint";
  } else if (word.starts_with(kMaxConn)) {
    read_number(word.substr(kMaxConn.size()), config::kMaxConnections, out.max_connections);
  } else if (word.ends_with('%')) {
    read_number(word.substr(0, word.size() - 1), kMostPercent, out.percent);
  }
}

}  // namespace

std::optional<AgentReport> parse_agent_line(std::string_view line) {
  std::string words(line.substr(0, line.find('#')));
  for (char& c : words) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  AgentReport out;
  for (std::string_view left = words;;) {
    left.remove_prefix(std::min(left.find_first_not_of(kSeparators), left.size()));
    if (left.empty()) break;
    const std::string_view word = left.substr(0, left.find_first_of(kSeparators));
    read_word(word, out);
    left.remove_prefix(word.size());
  }
  if (out == AgentReport{}) return std::nullopt;
  return out;
}

void AgentState::apply(const AgentReport& report) {
  percent = report.percent.value_or(percent);
  max_connections = report.max_connections.value_or(max_connections);
  drain = report.drain.value_or(drain);
  maint = report.maint.value_or(maint);
  down = report.down.value_or(down);
}

std::uint16_t AgentState::weight(std::uint16_t configured) const {
  if (drain || percent == 0) return 0;
  const std::uint64_t share = (std::uint64_t{configured} * percent + kWhole - 1) / kWhole;
  return static_cast<std::uint16_t>(std::min<std::uint64_t>(share, config::kMaxWeight));
}

}  // namespace lb::health
