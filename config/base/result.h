// Errors of the cold path.
//
// A function that can fail for a reason outside the program (a file, a peer, an operator's typing)
// returns Result<T>. The message names the place and the remedy in one line, ready to be shown to
// an operator.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace lb {

// Who can do something about it. lbcli's exit status follows from it (controlplane/cli/outcome.h).
enum class ErrorKind : std::uint8_t {
  kFailed,        // it cannot be done, or did not work
  kWrongRequest,  // what was asked for is malformed, or names something that does not exist
  kDenied,        // the caller may not
  kUnreachable,   // the other end does not answer
};
inline constexpr ErrorKind kLastErrorKind = ErrorKind::kUnreachable;

struct Error {
  std::string message;
  ErrorKind kind = ErrorKind::kFailed;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message, ErrorKind kind = ErrorKind::kFailed) {
  return tl::make_unexpected(Error{std::move(message), kind});
}
inline tl::unexpected<Error> wrong_request(std::string message) {
  return fail(std::move(message), ErrorKind::kWrongRequest);
}

}  // namespace lb
