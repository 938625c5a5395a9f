// Reads, validates and compares configurations on a thread of its own: however large one is, and
// however slow the file, the loop that asks goes on.
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

class ConfigReader {
 public:
  struct Source {
    std::string name;                      // that its mistakes have
    std::optional<std::string> text = {};  // nothing: the file of that name
    bool from_it = false;  // the changes are those from it to the running one; else to it
  };
  struct Found {
    std::optional<ConfigVersion> version;  // nothing: it cannot be read, or has mistakes
    std::vector<std::string> mistakes;     // a line each
    std::vector<config::Change> changes;
  };

  // `io`: of the loop that asks, and is answered.
  ConfigReader(boost::asio::io_context& io, config::Machine machine);
  // Waits for what is being read; nobody is called back after it.
  ~ConfigReader();
  ConfigReader(const ConfigReader&) = delete;
  ConfigReader& operator=(const ConfigReader&) = delete;

  // One after the other, in order. `done` is called once, later, on the loop that asks.
  void read(Source source, config::ConfigPtr running, std::function<void(Found)> done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
