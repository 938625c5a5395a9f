// Notifies the service manager that started us (sd_notify(3)); without one they have no effect.
#pragma once

#include <string>

namespace lb::controlplane {

void notify_ready();
void notify_stopping();
// For its watchdog: nothing hangs.
void notify_alive();
void notify_status(const std::string& status);

}  // namespace lb::controlplane
