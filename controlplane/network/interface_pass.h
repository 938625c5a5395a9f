// What two parts share that put the kernel's interfaces right again and again (Interfaces, Vips):
// what has become of an interface since the last time, and which failures are new. Each part has
// its own; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "config/base/result.h"
#include "controlplane/netlink/model.h"

namespace lb::controlplane {

class SeenInterfaces {
 public:
  struct Change {
    bool is_new = false;   // seen for the first time, or made anew
    bool started = false;  // its link went and came back
    bool other_mac = false;
    bool first_start = false;  // with `started`: it had never run before
    bool any() const { return is_new || started || other_mac; }
  };
  Change update(const netlink::Link& link);
  // It is not there. True: it was, the last time.
  bool remove(const std::string& name) { return last_.erase(name) != 0; }

 private:
  struct Last {
    int index = 0;
    MacAddress mac;
    std::uint32_t times_started = 0;
  };
  std::map<std::string, Last> last_;
};

// Logs a failure once, as long as it comes in every pass.
class PassFailures {
 public:
  void begin_pass();
  // True when there was no failure.
  bool note(const std::string& what, const Result<void>& result);
  bool any() const { return !now_.empty(); }

 private:
  std::map<std::string, std::string> now_;  // what failed in this pass, and why
  std::map<std::string, std::string> before_;
};

}  // namespace lb::controlplane
