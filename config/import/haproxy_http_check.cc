// Checks by HTTP: "option httpchk" and "http-check".
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "config/import/haproxy_check.h"
#include "config/pattern.h"

namespace lb::importer::haproxy {
namespace {

constexpr std::size_t kMostHeaders = 64;
// Arguments of expect that have a value behind them and nothing to do here.
constexpr auto kReports =
    std::to_array<std::string_view>({"min-recv", "comment", "ok-status", "error-status",
                                     "tout-status", "on-success", "on-error", "status-code"});

class HttpCheck {
 public:
  HttpCheck(Context& context, const Proxy& backend, Table& check)
      : context_(context), backend_(backend), check_(check) {}

  void read(const Line& option) {
    check_.text("type", "http");
    method_ = "OPTIONS";
    path_ = "/";
    const bool has_method = option.words.size() > 3;
    if (has_method) method_ = option.words[2];
    if (option.words.size() > 2) path_ = option.words[has_method ? 3 : 2];
    if (option.words.size() > 4) version(option, option.words[4]);
    for (const Line* const line : backend_.all("http-check send")) send(*line);
    if (!path_.starts_with('/')) {
      context_.note(Severity::kWarning, option.place, "httpchk", path_,
                    "a path begins with \"/\": \"/\" is asked");
      path_ = "/";
    }
    if (method_ != "GET") check_.text("method", method_, option.place);
    if (path_ != "/") check_.text("path", path_, option.place);
    if (!host_.empty()) check_.text("host", host_, option.place);
    if (!headers_.empty()) check_.texts("headers", headers_, option.place);
    const auto expects = backend_.all("http-check expect");
    if (expects.empty()) check_.text("expect_status", "200-399", option.place);
    for (std::size_t i = 1; i < expects.size(); ++i) {
      context_.note(Severity::kWarning, expects[i]->place, "http-check expect", "several",
                    "the first one is used");
    }
    if (!expects.empty()) expect(*expects.front());
    if (!check_.text_of("expect_body").empty() && method_ == "OPTIONS") {
      context_.note(Severity::kInfo, option.place, "httpchk", "OPTIONS",
                    "it is sent; write GET for a page");
    }
  }

 private:
  // Old files have headers behind the version.
  void version(const Line& line, const std::string& text) {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find("\r\n", begin), text.size());
      const std::string part = text.substr(begin, end - begin);
      const std::size_t colon = part.find(':');
      if (begin > 0 && colon != std::string::npos) {
        header(line, part.substr(0, colon), part.substr(colon + 1));
      }
      begin = end + 2;
    }
  }

  void header(const Line& line, const std::string& name, std::string value) {
    const std::size_t begin = std::min(value.find_first_not_of(' '), value.size());
    value = value.substr(begin);
    if (value.find("%[") != std::string::npos) {
      error(line, value, "an expression: left out");
      return;
    }
    if (edit_equal(name, "host")) {
      host_ = value;
    } else if (edit_equal(name, "connection")) {
      context_.note(Severity::kInfo, line.place, "hdr", name, "\"close\" is sent");
    } else if (headers_.size() == kMostHeaders) {
      error(line, name, fmt::format("no more than {} headers; left out", kMostHeaders));
    } else {
      headers_.push_back(name + ": " + value);
    }
  }

  static bool edit_equal(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
      return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
    });
  }

  void error(const Line& line, std::string there, std::string here) {
    context_.note(Severity::kError, line.place, keyword_of(line), std::move(there),
                  std::move(here));
  }

  void send(const Line& line) {
    for (std::size_t i = 2; i < line.words.size(); i += 2) {
      const std::string& word = line.words[i];
      const std::string& value = line.word(i + 1);
      if (word == "meth") {
        method_ = value;
      } else if (word == "uri") {
        path_ = value;
      } else if (word == "hdr") {
        header(line, value, line.word(i + 2));
        ++i;
      } else if (word == "body" || word == "body-lf" || word == "uri-lf") {
        error(line, word, "left out: a script can do it");
      } else if (word != "ver" && word != "comment") {
        error(line, word, "no such argument; left out");
      }
    }
  }

  void expect(const Line& line) {
    std::size_t next = 2;
    while (std::find(kReports.begin(), kReports.end(), line.word(next)) != kReports.end()) {
      next += 2;
    }
    bool negated = false;
    std::string match = line.word(next);
    if (match.starts_with('!')) {
      negated = true;
      match = match.size() > 1 ? match.substr(1) : line.word(++next);
    }
    const std::string& pattern = line.word(next + 1);
    if (match == "status" || match == "rstatus") {
      status(line, match, pattern, negated);
      return;
    }
    check_.text("expect_status", "100-599", line.place);
    if (negated || (match != "string" && match != "rstring")) {
      error(line, (negated ? "! " : "") + match,
            "only what the body has is expected, nothing else; the status decides: 200-399");
      check_.text("expect_status", "200-399", line.place);
      return;
    }
    if (pattern.empty()) return;
    check_.text("expect_body", match == "string" ? literal_pattern(pattern) : pattern, line.place);
  }

  void status(const Line& line, const std::string& match, const std::string& pattern,
              bool negated) {
    RE2::Options options(RE2::Latin1);
    options.set_log_errors(false);
    const RE2 regex(pattern, options);
    const auto listed = config::parse_statuses(pattern);
    if (match == "status" ? !listed.has_value() : !regex.ok()) {
      error(line, pattern, "no list of statuses: \"200-399\" is used");
      check_.text("expect_status", "200-399", line.place);
      return;
    }
    config::StatusSet good;
    for (std::uint16_t code = config::kLowestStatus; code <= config::kHighestStatus; ++code) {
      const bool matches =
          match == "rstatus" ? RE2::PartialMatch(std::to_string(code), regex)
                             : std::any_of(listed->begin(), listed->end(), [&](const auto& range) {
                                 return code >= range.first && code <= range.second;
                               });
      if (matches == negated) continue;
      if (!good.empty() && good.back().second + 1 == code) {
        good.back().second = code;
      } else {
        good.emplace_back(code, code);
      }
    }
    if (good.empty()) {
      error(line, pattern, "no status is good: \"200-399\" is used");
      good = {{200, 399}};
    }
    if (good != config::StatusSet{{200, 200}}) {
      check_.text("expect_status", config::print_statuses(good), line.place);
    }
  }

  Context& context_;
  const Proxy& backend_;
  Table& check_;
  std::string method_;
  std::string path_;
  std::string host_;
  std::vector<std::string> headers_;
};

}  // namespace

void http_check(Context& context, const Proxy& backend, const Line& option, Table& check) {
  HttpCheck(context, backend, check).read(option);
}

std::string literal_pattern(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace lb::importer::haproxy
