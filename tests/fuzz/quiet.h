// For targets of code that logs: millions of inputs write no lines.
#pragma once

#include "config/base/log.h"
#include "dataplane/api/protobuf_log.h"

namespace lb::fuzz {

// A static object of a target.
struct Quiet {
  Quiet() {
    log::init("fuzz", static_cast<log::Level>(static_cast<int>(log::Level::kError) + 1));
    api::silence_protobuf();
  }
};

}  // namespace lb::fuzz
