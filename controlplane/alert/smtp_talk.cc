#include "controlplane/alert/smtp_talk.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "controlplane/alert/event.h"

namespace lb::controlplane::alert {
namespace {

// Answers about login or encryption: a matter of configuration, not of this mail
// (RFC 4954 section 6).
constexpr std::array<int, 5> kConfiguration = {530, 534, 535, 538, 454};

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

}  // namespace

// A command that we send. It may contain a password: only a recipient is stored.
void SmtpTalk::sent(std::string_view line) {
  constexpr std::string_view kMailFrom = "MAIL FROM:";
  constexpr std::string_view kRecipient = "RCPT TO:<";
  asked_.clear();
  leaving_ = equals_ignoring_case(line.substr(0, 4), "QUIT");
  if (equals_ignoring_case(line.substr(0, kMailFrom.size()), kMailFrom)) transaction_ = true;
  if (equals_ignoring_case(line.substr(0, kRecipient.size()), kRecipient)) {
    asked_ = line.substr(kRecipient.size(), line.find('>') - kRecipient.size());
  }
}

void SmtpTalk::received(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (leaving_ || line.size() < 4) return;
  last_ = clean(line);
  status_ = std::atoi(std::string(line.substr(0, 3)).c_str());
  if (asked_.empty() || line[3] == '-') return;
  if (line[0] == '4') later_.push_back(asked_);
  if (line[0] == '5') never_.push_back(asked_);
  asked_.clear();
}

Sent SmtpTalk::success() const {
  return {Sent::How::kSent, last_, later_, never_};
}

Sent SmtpTalk::failure(std::string_view why) const {
  Sent sent{Sent::How::kLater, std::string(why), later_, never_};
  const bool refused = status_ >= 400 && status_ < 600;
  if (refused) sent.text = last_;
  const bool ours = std::ranges::find(kConfiguration, status_) != kConfiguration.end();
  if (!transaction_ || !refused || ours) return sent;
  const bool all_asked = later_.size() + never_.size() == recipients_;
  if (all_asked) {
    sent.how = later_.empty() ? Sent::How::kNever : Sent::How::kWaiting;
  } else if (status_ >= 500) {
    sent.how = Sent::How::kNever;
  }
  return sent;
}

}  // namespace lb::controlplane::alert
