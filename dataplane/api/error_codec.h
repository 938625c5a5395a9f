// Errors in the responses of both daemons' APIs.
#pragma once

#include <cstdint>
#include <string>

#include "config/base/result.h"

namespace lb::api {

template <typename Response>
Response error_response(const Error& error) {
  Response response;
  response.set_error(error.message);
  response.set_error_kind(static_cast<std::uint32_t>(error.kind));
  return response;
}

// Of a response with an error.
template <typename Response>
Error error_of(const Response& response) {
  const bool known = response.error_kind() <= static_cast<std::uint32_t>(kLastErrorKind);
  return {response.error(),
          known ? static_cast<ErrorKind>(response.error_kind()) : ErrorKind::kFailed};
}

}  // namespace lb::api
