// Per-interface settings of the kernel's IPv4, under /proc/sys/net/ipv4/conf.
#pragma once

#include <string>

#include "config/base/result.h"

namespace lb::netlink {

// What a director's interface needs:
//
//   rp_filter=2     loose: replies of real servers and of clients need not come in by the port that
//                   the kernel would send to them by. Written as 2 and not 0, because the kernel
//                   takes the larger of this and conf.all.rp_filter, and a strict 1 there would
//                   win.
//   arp_ignore=1    ARP is answered on the interface that bears the address only; else every port
//                   would claim every VIP.
//   arp_announce=2  ARP questions bear the sender address of the asked subnet, never a VIP: in DR
//                   mode a real server holds the VIP too and must not learn it from us.
//
// Settings that have the value already are not written, so that a read-only /proc/sys that was
// prepared from outside will do.
Result<void> prepare_interface(const std::string& interface);

}  // namespace lb::netlink
