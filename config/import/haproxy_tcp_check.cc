// Checks that send and expect: "option tcp-check", "tcp-check" and "option ssl-hello-chk".
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/haproxy_check.h"

namespace lb::importer::haproxy {
namespace {

constexpr std::size_t kMostSent = 16'384;
constexpr auto kExpectValues =
    std::to_array<std::string_view>({"min-recv", "comment", "ok-status", "error-status",
                                     "tout-status", "on-success", "on-error", "status-code"});
constexpr auto kSteps = std::to_array<std::string_view>(
    {"tcp-check connect", "tcp-check send", "tcp-check send-binary", "tcp-check expect",
     "tcp-check send-lf", "tcp-check send-binary-lf"});

// "50494e47" -> the bytes; empty for anything else.
std::optional<std::string> from_hex(std::string_view text) {
  std::string out;
  if (text.size() % 2 == 1) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    for (const char c : text.substr(i, 2)) {
      value *= 16;
      if (c >= '0' && c <= '9') {
        value += static_cast<unsigned>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        value += static_cast<unsigned>(c - 'a') + 10;
      } else if (c >= 'A' && c <= 'F') {
        value += static_cast<unsigned>(c - 'A') + 10;
      } else {
        return std::nullopt;
      }
    }
    out += static_cast<char>(value);
  }
  return out;
}

class TcpCheck {
 public:
  TcpCheck(Context& context, Table& check) : context_(context), check_(check) {}

  void read(const std::vector<const Line*>& steps) {
    for (const Line* const step : steps) {
      const std::string keyword = keyword_of(*step);
      if (keyword == "tcp-check connect") {
        connect(*step);
      } else if (keyword == "tcp-check expect") {
        expect(*step);
      } else {
        send(*step, keyword);
      }
    }
    if (sent_.size() > kMostSent || expected_.size() > kMostSent) {
      error(*steps.front(), "", "more than 16 KiB: \"tcp\" is used");
      expected_.clear();
    }
    if (expected_.empty()) {
      check_.text("type", "tcp");
      if (sent_.empty()) return;
      context_.note(Severity::kWarning, steps.front()->place, "tcp-check send",
                    "nothing is expected", "a connection is enough: nothing is sent");
      return;
    }
    check_.text("type", "send_expect");
    if (!sent_.empty()) check_.text("send", escaped(sent_));
    // In the order of the file, whatever is between them.
    check_.text("expect", expects_ > 1 ? "(?s)" + expected_ : expected_);
    if (expects_ > 1) {
      context_.note(Severity::kWarning, steps.front()->place, "tcp-check", "several steps",
                    "all is sent at once, and all is expected in this order; a server that "
                    "must be asked step by step needs a check by script");
    }
  }

 private:
  void error(const Line& line, std::string there, std::string here) {
    context_.note(Severity::kError, line.place, keyword_of(line), std::move(there),
                  std::move(here));
  }

  void connect(const Line& line) {
    if (!std::exchange(is_connected_, true)) {
      if (std::find(line.words.begin(), line.words.end(), "send-proxy") != line.words.end()) {
        error(line, "send-proxy", "a check sends no PROXY header");
      }
      return;
    }
    error(line, "several connections", "one check connects once: what follows is left out");
    is_over_ = true;
  }

  void send(const Line& line, const std::string& keyword) {
    if (is_over_ || sent_.size() > kMostSent) return;
    const std::string& data = line.word(2);
    if (keyword == "tcp-check send") {
      sent_ += data;
    } else if (const auto bytes = from_hex(data); bytes && keyword == "tcp-check send-binary") {
      sent_ += *bytes;
    } else {
      error(line, data, "no text, and no hexadecimal digits; left out");
    }
  }

  void expect(const Line& line) {
    if (is_over_ || expected_.size() > kMostSent) return;
    std::size_t next = 2;
    while (std::find(kExpectValues.begin(), kExpectValues.end(), line.word(next)) !=
           kExpectValues.end()) {
      next += 2;
    }
    const std::string& match = line.word(next);
    const std::string& pattern = line.word(next + 1);
    std::string regex;
    if (match == "string") {
      regex = literal_pattern(pattern);
    } else if (match == "rstring") {
      regex = pattern;
    } else if (const auto bytes = from_hex(pattern); match == "binary" && bytes) {
      for (const char c : *bytes) {
        regex += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      }
    }
    if (regex.empty()) {
      error(line, match + ' ' + pattern, "no text to find, and no regular expression; left out");
      return;
    }
    if (expects_++ == 0) {
      expected_ = regex;
      return;
    }
    if (expects_ == 2) expected_ = "(?:" + expected_ + ')';
    expected_ += ".*(?:" + regex + ')';
  }

  Context& context_;
  Table& check_;
  bool is_connected_ = false;
  bool is_over_ = false;
  int expects_ = 0;
  std::string sent_;
  std::string expected_;
};

}  // namespace

void tcp_check(Context& context, const Proxy& backend, const Line& option, Table& check) {
  // The steps of one section, in its order.
  std::vector<const Line*> steps;
  for (const Proxy* proxy = &backend; proxy != nullptr && steps.empty(); proxy = proxy->defaults) {
    for (const std::string_view keyword : kSteps) {
      const auto at = proxy->lines.find(std::string(keyword));
      if (at != proxy->lines.end()) steps.insert(steps.end(), at->second.begin(), at->second.end());
    }
  }
  std::sort(steps.begin(), steps.end());
  if (steps.empty()) {
    check.text("type", "tcp", option.place);
    return;
  }
  TcpCheck(context, check).read(steps);
}

void ssl_hello_check(Table& check) {
  // A ClientHello of TLS 1.2 with common ciphers; whatever TLS answers is good, an alert, too.
  std::string body = std::string("\x03\x03", 2) + std::string(32, 'b') + '\0';
  const std::string ciphers("\xc0\x2f\xc0\x2b\xc0\x30\xc0\x2c\x00\x9c\x00\x2f\x00\xff", 14);
  body += '\0';
  body += static_cast<char>(ciphers.size());
  body += ciphers + std::string("\x01\x00", 2);
  const auto length = static_cast<char>(body.size());
  const std::string hello = std::string("\x01\x00\x00", 3) + length + body;
  const std::string record =
      std::string("\x16\x03\x01\x00", 4) + static_cast<char>(hello.size()) + hello;
  check.text("type", "send_expect");
  check.text("send", escaped(record));
  check.text("expect", "^[\\x15\\x16]");
}

const Line* check_connect(const Proxy& backend) {
  for (const auto& [option, connect] :
       {std::pair<const char*, const char*>{"option httpchk", "http-check connect"},
        {"option tcp-check", "tcp-check connect"}}) {
    if (backend.last(option) == nullptr) continue;
    const auto lines = backend.all(connect);
    if (!lines.empty()) return lines.front();
  }
  return nullptr;
}

std::string value_behind(const Line& line, std::string_view name) {
  for (std::size_t i = 2; i + 1 < line.words.size(); ++i) {
    if (line.words[i] == name) return line.words[i + 1];
  }
  return {};
}

std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\\') {
      out += "\\\\";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace lb::importer::haproxy
