// Changes the configuration while the control plane runs: reads or receives a text, validates it,
// lists the changes, applies them, and keeps or reverts them. Runs on the main loop; configurations
// are read, validated and compared on other threads (ConfigReader), and files are written on one
// (FileWriter), so that none blocks the loop.
//
// A restart uses the configuration file. A commit replaces it; a commit with a time to confirm does
// so when it is confirmed: a control plane that is restarted before starts with the old one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/base/audit_log.h"
#include "config/base/result.h"
#include "config/load.h"
#include "controlplane/service/overrides.h"

namespace boost::asio {
class io_context;
}

namespace lb::api::control {
class ConfigCommand;
class ConfigReply;
}  // namespace lb::api::control

namespace lb::controlplane {

class FileWriter;

class Reloader {
 public:
  // As the functions of Applier.
  struct Host {
    using Done = std::function<void(Result<void>)>;
    std::function<void(config::ConfigPtr next, Done done)> apply;
    std::function<void(config::ConfigPtr before, const std::string& overrides, Done done)> restore;
    std::function<std::string()> overrides;
    std::function<std::vector<EndedChange>(const config::Config& next)> ended_by;
  };

  struct Options {
    std::string file;       // of the configuration
    std::string state_dir;  // holds the text that the last change replaced
    config::Machine machine;
    AuditLog* audit;     // gets the outcome of each change; outlives this
    FileWriter* writer;  // of the same loop; outlives this
  };

  // `text` is what `running` was read from.
  Reloader(boost::asio::io_context& io, Options options, std::string text,
           config::ConfigPtr running, Host host);
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  using Done = std::function<void(const api::control::ConfigReply&)>;
  // `done` is called once, at once or later, with what was started; `applying`: query STATUS for
  // the result. Changes are made in the order of the requests. `by`: the caller, for the audit log.
  void command(const api::control::ConfigCommand& command, const std::string& by, Done done);
  // As the command RELOAD; the result is in the log. `why`: "SIGHUP".
  void reload(const std::string& why);
  // Follows the file as long as the configuration says auto_reload.
  void watch();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
