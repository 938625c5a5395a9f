#include "controlplane/service/agent_report.h"

#include <algorithm>
#include <charconv>

namespace lb::health {
namespace {

constexpr std::string_view kSeparators = " \t,\r";
constexpr unsigned kMostPercent = 100;

bool parse_percent(std::string_view word, AgentReport& out) {
  if (!word.ends_with('%')) return false;
  word.remove_suffix(1);
  unsigned percent = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), percent);
  if (error != std::errc() || end != word.data() + word.size() || percent > kMostPercent) {
    return false;
  }
  out.percent = static_cast<std::uint8_t>(percent);
  return true;
}

bool take(std::string_view word, AgentReport& out) {
  if (word == "drain") {
    out.drain = true;
  } else if (word == "maint") {
    out.maint = true;
  } else if (word == "ready") {
    out.drain = out.maint = false;
  } else if (word == "up") {
    out.down = false;
  } else if (word == "down" || word == "failed" || word == "stopped") {
    out.down = true;
  } else {
    return parse_percent(word, out);
  }
  return true;
}

}  // namespace

std::optional<AgentReport> parse_agent_line(std::string_view line) {
  line = line.substr(0, line.find('#'));
  AgentReport out;
  while (true) {
    const std::size_t begin = line.find_first_not_of(kSeparators);
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(kSeparators), line.size());
    if (!take(line.substr(0, end), out)) return std::nullopt;
    line.remove_prefix(end);
  }
  if (out == AgentReport{}) return std::nullopt;
  return out;
}

void AgentState::apply(const AgentReport& word) {
  percent = word.percent.value_or(percent);
  drain = word.drain.value_or(drain);
  maint = word.maint.value_or(maint);
  down = word.down.value_or(down);
}

std::uint16_t AgentState::weight(std::uint16_t configured) const {
  if (drain || percent == 0) return 0;
  const unsigned share = (unsigned{configured} * percent + kMostPercent - 1) / kMostPercent;
  return static_cast<std::uint16_t>(share);
}

}  // namespace lb::health
