#include <fmt/format.h>

#include <algorithm>

#include "config/import/keepalived.h"

namespace lb::importer::keepalived {
namespace {

constexpr auto kCheckers =
    std::to_array<std::string_view>({"TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK",
                                     "MISC_CHECK", "PING_CHECK", "UDP_CHECK"});

class Check {
 public:
  Check(Context& context, Table& check, const CheckDefaults& defaults, const Statement& checker)
      : context_(context), check_(check), defaults_(defaults), checker_(checker) {}

  void read() {
    for (const Statement& each : checker_.block) {
      context_.keyword("checker", each.name(), each.place);
      if (each.name() != "url" && each.name() != "host") continue;
      for (const Statement& inner : each.block)
        context_.keyword("checker", inner.name(), inner.place);
    }
    const std::string& kind = checker_.name();
    if (kind == "TCP_CHECK") check_.text("type", "tcp");
    if (kind == "HTTP_GET" || kind == "SSL_GET") http(kind == "SSL_GET");
    if (kind == "SMTP_CHECK") check_.text("type", "smtp");
    if (kind == "PING_CHECK") check_.text("type", "ping");
    if (kind == "DNS_CHECK") dns();
    if (kind == "MISC_CHECK") misc();
    if (kind == "UDP_CHECK") udp();
    if (kind != "MISC_CHECK") connection(checker_);
    if (const Statement* const host = find(checker_, "host")) connection(*host);
    times(kind);
  }

 private:
  // Of the checker, else of the real server, else of the virtual server.
  const Statement* inherited(std::string_view name) const {
    for (const Statement* block : {&checker_, defaults_.server, defaults_.service}) {
      if (const Statement* const found = find(*block, name)) return found;
    }
    return nullptr;
  }

  void connection(const Statement& block) {
    if (const Statement* const ip = find(block, "connect_ip")) {
      if (const auto parsed = address(context_, ip->argument(), *ip))
        check_.text("address", parsed->to_string(), ip->place);
    }
    if (const Statement* const port = find(block, "connect_port")) {
      if (number(port->argument()).value_or(0) != defaults_.port)
        set_number(context_, check_, "port", *port);
    }
    if (const Statement* const source = find(block, "bindto")) {
      if (const auto parsed = address(context_, source->argument(), *source))
        check_.text("source", parsed->to_string(), source->place);
    }
  }

  void times(const std::string& kind) {
    const Statement* const loop = inherited("delay_loop");
    const auto interval = loop != nullptr ? seconds(loop->argument()) : std::nullopt;
    check_.duration("interval", interval.value_or(std::chrono::seconds(60)),
                    loop != nullptr ? loop->place : Place{});
    const Statement* const limit =
        kind == "MISC_CHECK" ? find(checker_, "misc_timeout") : inherited("connect_timeout");
    if (limit != nullptr) {
      set_seconds(context_, check_, "timeout", *limit);
    } else {
      check_.duration("timeout", kind == "MISC_CHECK" ? interval.value_or(std::chrono::seconds(60))
                                                      : std::chrono::seconds(5));
    }
    const Statement* again = inherited("retry");
    for (const std::string_view old : {"nb_get_retry", "nb_sock_retry"}) {
      if (const Statement* const found = find(checker_, old)) again = found;
    }
    const std::int64_t standard = kind == "DNS_CHECK" ? 3 : kind == "MISC_CHECK" ? 0 : 1;
    const std::int64_t retry =
        again != nullptr ? number(again->argument()).value_or(standard) : standard;
    if (retry > 0) {
      check_.number("retry", retry, again != nullptr ? again->place : Place{});
      const Statement* const delay = inherited("delay_before_retry");
      if (delay != nullptr) {
        set_seconds(context_, check_, "retry_delay", *delay);
      } else if (kind == "DNS_CHECK") {
        check_.duration("retry_delay", interval.value_or(std::chrono::seconds(60)));
      } else {
        check_.duration("retry_delay",
                        std::chrono::seconds(kind == "HTTP_GET" || kind == "SSL_GET" ? 3 : 1));
      }
    }
    // One result decides there, beside the retries.
    check_.number("rise", 1).number("fall", 1);
  }

  void http(bool tls) {
    check_.text("type", tls ? "https" : "http");
    std::vector<const Statement*> urls;
    for (const Statement& each : checker_.block) {
      if (each.name() == "url") urls.push_back(&each);
    }
    for (std::size_t i = 1; i < urls.size(); ++i) {
      context_.note(Severity::kWarning, urls[i]->place, "url", "each URL must be good",
                    "a check has one URL: the first; left out");
    }
    if (urls.empty()) {
      context_.note(Severity::kError, checker_.place, checker_.name(),
                    "ignored there, as it has no url", "it asks for /");
    }
    const Statement* const url = urls.empty() ? nullptr : urls.front();
    const Statement* const path = url != nullptr ? find(*url, "path") : nullptr;
    if (path != nullptr && path->argument() != "/")
      check_.text("path", path->argument(), path->place);
    const Statement* host = url != nullptr ? find(*url, "virtualhost") : nullptr;
    if (host == nullptr) host = inherited("virtualhost");
    if (host != nullptr) check_.text("host", host->argument(), host->place);
    status(url);
    const Statement* const regex = url != nullptr ? find(*url, "regex") : nullptr;
    if (regex != nullptr && find(*url, "regex_no_match") == nullptr) {
      check_.text("expect_body", regex->argument(), regex->place);
    }
    if (tls) check_.boolean("tls_verify", false);
  }

  void status(const Statement* url) {
    const Statement* const from = url != nullptr ? find(*url, "status_code") : nullptr;
    std::string statuses;
    for (std::size_t i = 1; from != nullptr && i < from->words.size(); ++i)
      statuses += (i > 1 ? "," : "") + from->words[i];
    if (statuses.empty()) statuses = "200-299";
    if (statuses == "200") return;
    if (const auto single = number(statuses)) {
      check_.number("expect_status", *single, from->place);
    } else {
      check_.text("expect_status", statuses, from != nullptr ? from->place : Place{});
    }
  }

  void dns() {
    check_.text("type", "dns");
    const Statement* const name = find(checker_, "name");
    const Statement* const type = find(checker_, "type");
    check_.text("query", name != nullptr ? name->argument() : ".");
    check_.text("query_type", type != nullptr ? type->argument() : "SOA");
  }

  void misc() {
    check_.text("type", "script");
    if (const Statement* const path = find(checker_, "misc_path")) {
      check_.texts("command", only_program_words(context_, *path), path->place);
    }
    if (find(checker_, "misc_dynamic") != nullptr) check_.boolean("dynamic_weight", true);
    if (const Statement* const user = find(checker_, "user")) {
      check_.text("user", user_of(context_, *user, 1), user->place);
    } else if (!defaults_.script_user.empty()) {
      check_.text("user", defaults_.script_user);
    }
  }

  void udp() {
    check_.text("type", "udp");
    std::string send;
    if (const Statement* const payload = find(checker_, "payload"))
      send = bytes(hexadecimal(*payload));
    if (send.empty()) send = "\\x00";
    check_.text("send", send);
    const Statement* const reply = find(checker_, "require_reply");
    if (reply == nullptr) return;
    const std::string wanted = bytes(hexadecimal(*reply));
    check_.text("expect", wanted.empty() ? "." : '^' + wanted, reply->place);
  }

  std::string hexadecimal(const Statement& from) {
    std::string text = from.arguments();
    if (text.find_first_not_of("0123456789abcdefABCDEFxX ") == std::string::npos) return text;
    context_.note(Severity::kError, from.place, from.name(), text,
                  "no bytes in hexadecimal, as \"0a ff\"; left out");
    return {};
  }

  // "Ab12f 3x" -> \xab\x12\x0f[\x30-\x3f]
  static std::string bytes(const std::string& hex) {
    std::string out;
    std::string digits;
    const auto flush = [&] {
      if (!digits.empty()) out += byte(digits.size() == 1 ? '0' + digits : digits);
      digits.clear();
    };
    for (const char c : hex) {
      const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
                         (c >= 'A' && c <= 'F') || c == 'x' || c == 'X';
      if (!digit || digits.size() == 2) flush();
      if (digit) digits += c;
    }
    flush();
    return out;
  }

  // A digit x is any: "3x" is a range of bytes, "x3" is sixteen.
  static std::string byte(const std::string& digits) {
    const auto any = [](char c) { return c == 'x' || c == 'X'; };
    if (any(digits[0]) && any(digits[1])) return "[\\x00-\\xff]";
    if (any(digits[1])) return fmt::format("[\\x{0}0-\\x{0}f]", digits[0]);
    if (!any(digits[0])) return fmt::format("\\x{}", digits);
    std::string set;
    for (const char high : std::string_view("0123456789abcdef"))
      set += fmt::format("\\x{}{}", high, digits[1]);
    return '[' + set + ']';
  }

  Context& context_;
  Table& check_;
  const CheckDefaults& defaults_;
  const Statement& checker_;
};

}  // namespace

bool read_check(Context& context, Table& check, const CheckDefaults& defaults) {
  const Statement* first = nullptr;
  for (const Statement& each : defaults.server->block) {
    if (std::find(kCheckers.begin(), kCheckers.end(), each.name()) == kCheckers.end()) continue;
    if (first == nullptr) {
      first = &each;
    } else {
      context.note(Severity::kWarning, each.place, each.name(),
                   "a further check that must be good, too",
                   "a real server has one check: the first; left out");
    }
  }
  if (first == nullptr) return false;
  Check(context, check, defaults, *first).read();
  return true;
}

}  // namespace lb::importer::keepalived
