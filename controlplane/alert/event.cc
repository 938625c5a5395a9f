#include "controlplane/alert/event.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <charconv>

namespace lb::controlplane::alert {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::size_t kMostText = 1000;  // bytes
constexpr std::size_t kFields = 8;

constexpr std::array<std::string_view, 4> kSeverities = {"good", "notice", "bad", "critical"};

// Bytes of the UTF-8 character at `at`; 0: invalid.
std::size_t character(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const std::size_t length = lead < 0x80                    ? 1
                             : lead >= 0xc2 && lead < 0xe0  ? 2
                             : lead >= 0xe0 && lead < 0xf0  ? 3
                             : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                            : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  if (length == 1) return 1;
  // Overlong forms, surrogates and what is beyond U+10FFFF.
  const unsigned char second = byte(at + 1);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) ||
      (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90)) {
    return 0;
  }
  return length;
}

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
  if (event.kind == "sync") return fmt::format("sync link {}", event.state);
  if (event.kind == "dataplane") return fmt::format("data plane {}", event.state);
  if (event.kind == "punt") {
    return fmt::format("packets for the kernel, {}: {}", event.name, event.state);
  }
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
  const bool ha = event.kind == "ha";
  return {"BALLAST_DIRECTOR=" + director,
          "BALLAST_EVENT=" + event.kind,
          "BALLAST_SERVICE=" + (ha || event.kind == "punt" ? "" : event.name),
          "BALLAST_INSTANCE=" + (ha ? event.name : ""),
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
      !read_number(fields[1], severity) || severity >= kSeverities.size()) {
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
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character(text, at);
    if (out.size() + length > kMostText) return out + "...";
    if (length == 0) {
      out += '?';
    } else if (length == 1) {
      out += text[at] < ' ' || text[at] == '\x7f' ? ' ' : text[at];
    } else {
      out += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return out;
}

}  // namespace lb::controlplane::alert
