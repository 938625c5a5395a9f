#include "controlplane/alert/event.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "config/base/printable.h"

namespace lb::controlplane::alert {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::size_t kMostText = 1000;  // bytes
constexpr std::size_t kFields = 8;
constexpr std::int64_t kLatestUnixMs = 7'258'118'399'999;  // the end of the year 2199

constexpr std::array<std::string_view, 4> kSeverities = {"good", "notice", "bad", "critical"};

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

bool unescape(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return false;
    if (text[i] != '\\' && text[i] != 't' && text[i] != 'n') return false;
    out += text[i] == 't' ? '\t' : text[i] == 'n' ? '\n' : '\\';
  }
  return true;
}

template <typename T>
bool read_number(const std::string& text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string_view to_text(Severity severity) {
  return kSeverities.at(static_cast<std::size_t>(severity));
}

std::string headline(const Event& event) {
  if (event.kind == "server") {
    return fmt::format("{}: real server {} {}", event.name, event.server, event.state);
  }
  if (event.kind == "service") return fmt::format("service {} {}", event.name, event.state);
  if (event.kind == "quorum") return fmt::format("{}: quorum {}", event.name, event.state);
  if (event.kind == "ha") {
    return fmt::format("{}: {} -> {}", event.name, event.from, event.state);
  }
  if (event.kind == "vrrp") return fmt::format("{}: {}", event.name, event.state);
  if (event.kind == "resource") return fmt::format("resource {} {}", event.name, event.state);
  if (event.kind == "next_hop") return fmt::format("next hop {} {}", event.name, event.state);
  if (event.kind == "sync") {
    return fmt::format("sync link{} {}", event.state == "late heartbeat" ? ":" : "", event.state);
  }
  if (event.kind == "dataplane") return fmt::format("data plane {}", event.state);
  if (event.kind == "punt") {
    return fmt::format("packets for the kernel, {}: {}", event.name, event.state);
  }
  if (event.kind == "table") return fmt::format("connection table: {}", event.state);
  if (event.kind == "syn_proxy") return fmt::format("{}: SYN proxy {}", event.name, event.state);
  if (event.kind == "panic") return fmt::format("panic guard: {}", event.state);
  return fmt::format("{} {}", event.kind, event.state);
}

std::string time_text(system_clock::time_point at) {
  const auto ms = duration_cast<milliseconds>(at.time_since_epoch()).count();
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(system_clock::to_time_t(at)), ms % 1000);
}

std::vector<std::string> arguments_of(const Event& event) {
  return {event.kind, event.name, event.server, event.state};
}

std::vector<std::string> environment_of(const Event& event, const std::string& director) {
  const bool ha = event.kind == "ha" || event.kind == "vrrp";
  const bool is_service =
      !ha && event.kind != "punt" && event.kind != "next_hop" && event.kind != "resource";
  return {"BALLAST_DIRECTOR=" + director,
          "BALLAST_EVENT=" + event.kind,
          "BALLAST_SERVICE=" + (is_service ? event.name : ""),
          "BALLAST_INSTANCE=" + (ha ? event.name : ""),
          "BALLAST_RESOURCE=" + (event.kind == "resource" ? event.name : ""),
          "BALLAST_SERVER=" + event.server,
          "BALLAST_FROM=" + event.from,
          "BALLAST_STATE=" + event.state,
          "BALLAST_SEVERITY=" + std::string(to_text(event.severity)),
          "BALLAST_TIME=" + time_text(event.at),
          "BALLAST_TEXT=" + headline(event),
          "BALLAST_REASON=" + clean(event.reason)};
}

std::string encode(const Event& event) {
  const auto ms = duration_cast<milliseconds>(event.at.time_since_epoch()).count();
  std::string out = fmt::format("{}\t{}", ms, static_cast<int>(event.severity));
  for (const std::string* field :
       {&event.kind, &event.name, &event.server, &event.from, &event.state, &event.reason}) {
    out += '\t' + escape(*field);
  }
  return out;
}

std::optional<Event> decode(std::string_view line) {
  std::vector<std::string> fields;
  for (;;) {
    const auto end = line.find('\t');
    fields.emplace_back();
    if (!unescape(line.substr(0, end), fields.back())) return std::nullopt;
    if (end == std::string_view::npos) break;
    line.remove_prefix(end + 1);
  }
  std::int64_t ms = 0;
  unsigned severity = 0;
  if (fields.size() != kFields || !read_number(fields[0], ms) ||
      !read_number(fields[1], severity) || severity >= kSeverities.size() || ms < 0 ||
      ms > kLatestUnixMs) {
    return std::nullopt;
  }
  return Event{system_clock::time_point(milliseconds(ms)),
               static_cast<Severity>(severity),
               fields[2],
               fields[3],
               fields[4],
               fields[5],
               fields[6],
               fields[7]};
}

std::string clean(std::string_view text) {
  std::string out;
  for (Character next; !text.empty(); text.remove_prefix(next.bytes)) {
    next = first_character(text);
    if (out.size() + next.bytes > kMostText) return out + "...";
    if (!next.is_valid) {
      out += '?';
    } else {
      out += is_printable(next.code) ? text.substr(0, next.bytes) : " ";
    }
  }
  return out;
}

}  // namespace lb::controlplane::alert
