#include "dataplane/control/syn_proxy_watch.h"

#include <algorithm>

namespace lb {

bool SynProxySwitch::update(bool is_active, std::int64_t half_open, const SynProxyCounts& counts,
                            std::uint32_t threshold, std::uint32_t now) {
  const std::uint64_t unproven = counts.cookies - std::min(counts.proven, counts.cookies);
  const bool has_begun = is_active && !was_active_;
  was_active_ = is_active;
  if (!is_active) {
    was_active_ = half_open > threshold;
    unproven_ = unproven;
    sampled_ = busy_ = now;
    return was_active_;
  }
  if (has_begun) {  // before this object was there
    unproven_ = unproven;
    sampled_ = busy_ = now;
  }
  const auto waiting = static_cast<std::uint64_t>(std::max<std::int64_t>(half_open, 0));
  if (waiting > threshold / 2) busy_ = now;
  if (now - sampled_ >= kSecond) {
    // Fewer: more came back in this second than went out.
    const std::uint64_t in_a_second = unproven - std::min(unproven_, unproven);
    if (in_a_second + waiting > threshold / 2) busy_ = now;
    unproven_ = unproven;
    sampled_ = now;
  }
  was_active_ = now - busy_ < kCalm;
  return was_active_;
}

void SynProxyWatch::look(const Snapshot& snapshot, const Load& load, std::uint32_t now) {
  if (!snapshot.any_syn_proxy) return;
  for (std::uint32_t slot = 0; slot < snapshot.services.size(); ++slot) {
    const ServiceEntry& service = snapshot.services[slot];
    const SynProxy* const proxy = service.syn_proxy.get();
    if (proxy == nullptr || proxy->mode() != SynProxyMode::kAdaptive) {
      switches_.erase(slot);
      continue;
    }
    std::int64_t half_open = 0;
    for (const std::uint32_t rs : service.real_servers) half_open += load.half_open(rs);
    const bool was_active = proxy->is_active();
    const bool is_active =
        switches_[slot].update(was_active, half_open, proxy->counts(), proxy->threshold(), now);
    if (is_active == was_active) continue;
    proxy->set_active(is_active);
    if (is_active) {
      limit_.write(log::Level::kWarning, "syn_proxy", service.name,
                   "service {}: the SYN proxy begins: {} half-open connections, above "
                   "syn_proxy_threshold = {}",
                   service.name, half_open, proxy->threshold());
    } else {
      limit_.write(log::Level::kInfo, "syn_proxy", service.name,
                   "service {}: the SYN proxy ends: few half-open connections for 10 seconds",
                   service.name);
    }
  }
}

}  // namespace lb
