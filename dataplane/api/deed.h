// What a request does, as far as it does something. Each daemon says it of its own requests
// (controlplane/deeds.cc, dataplane/control/deeds.cc).
#pragma once

#include <string>

namespace lb::api {

struct Deed {
  std::string words;   // as an operator would type it: "flush conn --service web"
  bool logged = true;  // false: somebody else logs it, or it changes nothing and is for
                       // administrators all the same
};

}  // namespace lb::api
