// The data plane as a process: runtime, API and housekeeping on one event loop in the main thread.
#pragma once

#include <string>

#include "config/base/result.h"
#include "config/base/stop_signals.h"
#include "dataplane/control/runtime.h"

namespace lb {

struct DaemonOptions {
  std::string run_dir;      // of dataplane.sock
  std::string admin_group;  // as api::SocketOptions
  std::string read_group;
  std::string audit_file;  // empty: none
  RuntimeOptions runtime;
};

// Runs until `stop` receives a signal, then stops cleanly. Fails when something needed for the start is
// missing, in one line that says what to do. Notifies the service manager when it is ready.
Result<void> run_dataplane(const DaemonOptions& options, StopSignals& stop);

}  // namespace lb
