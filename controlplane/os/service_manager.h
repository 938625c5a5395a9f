// Notifies the service manager that started us (sd_notify(3)); without one they have no effect.
#pragma once

#include <chrono>
#include <string>

namespace lb::controlplane {

void notify_ready();
void notify_stopping();
// The end takes as long at most; else it is killed after the unit's TimeoutStopSec.
void notify_stop_takes(std::chrono::milliseconds limit);
// For its watchdog: nothing hangs.
void notify_alive();
void notify_status(const std::string& status);

}  // namespace lb::controlplane
