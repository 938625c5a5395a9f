#include "controlplane/alert/compose.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace lb::controlplane::alert {
namespace {

using std::chrono::system_clock;

constexpr std::size_t kMostLine = 76;         // RFC 2045 section 6.7 (5)
constexpr std::size_t kMostEncodedWord = 75;  // RFC 2047 section 2
// Of a header without folding: with its name far below the 998 of RFC 5322 section 2.1.1.
constexpr std::size_t kMostPlainHeader = 900;
constexpr std::string_view kWordBegin = "=?UTF-8?Q?";
constexpr std::string_view kWordEnd = "?=";

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string hex(char c) {
  return fmt::format("={:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
}

std::string to_list(const std::vector<std::string>& to) {
  std::string out;
  for (const std::string& each : to) out += (out.empty() ? "" : ",\r\n ") + each;
  return out;
}

std::string body_of(const std::string& director, std::span<const Event> events) {
  std::string out = fmt::format("Director {}, {} event{}:\n\n", director, events.size(),
                                events.size() == 1 ? "" : "s");
  for (const Event& event : events) {
    out += fmt::format("{}  {:<8}  {}", time_text(event.at), to_text(event.severity),
                       clean(headline(event)));
    if (!event.reason.empty()) out += ": " + clean(event.reason);
    out += '\n';
  }
  return out;
}

}  // namespace

std::string subject_of(const std::string& director, std::span<const Event> events) {
  if (events.size() == 1) return fmt::format("[{}] {}", director, clean(headline(events[0])));
  const Event& worst =
      *std::max_element(events.begin(), events.end(),
                        [](const Event& a, const Event& b) { return a.severity < b.severity; });
  return fmt::format("[{}] {} events, {}: {}", director, events.size(),
                     worst.severity <= Severity::kNotice ? "first" : "worst",
                     clean(headline(worst)));
}

std::string encode_header(std::string_view text) {
  if (text.size() <= kMostPlainHeader &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; })) {
    return std::string(text);
  }
  std::string out;
  std::string word;
  const auto end_word = [&] {
    out += (out.empty() ? "" : "\r\n ") + std::string(kWordBegin) + word + std::string(kWordEnd);
    word.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t next = at + 1;
    while (next < text.size() && is_continuation(text[next])) ++next;
    std::string character;
    for (; at < next; ++at) {
      character += text[at] == ' '                ? "_"
                   : is_letter_or_digit(text[at]) ? std::string(1, text[at])
                                                  : hex(text[at]);
    }
    // A character is never divided between two words.
    if (kWordBegin.size() + word.size() + character.size() + kWordEnd.size() > kMostEncodedWord) {
      end_word();
    }
    word += character;
  }
  end_word();
  return out;
}

std::string quoted_printable(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      out += "\r\n";
      column = 0;
      continue;
    }
    const bool ends_line = i + 1 == text.size() || text[i + 1] == '\n';
    const bool plain = (c > ' ' && c < '\x7f' && c != '=') || (c == ' ' && !ends_line);
    const std::string written = plain ? std::string(1, c) : hex(c);
    // One column is for the soft break.
    if (column + written.size() > kMostLine - (ends_line ? 0 : 1)) {
      out += "=\r\n";
      column = 0;
    }
    out += written;
    column += written.size();
  }
  return out;
}

std::string mail_date(system_clock::time_point at) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = system_clock::to_time_t(at);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000",
                     kDays.at(static_cast<std::size_t>(tm.tm_wday)), tm.tm_mday,
                     kMonths.at(static_cast<std::size_t>(tm.tm_mon)), tm.tm_year + 1900, tm.tm_hour,
                     tm.tm_min, tm.tm_sec);
}

Mail compose(const MailHeader& head, std::span<const Event> events) {
  const std::string domain = head.from.substr(head.from.find('@') + 1);
  std::string text;
  text += "Date: " + mail_date(head.now) + "\r\n";
  text += "From: " + head.from + "\r\n";
  text += "To: " + to_list(head.to) + "\r\n";
  text += "Subject: " + encode_header(subject_of(head.director, events)) + "\r\n";
  text += "Message-ID: <" + head.id + '@' + domain + ">\r\n";
  text += "Auto-Submitted: auto-generated\r\n";  // RFC 3834: no out-of-office replies
  text += "MIME-Version: 1.0\r\n";
  text += "Content-Type: text/plain; charset=utf-8\r\n";
  text += "Content-Transfer-Encoding: quoted-printable\r\n";
  text += "\r\n";
  text += quoted_printable(body_of(head.director, events));
  return {head.from, head.to, std::move(text)};
}

}  // namespace lb::controlplane::alert
