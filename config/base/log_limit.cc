#include "config/base/log_limit.h"

#include <algorithm>

namespace lb {
namespace {

constexpr std::size_t kMaxKeyBytes = 128;
constexpr const char* kOthers = "";  // no source has this key

}  // namespace

LogLimit::Source& LogLimit::find(std::string key, Clock::time_point now) {
  const auto known = sources_.find(key);
  if (known != sources_.end()) return known->second;
  if (sources_.size() >= kMaxSources) {
    // Those that have been quiet for a period; what they left out is not worth a line any more.
    std::erase_if(sources_, [now](const auto& each) { return now - each.second.begun >= kPeriod; });
  }
  if (sources_.size() >= kMaxSources) key = kOthers;
  return sources_.try_emplace(std::move(key), Source{now, 0, 0}).first->second;
}

std::optional<std::uint64_t> LogLimit::admit(std::string_view kind, std::string_view source,
                                             Clock::time_point now) {
  std::string key(kind);
  key += '\n';
  key += source;
  key.resize(std::min(key.size(), kMaxKeyBytes));
  Source& of = find(std::move(key), now);
  if (now - of.begun >= kPeriod) {
    of.begun = now;
    of.written = 0;
  }
  if (of.written >= lines_) {
    ++of.left_out;
    return std::nullopt;
  }
  ++of.written;
  return std::exchange(of.left_out, 0);
}

void LogLimit::write(log::Level level, const std::string& line, std::uint64_t left_out) {
  log::write(level, left_out == 0 ? line
                                  : fmt::format("{} ({} such line{} left out before)", line,
                                                left_out, left_out == 1 ? "" : "s"));
}

}  // namespace lb
