// Shared by the two parts that correct the kernel's interfaces in passes (Interfaces, Vips): what
// changed at an interface since the last pass, and which failures are new. Each part has its own
// objects; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "config/base/log_limit.h"
#include "config/base/result.h"
#include "controlplane/netlink/model.h"

namespace lb::controlplane {

class SeenInterfaces {
 public:
  struct Change {
    bool is_new = false;   // seen for the first time, or created again
    bool started = false;  // its link went and came back
    bool other_mac = false;
    bool first_start = false;  // with `started`: for the first time
    bool stopped = false;      // its link went
    bool any() const { return is_new || started || other_mac; }
  };
  Change update(const netlink::Link& link);
  // It does not exist. True: it did in the last pass.
  bool remove(const std::string& name) { return last_.erase(name) != 0; }

 private:
  struct Last {
    int index = 0;
    MacAddress mac;
    std::uint32_t times_started = 0;
    bool running = false;
  };
  std::map<std::string, Last> last_;
};

// Logs a failure once while it recurs in every pass, and at the pace of LogLimit when it comes and
// goes.
class PassFailures {
 public:
  void begin_pass();
  // True when there was no failure.
  bool note(const std::string& what, const Result<void>& result);
  bool any() const { return !now_.empty(); }

 private:
  std::map<std::string, std::string> now_;  // failures of this pass, and why
  std::map<std::string, std::string> before_;
  LogLimit limit_{5};
};

}  // namespace lb::controlplane
