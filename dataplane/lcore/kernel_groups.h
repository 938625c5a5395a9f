// The multicast groups that the kernel listens to, as it reports them itself: those of the kernel
// interfaces are what their devices must let in.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace lb {

using GroupsByInterface = std::map<std::string, std::set<std::array<std::uint8_t, 6>>>;

// `file`: "/proc/net/dev_mcast". What is no Ethernet address is left out.
GroupsByInterface read_kernel_groups(const std::string& file);

}  // namespace lb
