#include "controlplane/os/service_manager.h"

#include <systemd/sd-daemon.h>

namespace lb::controlplane {

void notify_ready() {
  sd_notify(0, "READY=1");
}

void notify_stopping() {
  sd_notify(0, "STOPPING=1");
}

void notify_alive() {
  sd_notify(0, "WATCHDOG=1");
}

void notify_status(const std::string& status) {
  sd_notify(0, ("STATUS=" + status).c_str());
}

}  // namespace lb::controlplane
