// The check of a service or a real server, in itself and against what it checks.
#include <fmt/format.h>

#include <algorithm>

#include "config/check_types.h"
#include "config/validate_internal.h"

namespace lb::config {
namespace {

constexpr std::size_t kMaxDnsName = 253;
constexpr std::size_t kMaxDnsLabel = 63;
constexpr std::size_t kDigestDigits = 64;

bool is_dns_name(std::string_view name) {
  if (name == ".") return true;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxDnsName || !made_of(name, "-_./*")) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    const std::size_t length = std::min(dot, name.size());
    if (length == 0 || length > kMaxDnsLabel) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_header(std::string_view header) {
  const std::size_t colon = header.find(':');
  return colon != std::string_view::npos && colon != 0 &&
         made_of(header.substr(0, colon), "-_!#$%&'*+.^`|~") &&
         std::all_of(header.begin(), header.end(), [](char c) { return c >= 0x20 && c != 0x7f; });
}

class CheckValidator {
 public:
  CheckValidator(const Service& service, const Check& check, const Network& network,
                 const std::string& path, std::vector<Problem>& problems)
      : service_(service), check_(check), network_(network), path_(path), problems_(problems) {}

  void run() {
    check_target();
    check_http();
    if (speaks_tls(check_)) check_tls();
    if (check_.type == CheckType::kDns) check_dns();
    if (check_.type == CheckType::kScript) check_script();
    if (!check_.password_file.empty()) return;
    if (check_.type == CheckType::kRedis && !check_.username.empty()) {
      report("username", "redis knows a user by a password; add password_file");
    }
  }

 private:
  void report(std::string_view key, std::string message, ProblemKind kind = ProblemKind::kOther) {
    problems_.push_back({fmt::format("{}.{}", path_, key), std::move(message), kind});
  }

  void check_target() {
    if (service_.protocol == Protocol::kUdp && kTcpChecks.contains(check_.type) && !check_.port) {
      report("type", fmt::format("a \"{}\" check connects by TCP, which a UDP service does not "
                                 "answer; add port = N with a TCP port of the real server, or use "
                                 "\"ping\" or \"none\"",
                                 name_of(check_.type)));
    }
    if (check_.address) {
      if (const auto why = unusable(*check_.address); !why.empty()) {
        report("address",
               fmt::format("{} is {}; write the address to ask", check_.address->to_string(), why));
      }
    }
    const bool other_family =
        check_.source && check_.address && check_.source->family() != check_.address->family();
    if (check_.source && !other_family && !network_.is_own(*check_.source)) {
      report(
          "source",
          fmt::format("{} is not an address of the director's ports; write one of those, or leave "
                      "it out",
                      check_.source->to_string()),
          ProblemKind::kFollowsNetwork);
    }
    if (other_family) {
      report("source", fmt::format("{} cannot ask {}, which has the other address family; leave "
                                   "source out",
                                   check_.source->to_string(), check_.address->to_string()));
    }
    if (check_.connect_timeout > check_.timeout) {
      report("connect_timeout",
             "connect_timeout is above timeout, which is for the whole check; "
             "raise timeout, or leave connect_timeout out");
    }
    if (check_.retry == 0 && check_.retry_delay.count() != 0) {
      report("retry_delay",
             "retry_delay has no meaning without retry; add retry = 1, or remove it");
    }
  }

  void check_http() {
    if (!made_of(check_.method, "") || check_.method.size() > 16 ||
        std::any_of(check_.method.begin(), check_.method.end(),
                    [](char c) { return c >= 'a' && c <= 'z'; })) {
      report("method",
             fmt::format("\"{}\" is not an HTTP method; write \"GET\" or \"HEAD\"", check_.method));
    }
    if (!check_.path.starts_with('/') || !printable(check_.path)) {
      report("path", fmt::format("the path must begin with \"/\" and have no blanks; write \"{}\"",
                                 printable(check_.path) ? '/' + check_.path : "/health"));
    }
    if (!printable(check_.host)) {
      report("host", "host must have no blanks; write a name, as \"www.example.com\"");
    }
    for (std::size_t i = 0; i < check_.headers.size(); ++i) {
      if (is_header(check_.headers[i])) continue;
      report(fmt::format("headers[{}]", i),
             "headers has one that is not a header; write \"Name: value\"");
    }
    const std::string& digest = check_.expect_body_sha256;
    if (!digest.empty() &&
        (digest.size() != kDigestDigits || !std::all_of(digest.begin(), digest.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         }))) {
      report("expect_body_sha256",
             "expect_body_sha256 must be 64 hexadecimal digits, in small letters, as sha256sum "
             "prints them");
    }
    if (check_.method == "HEAD" && (!digest.empty() || !check_.expect_body.empty())) {
      report("method",
             "the answer to HEAD has no body; use \"GET\", or remove what is expected of "
             "the body");
    }
  }

  void check_tls() {
    if (!made_of(check_.tls_server_name, "-_.")) {
      report("tls_server_name",
             fmt::format("\"{}\" is not a host name; write one, as \"www.example.com\"",
                         check_.tls_server_name));
    }
    if (!check_.tls_ca_file.empty() && !check_.tls_ca_file.starts_with('/')) {
      report("tls_ca_file", "tls_ca_file must be an absolute path, as \"/etc/ballast/ca.pem\"");
    }
    if (!check_.tls_verify && !check_.tls_ca_file.empty()) {
      report("tls_ca_file",
             "tls_ca_file has no meaning with tls_verify = false; remove one of the two");
    }
    if (check_.tls_verify && check_.host.empty() && check_.tls_server_name.empty()) {
      report("type",
             check_.type == CheckType::kHttps
                 ? "to verify a certificate its name must be known; add tls_server_name or "
                   "host, or tls_verify = false"
                 : "to verify a certificate its name must be known; add tls_server_name, or "
                   "tls_verify = false");
    }
  }

  void check_script() {
    if (check_.command.empty() || check_.command[0].empty()) {
      report("command",
             "command is empty; write program and arguments, as "
             "[\"/etc/ballast/check.sh\", \"--quick\"]");
    } else if (!check_.command[0].starts_with('/')) {
      report("command", fmt::format("\"{}\" is not an absolute path; the program begins with /",
                                    check_.command[0]));
    }
    if (!user_name(check_.user)) {
      report("user",
             fmt::format("\"{}\" is not a user name; write one, as \"nobody\"", check_.user));
    }
    for (const std::string& word : check_.command) {
      if (word.find('\0') != std::string::npos) {
        report("command", "a program's argument cannot hold a zero byte; remove it");
      }
    }
    if (check_.dynamic_weight && check_.script_style == ScriptStyle::kNagios) {
      report("dynamic_weight",
             "Nagios exit statuses carry no weight; use script_style = "
             "\"plain\", or remove dynamic_weight");
    }
  }

  void check_dns() {
    if (!is_dns_name(check_.query)) {
      report("query", fmt::format("\"{}\" is not a DNS name; write one, as "
                                  "\"www.example.com\"",
                                  check_.query));
    }
    if (!check_.expect_address) return;
    const bool ipv4 = check_.expect_address->is_ipv4();
    if (check_.query_type != (ipv4 ? DnsType::kA : DnsType::kAaaa)) {
      report("expect_address",
             fmt::format("expect_address is an {} address, which only answers of type {} "
                         "have; remove it, or use query_type = \"{}\"",
                         ipv4 ? "IPv4" : "IPv6", ipv4 ? "A" : "AAAA", ipv4 ? "A" : "AAAA"));
    }
  }

  const Service& service_;
  const Check& check_;
  const Network& network_;
  const std::string& path_;
  std::vector<Problem>& problems_;
};

}  // namespace

void validate_check(const Service& service, const Check& check, const Network& network,
                    const std::string& path, std::vector<Problem>& problems) {
  CheckValidator(service, check, network, path, problems).run();
}

}  // namespace lb::config
