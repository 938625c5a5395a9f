// The commands that change the configuration of a director: reload, diff, commit, confirm,
// rollback; and what is shown of it.
#pragma once

#include <iosfwd>
#include <string>

#include "controlplane/cli/options.h"
#include "dataplane/api/client.h"

namespace lb::api::control {
class Request;
class Response;
}  // namespace lb::api::control

namespace lb::cli {

struct Ended {
  int status;
  std::string message;  // why it failed; empty: it is said
};

// Changes and mistakes go to `out` and `err`. A change is waited for until the data plane has it.
Ended run_change(api::Client<api::control::Request, api::control::Response>& client,
                 const Options& options, std::ostream& out, std::ostream& err);

}  // namespace lb::cli
