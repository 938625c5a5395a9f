// Since when each target is up or down, how often that changed and how long it was up, in a file
// for the next process. Whether it is up comes from the data plane.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "config/base/result.h"
#include "controlplane/servers/overrides_file.h"
#include "controlplane/service/health_state.h"
#include "controlplane/service/inventory.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

class FileWriter;

// By real server: by its service's key (Inventory); if no service has the key, by the service's name
// and protocol; in a file of a version that did not write the key, by the service's name and VIP.
class SavedStates {
 public:
  // Null: nothing is known. `server` is of the inventory.
  const health::SavedState* find(const RealServer& server, const Inventory& inventory) const;
  std::size_t size() const { return by_key_.size() + by_name_.size(); }

 private:
  friend Result<SavedStates> read_history(std::string_view text, const Now& now);
  std::map<std::pair<ServiceKey, Endpoint>, health::SavedState> by_key_;
  // The keys that services of this name and protocol had.
  std::map<std::pair<std::string, Protocol>, ServiceKey> keys_;
  std::map<std::tuple<std::string, Endpoint, Endpoint>, health::SavedState> by_name_;
};

// Of all followed targets. Times are calendar times. Impossible values, as after a change of the
// clock, are corrected.
std::string print_history(const Inventory& inventory, const Now& now);
Result<SavedStates> read_history(std::string_view text, const Now& now);

class HealthHistory {
 public:
  // The inventory and the writer outlive this.
  HealthHistory(boost::asio::io_context& io, FileWriter& writer, std::string path,
                const Inventory& inventory);

  // Reads the file. A damaged file is logged and ignored.
  SavedStates load() const;
  // A target changed its state: written within some seconds, together with later changes.
  void changed();
  // Without waiting for the disk.
  void write();

 private:
  FileWriter& writer_;
  std::string path_;
  const Inventory& inventory_;
  boost::asio::steady_timer timer_;
  bool due_ = false;
  const std::shared_ptr<bool> failed_ =
      std::make_shared<bool>();  // the last time, which was logged
};

}  // namespace lb::controlplane
