// The process at the other end of a connection to a daemon's API.
#pragma once

#include <sys/types.h>

#include <string>

namespace lb::api {

struct Caller {
  // As the kernel knows them (SO_PEERCRED): those of the process that connected.
  uid_t uid = static_cast<uid_t>(-1);
  pid_t pid = 0;
  std::string program;     // as it calls itself in Hello
  bool read_only = false;  // it came by the socket for reading
};

// "by=lbcli uid=1000 user=alice pid=4711", for the audit log.
std::string to_string(const Caller& caller);

}  // namespace lb::api
