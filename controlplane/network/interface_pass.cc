#include "controlplane/network/interface_pass.h"

#include <utility>

namespace lb::controlplane {

SeenInterfaces::Change SeenInterfaces::update(const netlink::Link& link) {
  Last& last = last_[link.name];
  Change change;
  change.is_new = last.index != link.index;
  change.started = !change.is_new && last.times_started != link.times_started;
  change.first_start = change.started && last.times_started == 0;
  change.stopped = !change.is_new && last.running && !link.running;
  change.other_mac = !change.is_new && last.mac != link.mac;
  last = {link.index, link.mac, link.times_started, link.running};
  return change;
}

void PassFailures::begin_pass() {
  before_ = std::exchange(now_, {});
}

bool PassFailures::note(const std::string& what, const Result<void>& result) {
  const auto known = before_.find(what);
  if (result) {
    // What succeeded has a line of its own, or is not worth one.
    if (known != before_.end()) limit_.forget("", what);
    return true;
  }
  const std::string& why = result.error().message;
  if (known == before_.end() || known->second != why) {
    limit_.write(log::Level::kError, "", what, "{}: {}", what, why);
  }
  now_[what] = why;
  return false;
}

}  // namespace lb::controlplane
