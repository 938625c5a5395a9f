#include <algorithm>

#include "vrrp/io.h"

namespace lb::vrrp {

bool accept(const Advert& advert, const Io::Options& options, Ipv4Address source,
            Ipv4Address own_address, Reject& reject) {
  const auto fail = [&reject](Reject why) {
    reject = why;
    return false;
  };
  const Advert& own = options.own;
  if (source == own_address) return fail(Reject::own_address);
  if (!options.unicast_peers.empty() &&
      std::ranges::find(options.unicast_peers, source) == options.unicast_peers.end()) {
    return fail(Reject::bad_sender);
  }
  if (advert.version != own.version) return fail(Reject::bad_version);
  if (advert.auth_pass != own.auth_pass) return fail(Reject::bad_auth);
  // Version 3 lets a master choose its own interval (RFC 9568 section 6.1).
  if (own.version == 2 && advert.interval != own.interval) return fail(Reject::bad_interval);
  std::vector<Ipv4Address> theirs = advert.addresses;
  std::vector<Ipv4Address> ours = own.addresses;
  std::ranges::sort(theirs);
  std::ranges::sort(ours);
  // The owner is trusted whatever it lists (RFC 3768 section 7.1).
  if (theirs != ours && advert.priority != kOwnerPriority) return fail(Reject::bad_address_list);
  if (options.owner && advert.priority == kOwnerPriority) return fail(Reject::owner_conflict);
  return true;
}

bool claims_ours(const Advert& advert, const Advert& own) {
  return advert.vrid != own.vrid &&
         std::ranges::find_first_of(advert.addresses, own.addresses) != advert.addresses.end();
}

}  // namespace lb::vrrp
