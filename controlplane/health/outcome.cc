#include "controlplane/health/outcome.h"

#include <cctype>
#include <cerrno>
#include <system_error>

namespace lb::health {
namespace {

std::string in_ms(std::chrono::steady_clock::duration took) {
  return " in " +
         std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) + "ms";
}

bool lacks_resources(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EAGAIN:
    case EADDRNOTAVAIL:  // no local port left
      return true;
    default:
      return false;
  }
}

}  // namespace

Outcome good(std::string_view code, std::chrono::steady_clock::duration took) {
  return {Verdict::kGood, std::string(code) + in_ms(took)};
}

Outcome bad(std::string_view code, std::string_view reason) {
  return {Verdict::kBad, std::string(code) + " " + std::string(reason)};
}

Outcome timed_out(std::string_view code, std::chrono::milliseconds timeout) {
  return bad(code, "after " + std::to_string(timeout.count()) + "ms");
}

Outcome socket_failure(std::string_view code, int error) {
  if (lacks_resources(error)) return {Verdict::kInconclusive, "SOCKERR " + error_text(error)};
  return bad(code, error_text(error));
}

Outcome http_status(unsigned status, bool expected, std::chrono::steady_clock::duration took) {
  return {expected ? Verdict::kGood : Verdict::kBad,
          (expected ? "L7OK/" : "L7STS/") + std::to_string(status) + in_ms(took),
          {},
          {}};
}

std::string error_text(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

}  // namespace lb::health
