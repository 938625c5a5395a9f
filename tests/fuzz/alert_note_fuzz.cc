// Any bytes as a file of the mail queue. Events that are taken are written in the same way again, and
// a mail of them is what a mail server must accept, whatever stands in them: RFC 5322's lines, plain
// ASCII, and no header but ours. A mail that is taken is written in the same way again.
//
// Input: which file, its content.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "config/base/printable.h"
#include "controlplane/alert/spool.h"
#include "tests/fuzz/input.h"

namespace {

using namespace lb::controlplane::alert;

constexpr std::size_t kMostLine = 998;     // RFC 5322 section 2.1.1
constexpr std::size_t kMostBodyLine = 76;  // RFC 2045 section 6.7
constexpr std::size_t kHeaders = 9;

bool is_plain(std::string_view line) {
  return std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; });
}

void check_mail(const std::string& text) {
  std::size_t headers = 0;
  bool in_body = false;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find("\r\n");
    LB_FUZZ_CHECK(end != std::string_view::npos);
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    LB_FUZZ_CHECK(is_plain(line) && line.size() <= (in_body ? kMostBodyLine : kMostLine));
    if (!in_body && !line.empty() && line.front() != ' ') ++headers;
    in_body |= line.empty();
  }
  LB_FUZZ_CHECK(in_body && headers == kHeaders);
}

bool is_shown(std::string_view text) {
  for (lb::Character next; !text.empty(); text.remove_prefix(next.bytes)) {
    next = lb::first_character(text);
    if (!next.is_valid || !lb::is_printable(next.code)) return false;
  }
  return true;
}

void read_events(std::string_view content) {
  const Notes notes = parse_notes(content);
  const auto lines = static_cast<std::size_t>(std::ranges::count(content, '\n'));
  LB_FUZZ_CHECK(notes.events.size() + notes.damaged == lines);
  for (const Event& event : notes.events) {
    const std::string line = encode(event);
    LB_FUZZ_CHECK(line.find('\n') == std::string::npos);
    const auto again = decode(line);
    LB_FUZZ_CHECK(again && encode(*again) == line && again->at == event.at);
    LB_FUZZ_CHECK(is_shown(clean(headline(event))));
    LB_FUZZ_CHECK(environment_of(event, "lb1").size() == 12);
  }
  if (notes.events.empty()) return;
  const MailHeader head{"lb1", "lb1@example.net", {"ops@example.net"}, {}, "42"};
  const Mail mail = compose(head, notes.events);
  check_mail(mail.text);
  LB_FUZZ_CHECK(from_file(to_file(mail)) == mail);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::fuzz::Input input(data, size);
  if (input.byte() % 2 == 0) {
    read_events(input.text());
    return 0;
  }
  const auto mail = from_file(input.text());
  if (!mail) return 0;
  LB_FUZZ_CHECK(!mail->to.empty() && from_file(to_file(*mail)) == mail);
  return 0;
}
