// What a request changes. Each daemon describes its own requests
// (controlplane/actions.cc, dataplane/control/actions.cc).
#pragma once

#include <string>

namespace lb::api {

struct Action {
  std::string command;  // as an operator would type it: "flush conn --service web"
  bool logged = true;   // false: logged elsewhere, or it changes nothing but is for
                        // administrators only
};

}  // namespace lb::api
