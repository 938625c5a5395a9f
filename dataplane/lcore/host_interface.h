// Interfaces of the host below ports.
#pragma once

#include <string>

namespace lb {

// Whether the interface is up and has a carrier; true if unknown. The drivers of
// AF_PACKET and AF_XDP ports say "up" whatever happens to it.
bool is_running(const std::string& interface);

// Sets or clears the carrier of our TAP, so that the kernel and its listeners know
// how the port fares.
void set_carrier(const std::string& tap, bool carrier);

// AF_PACKET ports only. The driver gets a copy of every frame; the kernel's own stack on that
// interface gets the frame as well, and would answer for the addresses on the port's kernel
// interface a second time. So that stack is set to accept nothing.
//
// Sets the interface's sysctls: strict reverse path filter (no route leads there), no answers to
// ARP, no forwarding, no IPv6. They stay when the process ends. `label` begins the log line that
// says so, or says what could not be done.
void keep_stack_off(const std::string& interface, const std::string& label);

}  // namespace lb
