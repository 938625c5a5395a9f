#include "controlplane/os/service_manager.h"

#include <systemd/sd-daemon.h>

#include <cstdint>

namespace lb::controlplane {

void notify_ready() {
  sd_notify(0, "READY=1");
}

void notify_stopping() {
  sd_notify(0, "STOPPING=1");
}

void notify_stop_takes(std::chrono::milliseconds limit) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(limit).count();
  sd_notify(0, ("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(us)).c_str());
}

void notify_alive() {
  using Clock = std::chrono::steady_clock;
  static const auto interval = [] {
    std::uint64_t limit_us = 0;
    const bool wanted = sd_watchdog_enabled(0, &limit_us) > 0;
    return std::chrono::microseconds(wanted ? limit_us / 4 : 0);
  }();
  static Clock::time_point last;
  const auto now = Clock::now();
  if (interval.count() == 0 || now - last < interval) return;
  last = now;
  sd_notify(0, "WATCHDOG=1");
}

void notify_status(const std::string& status) {
  sd_notify(0, ("STATUS=" + status).c_str());
}

}  // namespace lb::controlplane
