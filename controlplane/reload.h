// Changes the configuration while the control plane runs: read or be given a text, validate, tell
// what changes, apply, and keep or take back. Runs on the main loop; configurations are read,
// validated and compared by threads of their own (ConfigReader), so that none holds up the loop.
//
// The configuration file is what counts after a restart. A commit replaces it, one that waits to be
// confirmed does so only then: a control plane that is restarted in between starts with the old
// one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/base/audit_log.h"
#include "config/base/result.h"
#include "config/load.h"

namespace boost::asio {
class io_context;
}

namespace lb::api::control {
class ConfigCommand;
class ConfigReply;
}  // namespace lb::api::control

namespace lb::controlplane {

class Reloader {
 public:
  // As Applier::configure().
  using Apply = std::function<void(config::ConfigPtr next, std::function<void(Result<void>)> done)>;

  struct Options {
    std::string file;       // of the configuration
    std::string state_dir;  // bears the text that the last change replaced
    config::Machine machine;
    AuditLog* audit;  // is told how each change ends; outlives this
  };

  // `text` is what `running` was read from.
  Reloader(boost::asio::io_context& io, Options options, std::string text,
           config::ConfigPtr running, Apply apply);
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  using Done = std::function<void(const api::control::ConfigReply&)>;
  // `done` is called once, at once or later, with what was begun; `applying` says that STATUS is to
  // be asked for how it ends. Changes are begun in the order in which they were asked for.
  // `by`: who asks, for the audit log.
  void command(const api::control::ConfigCommand& command, const std::string& by, Done done);
  // As the command RELOAD; what comes of it is in the log. `why`: "SIGHUP".
  void reload(const std::string& why);
  // Follows the file as long as the configuration says auto_reload.
  void watch();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
