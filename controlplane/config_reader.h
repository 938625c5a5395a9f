// Reads, validates and compares configurations on its own thread, so that neither a large one nor
// a slow file or directory service blocks the caller's loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/diff.h"
#include "config/load.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

struct ConfigVersion {
  std::string text;
  config::ConfigPtr config;
};

// Looks up the users of its programs and reads the files of its checks, for find_user() and find_file()
// on the loops; not on a loop. Returns a line for each user that was not found, whose programs will
// not run.
std::vector<std::string> learn(const config::Config& config);

class ConfigReader {
 public:
  struct Source {
    std::string name;                      // for messages
    std::optional<std::string> text = {};  // nullopt: read the file of that name
    bool is_own = false;                   // written by us: nobody else may have changed it
    bool from_it = false;  // changes from it to the running one; else from the running one to it
    std::string kept_in = {};     // the file that it will replace, which must be possible
    std::string if_missing = {};  // the error if there is no such file; empty: as of any other
  };
  struct Found {
    std::optional<ConfigVersion> version;  // nullopt: unreadable, or with errors
    std::vector<std::string> mistakes;     // a line each
    std::vector<std::string> warnings;     // for the log, when the version is applied
    std::vector<config::Change> changes;
    std::string error;  // by kept_in or if_missing
  };

  // `io`: the caller's loop.
  ConfigReader(boost::asio::io_context& io, config::Machine machine);
  // Waits for what is being read; there is no call back after it.
  ~ConfigReader();
  ConfigReader(const ConfigReader&) = delete;
  ConfigReader& operator=(const ConfigReader&) = delete;

  // One after the other, in order. `done` is called once, later, on the caller's loop.
  void read(Source source, config::ConfigPtr running, std::function<void(Found)> done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
