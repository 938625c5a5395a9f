// The conditions of ".if" and ".elif": section 2.4 of HAProxy's manual.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "config/import/haproxy_file.h"

namespace lb::importer::haproxy {
namespace {

constexpr int kDeepestCondition = 32;
// What feature() knows, as of Debian's build; others are taken for absent.
constexpr auto kFeatures = std::to_array<std::string_view>(
    {"OPENSSL",   "PCRE2",        "PCRE2_JIT", "LUA",     "SYSTEMD", "THREAD",       "EPOLL",
     "SLZ",       "PROMEX",       "NS",        "TFO",     "TPROXY",  "LINUX_TPROXY", "LINUX_SPLICE",
     "CRYPT_H",   "GETADDRINFO",  "OT",        "PRCTL",   "RT",      "DL",           "POLL",
     "BACKTRACE", "CPU_AFFINITY", "NETFILTER", "ACCEPT4", "LIBCRYPT"});
constexpr std::array<int, 3> kVersion = {2, 6, 12};

class Condition {
 public:
  Condition(Context& context, const Place& place, const Environment& environment)
      : context_(context), place_(place), environment_(environment) {}

  bool read(std::string_view text) {
    text_ = text;
    skip();
    if (at_ == text_.size()) return false;
    const bool value = either(0);
    skip();
    if (at_ != text_.size()) failed_ = true;
    if (failed_) {
      context_.note(Severity::kError, place_, ".if", std::string(text_.substr(0, 200)),
                    "no condition that is known here: taken for false");
      return false;
    }
    return value;
  }

 private:
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(std::string_view what) {
    skip();
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }

  bool either(int depth) {
    bool value = both(depth);
    while (!failed_ && take("||")) value = both(depth) || value;
    return value;
  }
  bool both(int depth) {
    bool value = term(depth);
    while (!failed_ && take("&&")) value = term(depth) && value;
    return value;
  }

  bool term(int depth) {
    bool negated = false;
    while (take("!")) negated = !negated;
    if (depth > kDeepestCondition) failed_ = true;
    if (failed_) return false;
    if (take("(")) {
      const bool value = either(depth + 1);
      if (!take(")")) failed_ = true;
      return value != negated;
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           std::string_view(" \t()&|!").find(text_[at_]) == std::string_view::npos) {
      ++at_;
    }
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (at_ < text_.size() && text_[at_] == '(') return predicate(name) != negated;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size()) failed_ = true;
    return (number != 0) != negated;
  }

  bool predicate(std::string_view name) {
    const std::size_t end = text_.find(')', at_);
    if (end == std::string_view::npos) {
      failed_ = true;
      return false;
    }
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    const std::size_t comma = inside.find(',');
    const std::string_view first = inside.substr(0, comma);
    const std::string_view second =
        comma == std::string_view::npos ? std::string_view() : inside.substr(comma + 1);
    if (name == "defined") return environment_.find(first) != environment_.end();
    if (name == "streq") return first == second;
    if (name == "strneq") return first != second;
    if (name == "version_atleast") return compare_version(first) >= 0;
    if (name == "version_before") return compare_version(first) < 0;
    if (name == "feature") {
      return std::find(kFeatures.begin(), kFeatures.end(), first) != kFeatures.end();
    }
    failed_ = true;
    return false;
  }

  // Whether release 2.6 is below (-1), at (0) or above (1) the one of the text.
  static int compare_version(std::string_view text) {
    for (const int ours : kVersion) {
      int theirs = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), theirs);
      if (error != std::errc()) theirs = 0;
      if (ours != theirs) return ours < theirs ? -1 : 1;
      text.remove_prefix(static_cast<std::size_t>(end - text.data()));
      if (text.starts_with('.')) text.remove_prefix(1);
    }
    return 0;
  }

  Context& context_;
  const Place& place_;
  const Environment& environment_;
  std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace

bool is_true(Context& context, std::string_view condition, const Place& place,
             const Environment& environment) {
  return Condition(context, place, environment).read(condition);
}

}  // namespace lb::importer::haproxy
