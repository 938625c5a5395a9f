// Any bytes as requests to the control plane: what an operator sets is within its bounds and survives a
// restart; what is refused changes nothing; every change has words for the audit log, on one line.
//
// Input: a series of api::control::Request.
#include <chrono>
#include <string>

#include "config/validate.h"
#include "controlplane/actions.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/servers/overrides_file.h"
#include "controlplane/servers/set_command.h"
#include "controlplane/service/inventory_fixture.h"
#include "tests/fuzz/messages.h"
#include "tests/fuzz/quiet.h"

namespace {

using namespace lb::controlplane;
using lb::api::control::Request;
using lb::api::control::SetCommand;
using std::chrono::hours;

const lb::fuzz::Quiet kQuiet;
constexpr int kMostRequests = 16;
const Now kNow{std::chrono::steady_clock::time_point(hours(1000)),
               std::chrono::system_clock::time_point(hours(500'000))};

const lb::config::ConfigPtr& config() {
  static const lb::config::ConfigPtr made = [] {
    auto dns = lb::test::service("dns", {"192.0.2.10:53"}, {"10.0.0.11:53"});
    dns.protocol = lb::Protocol::kUdp;
    dns.one_packet = true;
    return lb::test::config_of(
        {lb::test::service("web", {"192.0.2.10:80"}, {"10.0.0.11:80", "10.0.0.11:81"}), dns});
  }();
  return made;
}

void check_bounds(const RealServer& server) {
  const ServerOverride& change = server.changes.in_force;
  LB_FUZZ_CHECK(change.weight.value_or(0) <= lb::config::kMaxWeight);
  LB_FUZZ_CHECK(!change.deadline || change.admin_state == AdminState::kDrain);
  if (change.deadline) {
    LB_FUZZ_CHECK(*change.deadline > kNow.steady);
    LB_FUZZ_CHECK(*change.deadline - kNow.steady <= hours(720));
  }
}

void check_bounds(const Service& service) {
  const auto scheduler = service.changes.in_force.scheduler;
  LB_FUZZ_CHECK(!scheduler || !service.config->one_packet ||
                !lb::config::goes_by_connections(*scheduler));
  for (const RealServer& server : service.servers) check_bounds(server);
}

void set(const SetCommand& command, Inventory& inventory) {
  const std::string before = changes_text(inventory, kNow);
  const auto place = find_place(command, inventory);
  const auto done =
      place ? change(command, *place, kNow.steady) : tl::make_unexpected(place.error());
  const std::string after = changes_text(inventory, kNow);
  if (!done) {
    LB_FUZZ_CHECK(!done.error().message.empty() && after == before);
    return;
  }
  LB_FUZZ_CHECK(!done->empty());
  for (const Service& service : inventory.services()) check_bounds(service);
  Inventory restarted(config());
  LB_FUZZ_CHECK(read_changes(after, restarted, kNow) && changes_text(restarted, kNow) == after);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::fuzz::Input input(data, size);
  Inventory inventory(config());
  Request request;
  for (int n = 0; n < kMostRequests && lb::fuzz::next_message(input, request); ++n) {
    const auto action = action_of(request);
    LB_FUZZ_CHECK(!action || !action->command.empty());
    LB_FUZZ_CHECK(action || !request.has_set());
    if (request.has_set() && !request.set().release_held()) set(request.set(), inventory);
  }
  return 0;
}
