// DPDK and its drivers log by themselves. Their messages are kept until a failure of ours needs
// them as its reason; while the daemon runs, their errors go to our log.
#pragma once

#include <string>

namespace lb::dpdk_log {

// Before rte_eal_init(). From here on lines are collected and not shown.
void take_over();

// After rte_eal_init(), which loads the drivers: the libraries under AF_XDP, which print to stderr
// by themselves, are made to log here too.
void take_over_bpf();

// The start is done: errors are shown as they come, one warning line each.
void show();

// The last line that was logged since forget(); empty: none.
std::string last_line();
void forget();

}  // namespace lb::dpdk_log
