// How a command ends: the exit status of each kind of error, for all commands in one place.
#pragma once

#include "config/base/result.h"
#include "controlplane/cli/cli.h"
#include "dataplane/api/client.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::cli {

using DataplaneClient = api::Client<api::Request, api::Response>;

// docs/reference/commands.md has the table for operators.
constexpr int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFailed:
    case ErrorKind::kDenied:
      return kFailed;
    case ErrorKind::kWrongRequest:
      return kUsage;
    case ErrorKind::kUnreachable:
      return kDaemonDown;
  }
  return kFailed;
}

// A command that has printed its errors itself: nothing is left to say.
inline tl::unexpected<Error> already_printed(ErrorKind kind) {
  return fail({}, kind);
}

}  // namespace lb::cli
