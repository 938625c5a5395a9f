// The programs of one HA group ([[ha.resource]]), which run where its addresses are. Pure: events with
// their time in, actions out. No I/O, no clock.
//
// As master they are started in their order, each after the one before has started; else they are
// stopped in reverse order. At the start of this process nobody knows whether one runs: a master
// adopts what its monitor finds running, and stops the others before it starts them; a director that
// is not master stops all of them. While it is not known who is master they are left as they are.
//
// A new master starts a program only when the peer cannot be running it, as its peer_confirmation says:
//
//  the peer reports them stopped, and accepts our mastership   start
//  it may be running some, or could not stop one               wait for it, or for confirm()
//  nothing is received from it                                 the lease: wait for as long as it needs
//                                                              to stop them; with "required" for confirm()
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "config/model.h"
#include "controlplane/failover/resource_report.h"

namespace lb::controlplane {

enum class ResourceStep : std::uint8_t { kStart, kStop, kMonitor };
std::string_view to_text(ResourceStep step);  // "start"

enum class ResourceState : std::uint8_t {
  kUnknown,  // neither known to run nor to be stopped
  kStopped,
  kWaiting,  // for the peer
  kStarting,
  kRunning,
  kStopping,
  kStopFailed,  // and is tried again
};

enum class ResourceEvent : std::uint8_t {
  kStarted,
  kAdopted,  // this process found it running
  kStopped,
  kRestarted,   // after its monitor failed
  kFailed,      // it is not tried again
  kRecovered,   // started after a failure
  kStopFailed,  // may be running where it must not
  kStopRecovered,
  kWaiting,  // longer than the lease
};

struct ResourceAction {
  enum class Kind : std::uint8_t { kRun, kCancel, kReport };
  Kind kind;
  config::HaResource resource;
  std::uint64_t run = 0;  // number of the run that begins, or is to be killed
  ResourceStep step = ResourceStep::kStart;
  ResourceEvent event = ResourceEvent::kStarted;
  std::string text = {};
};
using ResourceActions = std::vector<ResourceAction>;

class ResourceGroup {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Result {
    ResourceStep step;
    std::string error;  // empty: good
    Time at;
  };
  struct Resource {
    config::HaResource config;
    // When its commands have changed: it is stopped by those that it was started with.
    std::optional<config::HaResource> next = {};
    ResourceState state = ResourceState::kUnknown;
    bool fresh = true;     // neither started nor stopped here: it may be adopted
    bool failed = false;   // it is not started again
    bool removed = false;  // from the configuration: it is stopped, then forgotten
    std::uint64_t restart_count = 0;
    std::optional<Result> last = {};

    std::uint64_t run = 0;  // number of what runs for it; 0: nothing
    ResourceStep step = ResourceStep::kStart;
    Time run_until = {};
    Time monitor_at = {};
    Time stop_again_at = {};
    Time failed_at = {};
    std::string failure = {};         // the last one's reason
    bool reports_recovery = false;    // when it has started
    std::string restart_reason = {};  // while it is restarted; else empty
    std::deque<Time> restarts = {};   // within restart_window
    bool stop_failure_reported = false;
  };

  explicit ResourceGroup(Time now) : master_since_(now), gone_since_(now) {}

  // ---- events
  ResourceActions configure(const std::vector<config::HaResource>& resources, Time now);
  ResourceActions update(const ResourceView& view, Time now);
  // A run has ended; empty `error`: it was good.
  ResourceActions ended(std::uint64_t run, const std::string& error, Time now);
  ResourceActions expire(Time now);  // to be called at next_deadline()
  // Stops all of them for good.
  ResourceActions leave(Time now);
  // Forgets failures; false: there are none.
  bool retry(ResourceActions& actions, Time now);
  // An operator says that the peer runs none of them; false: none waits for that.
  bool confirm(ResourceActions& actions, Time now);

  // ---- state
  const std::vector<Resource>& resources() const { return resources_; }
  ResourceReport report() const;
  // Each is stopped, or could not be.
  bool is_down() const;
  // Of a resource that takes the addresses away; null: none.
  const Resource* failure() const;
  std::optional<Time> next_deadline() const;
  // How long it takes to stop all of them at most.
  std::chrono::milliseconds stop_time() const;

 private:
  using State = ResourceState;

  bool wants_up() const;
  bool wants_down() const;
  bool is_waiting() const;
  Time lease_end() const;
  bool may_start(const Resource& resource) const;
  void begin(Resource& resource, ResourceStep step, Time now);
  void cancel(Resource& resource);
  void note(const Resource& resource, ResourceEvent event, std::string text = {});
  void end(Resource& resource, const std::string& error, Time now);
  void end_start(Resource& resource, const std::string& error, Time now);
  void end_stop(Resource& resource, const std::string& error, Time now);
  void end_monitor(Resource& resource, const std::string& error, Time now);
  void fail(Resource& resource, std::string why, Time now);
  void forget_failure(Resource& resource);
  void adopt_config(Resource& resource, const config::HaResource& config);
  ResourceActions proceed(Time now);
  void look_at_peer(Time now);
  void stop_again(Time now);
  void go_up(Time now);
  void monitor_running(Time now);
  void go_down(Time now);
  bool stop_one(bool only_removed, Time now);
  bool is_changing() const;

  std::vector<Resource> resources_;
  ResourceView view_;
  Time master_since_;
  Time gone_since_;
  bool confirmed_ = false;   // as master: the peer runs none of them
  bool lease_over_ = false;  // as master
  bool waiting_reported_ = false;
  bool leaving_ = false;
  std::uint64_t runs_ = 0;
  ResourceActions actions_;
};

}  // namespace lb::controlplane
