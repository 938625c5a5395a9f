// Any bytes as what the kernel says of its network: nothing outside a message is read, what is taken
// has the form that the rest relies on, and is the same in a message of our own; what is refused
// changes nothing.
//
// Input: messages, each its type, its size, its bytes.
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cstring>
#include <memory>

#include "controlplane/netlink/message.h"
#include "tests/fuzz/input.h"

namespace {

using namespace lb::netlink;
using lb::Address;

constexpr std::array<std::uint16_t, 12> kTypes{
    RTM_NEWLINK,  RTM_DELLINK,  RTM_NEWADDR, RTM_DELADDR, RTM_NEWNEIGH,   RTM_DELNEIGH,
    RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWRULE, RTM_DELRULE, RTM_NEWNEXTHOP, RTM_DELNEXTHOP};

bool check(const std::optional<Link>& link) {
  if (!link) return false;
  LB_FUZZ_CHECK(!link->name.empty() && link->name.size() < IFNAMSIZ);
  LB_FUZZ_CHECK(link->name.find('\0') == std::string::npos);
  return true;
}

bool check(const std::optional<InterfaceAddress>& address) {
  if (!address) return false;
  LB_FUZZ_CHECK(address->prefix.length <= address->prefix.address.bits());
  const Message ours = make_address(RTM_NEWADDR, address->index, address->prefix);
  const auto again = parse_address(nlmsg_hdr(ours.get()));
  LB_FUZZ_CHECK(again && again->index == address->index && again->prefix == address->prefix);
  LB_FUZZ_CHECK(again->owned);
  return true;
}

bool check(const std::optional<Neighbour>& neighbour) {
  if (!neighbour) return false;
  const Message ours = make_neighbour(neighbour->index, neighbour->address, neighbour->mac);
  const auto again = parse_neighbour(nlmsg_hdr(ours.get()));
  LB_FUZZ_CHECK(again && again->index == neighbour->index && again->mac == neighbour->mac);
  LB_FUZZ_CHECK(again->address == neighbour->address && again->owned);
  return true;
}

void check(const std::optional<RouteMessage>& route) {
  if (!route) return;
  const lb::Prefix& to = route->route.destination;
  LB_FUZZ_CHECK(to.length <= to.address.bits());
  LB_FUZZ_CHECK(to.address.is_ipv4() == route->route.via.is_ipv4());
  const auto again = parse_route(nlmsg_hdr(make_route(RTM_NEWROUTE, 0, route->route).get()));
  LB_FUZZ_CHECK(again && again->owned && again->route.via == route->route.via);
  LB_FUZZ_CHECK(again->route.destination == to.masked());
}

void check_hop(nlmsghdr* message, const char* to) {
  const Address destination = Address::parse(to).value();
  const auto hop = parse_hop(message, destination);
  if (!hop) return;
  LB_FUZZ_CHECK(hop->address.is_ipv4() == destination.is_ipv4());
  LB_FUZZ_CHECK(hop->gateway || hop->address == destination);
}

// Whether it says something that the state keeps.
bool check(nlmsghdr* message) {
  const bool link = check(parse_link(message));
  const bool address = check(parse_address(message));
  const bool neighbour = check(parse_neighbour(message));
  check(parse_route(message));
  check_hop(message, "10.0.0.11");
  check_hop(message, "2001:db8::11");
  if (message->nlmsg_type <= RTM_DELLINK) return link;
  if (message->nlmsg_type <= RTM_DELADDR) return address;
  if (message->nlmsg_type <= RTM_DELROUTE && message->nlmsg_type >= RTM_NEWROUTE) return true;
  if (message->nlmsg_type <= RTM_DELNEIGH) return neighbour;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::fuzz::Input input(data, size);
  State state;
  while (!input.rest(1).empty()) {
    nlmsghdr header{};
    header.nlmsg_type = kTypes[input.byte() % kTypes.size()];
    const auto body = input.rest(input.byte());
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + body.size());
    // No larger than the message, so that a sanitizer sees a byte too far.
    const std::unique_ptr<std::uint8_t[]> bytes(new std::uint8_t[header.nlmsg_len]);
    std::memcpy(bytes.get(), &header, sizeof header);
    if (!body.empty()) std::memcpy(bytes.get() + sizeof header, body.data(), body.size());
    auto* const message = reinterpret_cast<nlmsghdr*>(bytes.get());
    const bool kept = check(message);
    apply(message, state);
    LB_FUZZ_CHECK(kept || !state.take_changes().any());
    state.take_changes();
    for (const auto& [index, link] : state.links()) LB_FUZZ_CHECK(link.index == index);
    input.skip(body.size());
  }
  return 0;
}
