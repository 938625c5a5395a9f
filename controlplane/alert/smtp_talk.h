// What the lines between us and a mail server say about a mail: which recipients the server refuses, and
// whether a try that failed is worth another one (RFC 5321 section 4.2). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lb::controlplane::alert {

// How a try ended.
struct Sent {
  enum class How : std::uint8_t {
    kSent,     // to all, or to those that are not in `later` and `never`
    kLater,    // not because of the mail: the server is away, refuses the login, is busy
    kNever,    // the server refuses this mail permanently (5xx)
    kWaiting,  // the server refuses all recipients temporarily (4xx)
  };
  How how = How::kLater;
  std::string text;                // what the server or libcurl said
  std::vector<std::string> later;  // recipients whose refusal is temporary (4yz)
  std::vector<std::string> never;  // and permanent
};

class SmtpTalk {
 public:
  SmtpTalk() = default;
  explicit SmtpTalk(std::size_t recipients) : recipients_(recipients) {}

  // Each line, as it is sent or received.
  void sent(std::string_view line);
  void received(std::string_view line);

  // The mail was delivered.
  Sent success() const;
  // It was not. `why`: for a reason that the server has not said.
  Sent failure(std::string_view why) const;

 private:
  std::size_t recipients_ = 0;
  bool transaction_ = false;  // MAIL FROM was sent: refusals are about this mail
  bool leaving_ = false;      // QUIT was sent: later answers are ignored
  std::string asked_;         // the recipient of the pending answer
  std::string last_;          // line of the server
  int status_ = 0;            // in it
  std::vector<std::string> later_;
  std::vector<std::string> never_;
};

}  // namespace lb::controlplane::alert
