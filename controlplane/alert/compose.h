// Events to a mail: RFC 5322 with MIME, in plain ASCII on the wire. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/alert/event.h"

namespace lb::controlplane::alert {

struct Mail {
  std::string from;
  std::vector<std::string> to;  // not yet sent to
  std::string text;             // headers and body, lines end in CR LF
  bool operator==(const Mail&) const = default;
};

struct MailHeader {
  std::string director;
  std::string from;
  std::vector<std::string> to;
  std::chrono::system_clock::time_point now;
  std::string id;  // makes the Message-ID unique
};

// At least one event.
Mail compose(const MailHeader& head, std::span<const Event> events);

// Its parts. "[lb1] 12 events, worst: service web down".
std::string subject_of(const std::string& director, std::span<const Event> events);
std::string encode_header(std::string_view text);     // RFC 2047, only where it needs to be
std::string quoted_printable(std::string_view text);  // RFC 2045 section 6.7; lines end in \n
std::string mail_date(std::chrono::system_clock::time_point at);

}  // namespace lb::controlplane::alert
