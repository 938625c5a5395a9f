// Since when each target is up or down, how often that changed and how long it was up, in a file
// that outlives the process. Whether it is up the data plane tells a new process.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "config/base/result.h"
#include "controlplane/health/checker.h"
#include "controlplane/service/overrides_file.h"

namespace boost::asio {
class io_context;
}

namespace lb::controlplane {

struct TargetState {
  health::Target target;
  health::State state;
};

// By service, VIP and address.
using Pasts = std::map<std::tuple<std::string, Ipv4Endpoint, Ipv4Endpoint>, health::Past>;

// Times are of the calendar there. What cannot be true, as after a change of the clock, is put
// right.
std::string print_history(const std::vector<TargetState>& targets, const Now& now);
Result<Pasts> read_history(std::string_view text, const Now& now);

class HealthHistory {
 public:
  using Collect = std::function<std::vector<TargetState>()>;

  // `collect` gives all there is to write, at any time until this ends.
  HealthHistory(boost::asio::io_context& io, std::string path, Collect collect);

  // What the file tells. One that is damaged is a line in the log, and nothing is known then.
  Pasts load() const;
  // A target turned: written within some seconds, together with what follows.
  void changed();
  void write();

 private:
  std::string path_;
  Collect collect_;
  boost::asio::steady_timer timer_;
  bool due_ = false;
  bool failed_ = false;  // the last time, which was logged
};

}  // namespace lb::controlplane
