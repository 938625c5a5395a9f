// Errors of the cold path.
//
// A function that can fail for a reason outside the program (a file, a peer, an operator's typing)
// returns Result<T>. The message names the place and the remedy in one line, ready to be shown to
// an operator.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace lb {

struct Error {
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message) {
  return tl::make_unexpected(Error{std::move(message)});
}

}  // namespace lb
