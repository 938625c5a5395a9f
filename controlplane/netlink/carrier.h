// Whether an interface has a carrier, asked of the interface itself: the kernel tells of a lost one
// by netlink up to a second later.
#pragma once

#include <string>

namespace lb::netlink {

// Also true when it cannot be told.
bool has_carrier(const std::string& interface);

}  // namespace lb::netlink
