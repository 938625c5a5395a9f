// How a command ends, and whom it talks to.
#pragma once

#include <string>
#include <utility>

#include "config/base/result.h"
#include "dataplane/api/client.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::cli {

using DataplaneClient = api::Client<api::Request, api::Response>;

// A command that cannot go on: its exit status, and the line that says why (empty: it is said).
struct Failure {
  int status;
  std::string message;
};

template <typename T>
using Outcome = tl::expected<T, Failure>;

inline tl::unexpected<Failure> stop(int status, std::string message) {
  return tl::make_unexpected(Failure{status, std::move(message)});
}

}  // namespace lb::cli
