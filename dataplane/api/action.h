// What a request does, as far as it does something. Each daemon says it of its own requests
// (controlplane/actions.cc, dataplane/control/actions.cc).
#pragma once

#include <string>

namespace lb::api {

struct Action {
  std::string command;  // as an operator would type it: "flush conn --service web"
  bool logged = true;   // false: somebody else logs it, or it changes nothing and is for
                        // administrators all the same
};

}  // namespace lb::api
