// The [alert] table: the script, and the mail server with its recipients.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/validate.h"
#include "config/validate_internal.h"

namespace lb::config {
namespace {

constexpr std::size_t kMaxAddressBytes = 254;  // RFC 5321 section 4.5.3.1.3, less the brackets
constexpr std::size_t kMaxHostBytes = 253;
constexpr std::size_t kMaxRecipients = 100;  // every server accepts so many
// RFC 5322 section 3.2.3: atext, and the dot.
constexpr std::string_view kMailboxSigns = "!#$%&'*+-/=?^_`{|}~.";

// Why it is no address that a mail server would take; empty: it is one. What has no place in a
// header or an SMTP command is none.
std::string mistake_in_address(const std::string& address) {
  if (!printable(address)) {
    return "a mail address is printable ASCII without blanks; write one as "
           "\"ops@example.com\"";
  }
  const auto at = address.find('@');
  const std::string_view text = address;
  if (at == std::string::npos || at == 0 || address.size() > kMaxAddressBytes ||
      !made_of(text.substr(0, at), kMailboxSigns) || at + 1 == address.size() ||
      !made_of(text.substr(at + 1), "-.")) {
    return fmt::format("\"{}\" is not a mail address; write one as \"ops@example.com\"", address);
  }
  return {};
}

void validate_script(const Alert& alert, std::vector<Problem>& problems) {
  if (!alert.script.empty() && !alert.script[0].starts_with('/')) {
    problems.push_back(
        {"alert.script[0]", fmt::format("\"{}\" is not an absolute path; write the program with "
                                        "its folder, as \"/etc/ballast/alert.sh\"",
                                        alert.script[0])});
  }
  for (std::size_t i = 0; i < alert.script.size(); ++i) {
    if (alert.script[i].find('\0') == std::string::npos) continue;
    problems.push_back(
        {fmt::format("alert.script[{}]", i), "an argument cannot have a zero byte; remove it"});
  }
  if (!user_name(alert.script_user)) {
    problems.push_back(
        {"alert.script_user",
         fmt::format("\"{}\" is not a user name; write one, as \"nobody\"", alert.script_user)});
  }
  if (alert.script.empty() && !alert.script_user.empty()) {
    problems.push_back({"alert.script_user",
                        "script_user has no meaning without script; add script, or remove it"});
  }
}

void validate_recipients(const AlertMail& mail, std::vector<Problem>& problems) {
  if (mail.to.empty()) {
    problems.push_back({"alert.mail.to", "nobody would get the mail; add an address to to"});
  } else if (mail.to.size() > kMaxRecipients) {
    problems.push_back(
        {"alert.mail.to", fmt::format("there are {} addresses; use {} at most, and a mailing list "
                                      "for more",
                                      mail.to.size(), kMaxRecipients)});
  }
  std::set<std::string> known;
  for (std::size_t i = 0; i < mail.to.size(); ++i) {
    const std::string path = fmt::format("alert.mail.to[{}]", i);
    if (std::string why = mistake_in_address(mail.to[i]); !why.empty()) {
      problems.push_back({path, std::move(why)});
    } else if (!known.insert(mail.to[i]).second) {
      problems.push_back({path, fmt::format("{} is there already; remove it here", mail.to[i])});
    }
  }
}

void validate_mail(const AlertMail& mail, std::vector<Problem>& problems) {
  const std::string& host = mail.server.host;
  const bool is_name = made_of(host, "-_.") && host.size() <= kMaxHostBytes;
  if (!is_name && !Address::parse(host)) {
    problems.push_back({"alert.mail.server", fmt::format("\"{}\" is not a host name; write it as "
                                                         "\"smtp.example.com:587\"",
                                                         host)});
  }
  if (std::string why = mistake_in_address(mail.from); !why.empty()) {
    problems.push_back({"alert.mail.from", std::move(why)});
  }
  validate_recipients(mail, problems);
  if (mail.user.empty() != mail.password_file.empty()) {
    problems.push_back(
        {mail.user.empty() ? "alert.mail.password_file" : "alert.mail.user",
         "user and password_file go together; add the other one, or remove this one"});
  }
  if (!std::all_of(mail.user.begin(), mail.user.end(),
                   [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; })) {
    problems.push_back({"alert.mail.user", "a user name has no control characters; remove them"});
  }
}

}  // namespace

void validate_alert(const Alert& alert, std::vector<Problem>& problems) {
  validate_script(alert, problems);
  if (alert.mail) validate_mail(*alert.mail, problems);
}

}  // namespace lb::config
