// Per-interface settings of the kernel's IPv4, under /proc/sys/net/ipv4/conf.
#pragma once

#include <string>

#include "config/base/result.h"

namespace lb::netlink {

// What a director's interface needs:
//
//   rp_filter=2     loose: packets of real servers and clients may arrive on another port than the
//                   kernel's route to them. 2 and not 0, because the kernel uses the larger of this
//                   and conf.all.rp_filter, and a strict 1 there would win.
//   arp_ignore=1    ARP is answered only on the interface that has the address; else every port
//                   would claim every VIP.
//   arp_announce=2  ARP requests have a sender address of the target's subnet, never a VIP: in DR
//                   mode a real server has the VIP too and must not learn it from us.
//   arp_accept=2    who announces itself becomes a neighbour, if its address is in the interface's
//                   subnet (before Linux 6.0: whatever it is): connections to clients follow
//                   neighbours, and the kernel forgets those that it does not use itself.
//
// A setting that has its value already is not written, so a read-only /proc/sys that was prepared
// from outside works.
Result<void> prepare_interface(const std::string& interface);

}  // namespace lb::netlink
