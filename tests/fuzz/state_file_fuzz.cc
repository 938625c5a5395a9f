// Any bytes as a file of an earlier process: operators' changes, the history of the checks, and what
// the host's interfaces were. What is taken is within its bounds and is written in the same way again;
// of a damaged file nothing is left.
//
// Input: which file, its content.
#include <chrono>
#include <string>

#include "config/validate.h"
#include "controlplane/servers/health_history.h"
#include "controlplane/servers/overrides_file.h"
#include "controlplane/service/inventory_fixture.h"
#include "dataplane/lcore/host_notes.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/quiet.h"

namespace {

using namespace lb::controlplane;
using std::chrono::hours;

const lb::fuzz::Quiet kQuiet;
const Now kNow{std::chrono::steady_clock::time_point(hours(1000)),
               std::chrono::system_clock::time_point(hours(500'000))};

const lb::config::ConfigPtr& config() {
  static const lb::config::ConfigPtr made = [] {
    auto dns = lb::test::service("dns", {"192.0.2.10:53"}, {"10.0.0.11:53"});
    dns.protocol = lb::Protocol::kUdp;
    dns.one_packet = true;
    return lb::test::config_of(
        {lb::test::service("web", {"192.0.2.10:80"}, {"10.0.0.11:80", "10.0.0.12:80"}), dns});
  }();
  return made;
}

void read_overrides(const std::string& text) {
  Inventory inventory(config());
  const auto read = read_changes(text, inventory, kNow);
  const std::string written = changes_text(inventory, kNow);
  if (!read) {
    LB_FUZZ_CHECK(!read.error().message.empty() && written.empty());
    for (const Service& service : inventory.services()) {
      LB_FUZZ_CHECK(!changed_by_operators(service));
    }
    return;
  }
  Inventory again(config());
  LB_FUZZ_CHECK(read_changes(written, again, kNow));
  LB_FUZZ_CHECK(changes_text(again, kNow) == written);
  for (const Service& service : inventory.services()) {
    const Service& same = *again.find(service.key);
    LB_FUZZ_CHECK(same.changes == service.changes);
    const auto scheduler = service.changes.in_force.scheduler;
    LB_FUZZ_CHECK(!scheduler || !service.config->one_packet ||
                  !lb::config::goes_by_connections(*scheduler));
    for (const RealServer& server : service.servers) {
      LB_FUZZ_CHECK(again.find(same, server.config->address)->changes == server.changes);
      LB_FUZZ_CHECK(server.changes.in_force.weight.value_or(0) <= lb::config::kMaxWeight);
    }
  }
  LB_FUZZ_CHECK(describe(again, kNow.steady) == describe(inventory, kNow.steady));
}

void read_checks(const std::string& text) {
  const auto saved = read_history(text, kNow);
  if (!saved) {
    LB_FUZZ_CHECK(!saved.error().message.empty());
    return;
  }
  Inventory inventory(config());
  for (Service& service : inventory.services()) {
    for (RealServer& server : service.servers) {
      const auto* const state = saved->find(server, inventory);
      if (state == nullptr) continue;
      LB_FUZZ_CHECK(state->known_since <= state->since && state->since <= state->written);
      LB_FUZZ_CHECK(state->written <= kNow.steady && state->up_time.count() >= 0);
      LB_FUZZ_CHECK(state->up_time <= state->written - state->known_since);
      // As the Checker does.
      auto health = std::make_shared<lb::health::State>();
      health->up = state->up;
      health->since = state->since;
      health->known_since = state->known_since;
      health->transitions = state->transitions;
      server.health = health;
    }
  }
  LB_FUZZ_CHECK(read_history(print_history(inventory, kNow), kNow));
}

void read_interfaces(const std::string& text) {
  const auto notes = lb::parse_host_notes(text);
  if (!notes) return;
  const auto again = lb::parse_host_notes(lb::print_host_notes(*notes));
  LB_FUZZ_CHECK(again && *again == *notes);
  for (const lb::HostNote& note : *notes) {
    LB_FUZZ_CHECK(note.key.find("..") == std::string::npos && note.key.size() <= 64);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::fuzz::Input input(data, size);
  const std::uint8_t choice = input.byte();
  const std::string text(input.text());
  if (choice % 3 == 0) read_overrides(text);
  if (choice % 3 == 1) read_checks(text);
  if (choice % 3 == 2) read_interfaces(text);
  return 0;
}
