// Any lines as the answers of a mail server: only recipients that were asked about are refused, each
// once; a mail is given up only when the server has said so, and what it says is one line for people.
//
// Input: the number of recipients, then lines of the server. A line "M", "R" or "Q" is ours: MAIL, RCPT
// of the next recipient, QUIT.
#include <algorithm>
#include <set>
#include <string>

#include "config/base/printable.h"
#include "controlplane/alert/smtp_talk.h"
#include "tests/fuzz/input.h"

namespace {

using lb::controlplane::alert::Sent;
using lb::controlplane::alert::SmtpTalk;

constexpr std::size_t kMostText = 1003;  // bytes, with "..."

void check(const Sent& sent, std::size_t asked) {
  LB_FUZZ_CHECK(sent.later.size() + sent.never.size() <= asked);
  std::set<std::string> refused(sent.later.begin(), sent.later.end());
  refused.insert(sent.never.begin(), sent.never.end());
  LB_FUZZ_CHECK(refused.size() == sent.later.size() + sent.never.size());
  for (const std::string& each : refused) {
    LB_FUZZ_CHECK(each.starts_with("ops") && std::stoul(each.substr(3)) < asked);
  }
  LB_FUZZ_CHECK(sent.text.size() <= kMostText);
  std::string_view text = sent.text;
  for (lb::Character next; !text.empty(); text.remove_prefix(next.bytes)) {
    next = lb::first_character(text);
    LB_FUZZ_CHECK(next.is_valid && lb::is_printable(next.code));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::fuzz::Input input(data, size);
  const std::size_t recipients = 1 + input.byte() % 4;
  SmtpTalk talk(recipients);
  std::size_t asked = 0;
  bool begun = false;
  for (std::string_view rest = input.text(); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end);
    if (line == "M\n") {
      talk.sent("MAIL FROM:<lb1@example.net>\r\n");
      begun = true;
    } else if (line == "R\n" && asked < recipients) {
      talk.sent("RCPT TO:<ops" + std::to_string(asked++) + ">\r\n");
    } else if (line == "Q\n") {
      talk.sent("QUIT\r\n");
    } else {
      talk.received(line);
    }
  }
  const Sent failed = talk.failure("time out");
  check(failed, asked);
  LB_FUZZ_CHECK(begun || failed.how == Sent::How::kLater);
  LB_FUZZ_CHECK(failed.how != Sent::How::kNever || failed.text.front() == '5' ||
                failed.later.empty());
  LB_FUZZ_CHECK(failed.how != Sent::How::kSent);
  check(talk.success(), asked);
  return 0;
}
