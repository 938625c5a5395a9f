// What the Protocol Buffers library writes to stderr by itself: a line for each malformed message, at
// once, as often as a stranger sends one. All callers look at what parsing returns.
#pragma once

#include <google/protobuf/stubs/logging.h>

namespace lb::api {

// Early in main(), before there are threads.
inline void silence_protobuf() {
  google::protobuf::SetLogHandler(nullptr);
}

}  // namespace lb::api
