// Whether an interface has a carrier, read from the interface itself: netlink reports a lost one up
// to a second later.
#pragma once

#include <string>

namespace lb::netlink {

// Also true when it cannot be read.
bool has_carrier(const std::string& interface);

}  // namespace lb::netlink
